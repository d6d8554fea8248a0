#include "keyboard.h"

#include <string.h>

#include "suite.h"

enum {
    US = 0x409,
    GERMAN = 0x407,
    FRENCH = 0x40c,
    UNKNOWN = 0xfefe,
    SHIFT = 0x2a,
    RIGHT_ALT = 0x38, /* with the prefix */
    CONTROL = 0x1d,
};

static struct keyboard *keyboard;
static struct keyboard_stroke stroke;

static void begin(uint32_t layout)
{
    keyboard_destroy(&keyboard);
    CU_ASSERT_EQUAL_FATAL(keyboard_create(&keyboard, layout), 0);
}

static const char *typed(uint8_t code)
{
    struct keyboard_stroke up;
    keyboard_press(keyboard, code, false, true, &stroke);
    keyboard_press(keyboard, code, false, false, &up);
    return stroke.text;
}

static void hold(uint8_t code, bool extended, bool down)
{
    keyboard_press(keyboard, code, extended, down, &stroke);
}

static const char *typed_with(uint8_t held, bool extended, uint8_t code)
{
    struct keyboard_stroke kept;
    hold(held, extended, true);
    typed(code);
    kept = stroke;
    hold(held, extended, false);
    stroke = kept;
    return stroke.text;
}

static void each_layout_has_its_own_letters(void)
{
    begin(US);
    CU_ASSERT_STRING_EQUAL(typed(0x15), "y");
    CU_ASSERT_STRING_EQUAL(typed_with(SHIFT, false, 0x03), "@");
    begin(GERMAN);
    CU_ASSERT_STRING_EQUAL(typed(0x15), "z");
    CU_ASSERT_STRING_EQUAL(typed(0x2c), "y");
    CU_ASSERT_STRING_EQUAL(typed(0x27), "\xc3\xb6");
    CU_ASSERT_STRING_EQUAL(typed_with(SHIFT, false, 0x27), "\xc3\x96");
    CU_ASSERT_STRING_EQUAL(typed_with(RIGHT_ALT, true, 0x10), "@");
    CU_ASSERT_STRING_EQUAL(typed_with(RIGHT_ALT, true, 0x12), "\xe2\x82\xac");
    begin(FRENCH);
    CU_ASSERT_STRING_EQUAL(typed(0x10), "a");
    begin(UNKNOWN);
    CU_ASSERT_STRING_EQUAL(typed(0x10), "q");
    keyboard_destroy(&keyboard);
}

static void accents_wait_for_their_letter(void)
{
    begin(GERMAN);
    CU_ASSERT_STRING_EQUAL(typed(0x0d), "");
    CU_ASSERT_STRING_EQUAL(typed(0x12), "\xc3\xa9");
    CU_ASSERT_STRING_EQUAL(typed(0x29), "");
    CU_ASSERT_STRING_EQUAL(typed(0x39), "^");
    CU_ASSERT_STRING_EQUAL(typed(0x29), "");
    CU_ASSERT_STRING_EQUAL(typed(0x2d), "^x");
    CU_ASSERT_STRING_EQUAL(typed(0x2d), "x");
    keyboard_destroy(&keyboard);
}

static void keys_of_the_form_are_told_apart(void)
{
    static const struct {
        uint8_t code;
        bool extended;
        enum form_key key;
    } keys[] = {
        {0x0f, false, FORM_KEY_TAB},    {0x1c, false, FORM_KEY_ENTER},     {0x1c, true, FORM_KEY_ENTER},
        {0x01, false, FORM_KEY_ESCAPE}, {0x48, true, FORM_KEY_UP},         {0x50, true, FORM_KEY_DOWN},
        {0x49, true, FORM_KEY_PAGE_UP}, {0x51, true, FORM_KEY_PAGE_DOWN},  {0x47, true, FORM_KEY_HOME},
        {0x4f, true, FORM_KEY_END},     {0x0e, false, FORM_KEY_BACKSPACE}, {0x53, true, FORM_KEY_DELETE}};
    begin(US);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        keyboard_press(keyboard, keys[i].code, keys[i].extended, true, &stroke);
        CU_ASSERT_TRUE(stroke.has_key);
        CU_ASSERT_EQUAL(stroke.key, keys[i].key);
        keyboard_press(keyboard, keys[i].code, keys[i].extended, false, &stroke);
        CU_ASSERT_FALSE(stroke.has_key);
    }
    typed_with(SHIFT, false, 0x0f);
    CU_ASSERT_TRUE(stroke.has_key);
    CU_ASSERT_EQUAL(stroke.key, FORM_KEY_BACKTAB);
    typed_with(CONTROL, false, 0x16);
    CU_ASSERT_TRUE(stroke.has_key);
    CU_ASSERT_EQUAL(stroke.key, FORM_KEY_CLEAR);
    keyboard_destroy(&keyboard);
}

static void the_lock_key_is_known_from_the_client_and_from_the_key(void)
{
    begin(US);
    keyboard_locks(keyboard, true, false);
    CU_ASSERT_TRUE(keyboard_has_caps_lock(keyboard));
    CU_ASSERT_STRING_EQUAL(typed(0x10), "Q");
    typed(0x3a);
    CU_ASSERT_FALSE(keyboard_has_caps_lock(keyboard));
    CU_ASSERT_STRING_EQUAL(typed(0x10), "q");
    keyboard_destroy(&keyboard);
}

static void characters_that_the_client_made_come_whole(void)
{
    begin(US);
    keyboard_unicode(keyboard, 0xe4, &stroke);
    CU_ASSERT_STRING_EQUAL(stroke.text, "\xc3\xa4");
    keyboard_unicode(keyboard, 0xd83d, &stroke);
    CU_ASSERT_STRING_EQUAL(stroke.text, "");
    keyboard_unicode(keyboard, 0xde00, &stroke);
    CU_ASSERT_STRING_EQUAL(stroke.text, "\xf0\x9f\x98\x80");
    keyboard_unicode(keyboard, '\r', &stroke);
    CU_ASSERT_TRUE(stroke.has_key);
    CU_ASSERT_EQUAL(stroke.key, FORM_KEY_ENTER);
    keyboard_unicode(keyboard, 0x1b, &stroke);
    CU_ASSERT_STRING_EQUAL(stroke.text, "");
    keyboard_destroy(&keyboard);
}

SUITE("keyboard", TEST(each_layout_has_its_own_letters), TEST(accents_wait_for_their_letter),
      TEST(keys_of_the_form_are_told_apart), TEST(the_lock_key_is_known_from_the_client_and_from_the_key),
      TEST(characters_that_the_client_made_come_whole))
