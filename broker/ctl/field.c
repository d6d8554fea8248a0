#include "field.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "format.h"

static const json_t *member(const json_t *object, const char *key)
{
    if (!*key)
        return object;
    const json_t *at = object;
    char part[64];
    while (at && *key) {
        size_t n = strcspn(key, ".");
        snprintf(part, sizeof part, "%.*s", (int)n, key);
        at = json_object_get(at, part);
        key += n + (key[n] == '.');
    }
    return at;
}

static void put_plain(const json_t *value, char *text, size_t size)
{
    if (json_is_string(value))
        snprintf(text, size, "%s", json_string_value(value));
    else if (json_is_integer(value))
        snprintf(text, size, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        snprintf(text, size, "%.1f", json_real_value(value));
    else if (json_is_boolean(value))
        snprintf(text, size, "%s", json_is_true(value) ? "yes" : "no");
}

static void put_names(const json_t *value, char *text, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(value) && n < size; i++) {
        const char *name = json_string_value(json_array_get(value, i));
        int k = snprintf(text + n, size - n, "%s%s", i ? ", " : "", name ? name : "?");
        n += k > 0 ? (size_t)k : 0;
    }
}

static void put_time(const json_t *value, bool long_form, long long now_s, char *text, size_t size)
{
    const char *stamp = json_string_value(value);
    int64_t at_s = 0;
    if (!stamp || !format_parse_time(stamp, &at_s))
        return;
    bool ahead = at_s > now_s;
    char age[FORMAT_SIZE], local[FORMAT_SIZE];
    format_age(age, sizeof age, ahead ? at_s - now_s : now_s - at_s);
    if (!long_form) {
        snprintf(text, size, "%s%s", ahead && strcmp(age, "now") ? "in " : "", age);
        return;
    }
    format_local_time(local, sizeof local, at_s);
    const char *before = ahead && strcmp(age, "now") ? "in " : "";
    const char *behind = ahead || !strcmp(age, "now") ? "" : " ago";
    snprintf(text, size, "%s (%s%s%s)", local, before, age, behind);
}

/* The RDP clients that show a SHA-256 fingerprint show it in pairs with colons. */
static void put_fingerprint(const json_t *value, char *text, size_t size)
{
    const char *hex = json_string_value(value);
    size_t n = 0;
    for (size_t i = 0; hex && hex[i] && n + 2 < size; i++) {
        if (i && i % 2 == 0)
            text[n++] = ':';
        text[n++] = hex[i];
    }
    text[n] = '\0';
}

static void put_quantity(const struct field *f, const json_t *value, char *text, size_t size)
{
    if (!json_is_number(value) || json_number_value(value) < 0)
        return;
    double n = json_number_value(value);
    if (f->kind == FIELD_PERCENT)
        snprintf(text, size, "%.0f %%", n);
    else
        format_bytes(text, size, (uint64_t)(f->kind == FIELD_MIB ? n * 1048576 : n));
}

const char *field_format(const struct field *f, const json_t *object, bool long_form, long long now_s,
                         char *text, size_t size)
{
    char raw[FIELD_TEXT_SIZE] = "";
    const json_t *value = member(object, f->key);
    if (f->text) {
        f->text(object, raw, sizeof raw);
    } else {
        switch (f->kind) {
        case FIELD_TEXT:
        case FIELD_STATE:
        case FIELD_FLAG:
            put_plain(value, raw, sizeof raw);
            break;
        case FIELD_TIME:
            put_time(value, long_form, now_s, raw, sizeof raw);
            break;
        case FIELD_BYTES:
        case FIELD_MIB:
        case FIELD_PERCENT:
            put_quantity(f, value, raw, sizeof raw);
            break;
        case FIELD_NAMES:
            put_names(value, raw, sizeof raw);
            break;
        case FIELD_FINGERPRINT:
            put_fingerprint(value, raw, sizeof raw);
            break;
        }
    }
    if ((f->place & FIELD_NOT_ZERO) && json_is_number(value) && json_number_value(value) == 0)
        raw[0] = '\0';
    return format_clean(text, size, raw);
}

const struct field *field_find(const struct field *fields, const char *name, size_t len)
{
    for (const struct field *f = fields; f && f->name; f++) {
        if (strlen(f->name) == len && !strncasecmp(f->name, name, len))
            return f;
    }
    return NULL;
}

const char *field_state_colour(const char *state)
{
    static const struct {
        const char *word;
        const char *colour;
    } colours[] = {
        {"ready", "green"},         {"up", "green"},         {"active", "green"},
        {"in_use", "green"},        {"enabled", "green"},    {"ok", "green"},
        {"failed", "red"},          {"down", "red"},         {"mistrusted", "red"},
        {"draining", "magenta"},    {"stopped", "red"},      {"cloning", "yellow"},
        {"booting", "yellow"},      {"claimed", "yellow"},   {"importing", "yellow"},
        {"starting", "yellow"},     {"recycling", "yellow"}, {"deleting", "yellow"},
        {"maintenance", "magenta"}, {"disabled", "magenta"}, {"disconnected", "cyan"},
    };
    size_t len = strcspn(state, " ");
    for (size_t i = 0; i < sizeof colours / sizeof colours[0]; i++) {
        if (strlen(colours[i].word) == len && !strncmp(state, colours[i].word, len))
            return colours[i].colour;
    }
    return NULL;
}
