#include "keyboard.h"

#include <stdlib.h>
#include <string.h>

#include <xkbcommon/xkbcommon-compose.h>
#include <xkbcommon/xkbcommon.h>

enum {
    EVDEV_OFFSET = 8, /* of X's key codes, which xkb's descriptions count in */
    LAYOUT_LANGUAGE_MASK = 0xffff,
};

struct keyboard {
    struct xkb_context *context;
    struct xkb_keymap *keymap;
    struct xkb_state *state;
    struct xkb_compose_table *table; /* dead keys; NULL where the system has no description */
    struct xkb_compose_state *compose;
    xkb_keysym_t dead; /* the accent that waits */
    uint16_t high_surrogate;
};

/* Windows' input locales and what the system calls them. The low word is the language; the few layouts of
 * which one language has several stand with their whole number. */
static const struct {
    uint32_t id;
    const char *layout, *variant;
} layouts[] = {
    {0x00010409, "us", "dvorak"}, {0x00020409, "us", "intl"},   {0x0001080c, "be", ""},
    {0x00010415, "pl", "qwertz"}, {0x00010405, "cz", "qwerty"}, {0x00011009, "ca", "multix"},
    {0x0401, "ara", ""},          {0x0402, "bg", ""},           {0x0405, "cz", ""},
    {0x0406, "dk", ""},           {0x0407, "de", ""},           {0x0408, "gr", ""},
    {0x0409, "us", ""},           {0x040a, "es", ""},           {0x040b, "fi", ""},
    {0x040c, "fr", ""},           {0x040d, "il", ""},           {0x040e, "hu", ""},
    {0x040f, "is", ""},           {0x0410, "it", ""},           {0x0411, "jp", ""},
    {0x0412, "kr", ""},           {0x0413, "nl", ""},           {0x0414, "no", ""},
    {0x0415, "pl", ""},           {0x0416, "br", ""},           {0x0418, "ro", ""},
    {0x0419, "ru", ""},           {0x041a, "hr", ""},           {0x041b, "sk", ""},
    {0x041d, "se", ""},           {0x041f, "tr", ""},           {0x0422, "ua", ""},
    {0x0424, "si", ""},           {0x0425, "ee", ""},           {0x0426, "lv", ""},
    {0x0427, "lt", ""},           {0x0807, "ch", ""},           {0x0809, "gb", ""},
    {0x080a, "latam", ""},        {0x080c, "be", ""},           {0x0816, "pt", ""},
    {0x0c0a, "es", ""},           {0x0c0c, "ca", ""},           {0x0c07, "de", ""},
    {0x100c, "ch", "fr"},         {0x1009, "ca", ""},           {0x1809, "gb", ""},
};

static void names_find(uint32_t id, struct xkb_rule_names *ret)
{
    *ret = (struct xkb_rule_names){.rules = "evdev", .model = "pc105", .layout = "us"};
    for (unsigned pass = 0; pass < 2; pass++) {
        uint32_t wanted = pass ? id & LAYOUT_LANGUAGE_MASK : id;
        for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++) {
            if (layouts[i].id == wanted) {
                ret->layout = layouts[i].layout;
                ret->variant = layouts[i].variant;
                return;
            }
        }
    }
}

int keyboard_create(struct keyboard **ret, uint32_t layout)
{
    struct keyboard *k = calloc(1, sizeof *k);
    struct xkb_rule_names names;
    if (!k)
        return CE_NOMEM;
    names_find(layout, &names);
    k->context = xkb_context_new(XKB_CONTEXT_NO_ENVIRONMENT_NAMES);
    if (k->context)
        k->keymap = xkb_keymap_new_from_names(k->context, &names, XKB_KEYMAP_COMPILE_NO_FLAGS);
    if (k->keymap)
        k->state = xkb_state_new(k->keymap);
    if (!k->state) {
        keyboard_destroy(&k);
        return CE_NOT_FOUND;
    }
    k->table = xkb_compose_table_new_from_locale(k->context, "en_US.UTF-8", XKB_COMPOSE_COMPILE_NO_FLAGS);
    if (k->table)
        k->compose = xkb_compose_state_new(k->table, XKB_COMPOSE_STATE_NO_FLAGS);
    *ret = k;
    return 0;
}

void keyboard_destroy(struct keyboard **keyboard)
{
    struct keyboard *k = *keyboard;
    if (!k)
        return;
    xkb_compose_state_unref(k->compose);
    xkb_compose_table_unref(k->table);
    xkb_state_unref(k->state);
    xkb_keymap_unref(k->keymap);
    xkb_context_unref(k->context);
    free(k);
    *keyboard = NULL;
}

/* Up to 0x58 the kernel's key codes are scancodes of set 1; those with the prefix E0 have their own. */
static uint32_t key_code(uint8_t code, bool extended)
{
    static const struct {
        uint8_t code, key;
    } others[] = {
        {0x1c, 96},  {0x1d, 97},  {0x35, 98},  {0x38, 100}, {0x47, 102}, {0x48, 103},
        {0x49, 104}, {0x4b, 105}, {0x4d, 106}, {0x4f, 107}, {0x50, 108}, {0x51, 109},
        {0x52, 110}, {0x53, 111}, {0x5b, 125}, {0x5c, 126},
    };
    if (!extended)
        return code <= 0x58 ? code + EVDEV_OFFSET : 0;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (others[i].code == code)
            return others[i].key + EVDEV_OFFSET;
    return 0;
}

static bool key_of(xkb_keysym_t symbol, enum form_key *ret)
{
    static const struct {
        xkb_keysym_t symbol;
        enum form_key key;
    } keys[] = {
        {XKB_KEY_Tab, FORM_KEY_TAB},        {XKB_KEY_ISO_Left_Tab, FORM_KEY_BACKTAB},
        {XKB_KEY_Return, FORM_KEY_ENTER},   {XKB_KEY_KP_Enter, FORM_KEY_ENTER},
        {XKB_KEY_Escape, FORM_KEY_ESCAPE},  {XKB_KEY_BackSpace, FORM_KEY_BACKSPACE},
        {XKB_KEY_Delete, FORM_KEY_DELETE},  {XKB_KEY_KP_Delete, FORM_KEY_DELETE},
        {XKB_KEY_Left, FORM_KEY_LEFT},      {XKB_KEY_KP_Left, FORM_KEY_LEFT},
        {XKB_KEY_Right, FORM_KEY_RIGHT},    {XKB_KEY_KP_Right, FORM_KEY_RIGHT},
        {XKB_KEY_Home, FORM_KEY_HOME},      {XKB_KEY_KP_Home, FORM_KEY_HOME},
        {XKB_KEY_End, FORM_KEY_END},        {XKB_KEY_KP_End, FORM_KEY_END},
        {XKB_KEY_Up, FORM_KEY_UP},          {XKB_KEY_KP_Up, FORM_KEY_UP},
        {XKB_KEY_Down, FORM_KEY_DOWN},      {XKB_KEY_KP_Down, FORM_KEY_DOWN},
        {XKB_KEY_Prior, FORM_KEY_PAGE_UP},  {XKB_KEY_KP_Prior, FORM_KEY_PAGE_UP},
        {XKB_KEY_Next, FORM_KEY_PAGE_DOWN}, {XKB_KEY_KP_Next, FORM_KEY_PAGE_DOWN},
    };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (keys[i].symbol == symbol) {
            *ret = keys[i].key;
            return true;
        }
    }
    return false;
}

/* An accent and a letter that it does not go on: both stand by themselves then, as on Windows. */
static void accent_alone(struct keyboard *k, xkb_keysym_t symbol, struct keyboard_stroke *ret)
{
    size_t len = 0;
    xkb_compose_state_reset(k->compose);
    (void)xkb_compose_state_feed(k->compose, k->dead);
    (void)xkb_compose_state_feed(k->compose, XKB_KEY_space);
    if (xkb_compose_state_get_status(k->compose) == XKB_COMPOSE_COMPOSED)
        xkb_compose_state_get_utf8(k->compose, ret->text, sizeof ret->text);
    len = strlen(ret->text);
    if (xkb_keysym_to_utf8(symbol, ret->text + len, sizeof ret->text - len) <= 0)
        ret->text[len] = '\0';
    xkb_compose_state_reset(k->compose);
}

/* Dead keys: an accent waits for its letter. True: RET holds what came of it. */
static bool composed(struct keyboard *k, xkb_keysym_t symbol, struct keyboard_stroke *ret)
{
    if (!k->compose || xkb_compose_state_feed(k->compose, symbol) == XKB_COMPOSE_FEED_IGNORED)
        return false;
    switch (xkb_compose_state_get_status(k->compose)) {
    case XKB_COMPOSE_COMPOSED:
        xkb_compose_state_get_utf8(k->compose, ret->text, sizeof ret->text);
        xkb_compose_state_reset(k->compose);
        return true;
    case XKB_COMPOSE_CANCELLED:
        accent_alone(k, symbol, ret);
        return true;
    case XKB_COMPOSE_COMPOSING:
        k->dead = symbol;
        return true;
    case XKB_COMPOSE_NOTHING:
        break;
    }
    return false;
}

static bool is_control(const char *text)
{
    return (unsigned char)text[0] < ' ' || text[0] == 0x7f;
}

void keyboard_press(struct keyboard *k, uint8_t code, bool extended, bool down, struct keyboard_stroke *ret)
{
    uint32_t key = key_code(code, extended);
    *ret = (struct keyboard_stroke){0};
    if (!key)
        return;
    if (down) {
        xkb_keysym_t symbol = xkb_state_key_get_one_sym(k->state, key);
        bool control =
            xkb_state_mod_name_is_active(k->state, XKB_MOD_NAME_CTRL, XKB_STATE_MODS_EFFECTIVE) > 0;
        ret->has_key = key_of(symbol, &ret->key);
        if (!ret->has_key && control && (symbol == XKB_KEY_u || symbol == XKB_KEY_U)) {
            ret->has_key = true;
            ret->key = FORM_KEY_CLEAR;
        }
        if (!ret->has_key && !composed(k, symbol, ret))
            xkb_state_key_get_utf8(k->state, key, ret->text, sizeof ret->text);
        if (is_control(ret->text))
            ret->text[0] = '\0';
    }
    xkb_state_update_key(k->state, key, down ? XKB_KEY_DOWN : XKB_KEY_UP);
}

void keyboard_unicode(struct keyboard *k, uint16_t unit, struct keyboard_stroke *ret)
{
    uint32_t point = unit;
    *ret = (struct keyboard_stroke){0};
    if (unit >= 0xd800 && unit < 0xdc00) {
        k->high_surrogate = unit;
        return;
    }
    if (unit >= 0xdc00 && unit < 0xe000) {
        if (!k->high_surrogate)
            return;
        point = 0x10000 + ((uint32_t)(k->high_surrogate - 0xd800) << 10 | (uint32_t)(unit - 0xdc00));
    }
    k->high_surrogate = 0;
    if (point == '\t' || point == '\r' || point == '\n') {
        ret->has_key = true;
        ret->key = point == '\t' ? FORM_KEY_TAB : FORM_KEY_ENTER;
        return;
    }
    if (point == '\b') {
        ret->has_key = true;
        ret->key = FORM_KEY_BACKSPACE;
        return;
    }
    /* xkb's symbols for characters are their code points behind this bit. */
    if (xkb_keysym_to_utf8(point < 0x100 ? point : point | 0x01000000, ret->text, sizeof ret->text) <= 0 ||
        is_control(ret->text))
        ret->text[0] = '\0';
}

void keyboard_locks(struct keyboard *k, bool caps, bool num)
{
    xkb_mod_index_t caps_index = xkb_keymap_mod_get_index(k->keymap, XKB_MOD_NAME_CAPS);
    xkb_mod_index_t num_index = xkb_keymap_mod_get_index(k->keymap, XKB_MOD_NAME_NUM);
    xkb_mod_mask_t locked = 0;
    if (caps && caps_index != XKB_MOD_INVALID)
        locked |= 1u << caps_index;
    if (num && num_index != XKB_MOD_INVALID)
        locked |= 1u << num_index;
    /* A client sends this as it comes into focus: no key is held then. */
    xkb_state_update_mask(k->state, 0, 0, locked, 0, 0, 0);
}

bool keyboard_has_caps_lock(const struct keyboard *k)
{
    return xkb_state_mod_name_is_active(k->state, XKB_MOD_NAME_CAPS, XKB_STATE_MODS_LOCKED) > 0;
}
