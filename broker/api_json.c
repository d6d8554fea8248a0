#include "api_json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Keeps what follows the length aligned as malloc() does. */
#define HEAD_BYTES 16

static void *wiping_malloc(size_t size)
{
    if (size > SIZE_MAX - HEAD_BYTES)
        return NULL;
    char *block = malloc(size + HEAD_BYTES);
    if (!block)
        return NULL;
    memcpy(block, &size, sizeof size);
    return block + HEAD_BYTES;
}

static void wiping_free(void *bytes)
{
    if (!bytes)
        return;
    char *block = (char *)bytes - HEAD_BYTES;
    size_t size;
    memcpy(&size, block, sizeof size);
    secret_wipe_bytes(bytes, size);
    free(block);
}

void api_json_init(void)
{
    json_set_alloc_funcs(wiping_malloc, wiping_free);
}

char *api_json_encode(const json_t *value, size_t *ret_len)
{
    size_t len = json_dumpb(value, NULL, 0, JSON_COMPACT);
    char *bytes = len ? wiping_malloc(len + 2) : NULL;
    if (!bytes)
        return NULL;
    (void)json_dumpb(value, bytes, len, JSON_COMPACT);
    bytes[len] = '\n';
    bytes[len + 1] = '\0';
    *ret_len = len + 1;
    return bytes;
}

char *api_json_line(size_t *ret_len)
{
    char *bytes = wiping_malloc(2);
    if (!bytes)
        return NULL;
    memcpy(bytes, "\n", 2);
    *ret_len = 1;
    return bytes;
}

void api_json_free(void *bytes)
{
    wiping_free(bytes);
}

json_t *api_json_time(int64_t ms)
{
    if (ms <= 0)
        return json_null();
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    char text[48];
    if (!gmtime_r(&seconds, &tm))
        return json_null();
    size_t len = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + len, sizeof text - len, ".%03dZ", (int)(ms % 1000));
    return json_string(text);
}

int api_json_time_parse(const char *text, int64_t *ret_ms)
{
    struct tm tm = {0};
    const char *at = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (!at)
        return CE_BAD_INPUT;
    int ms = 0;
    if (*at == '.') {
        int scale = 100;
        for (at++; *at >= '0' && *at <= '9'; at++) {
            ms += (*at - '0') * scale;
            scale /= 10;
        }
    }
    if (strcmp(at, "Z") && strcmp(at, "+00:00"))
        return CE_BAD_INPUT;
    *ret_ms = (int64_t)timegm(&tm) * 1000 + ms;
    return 0;
}

json_t *api_json_text(const char *text)
{
    json_t *value = json_string(text);
    if (value)
        return value;
    char clean[2048];
    size_t n = 0;
    for (; text[n] && n < sizeof clean - 1; n++)
        clean[n] = (unsigned char)text[n] < 0x80 ? text[n] : '?';
    clean[n] = '\0';
    return json_string(clean);
}

void api_reader_init(struct api_reader *reader, const json_t *object, const char *where)
{
    *reader = (struct api_reader){.object = object, .where = where};
}

void api_reader_refuse(struct api_reader *reader, const char *fmt, ...)
{
    if (reader->err.code)
        return;
    va_list args;
    va_start(args, fmt);
    vsnprintf(reader->err.text, sizeof reader->err.text, fmt, args);
    va_end(args);
    reader->err.code = CE_BAD_INPUT;
}

/* The member, NULL where it is missing (refused when required). An explicit null is the wrong type. */
static const json_t *reader_member(struct api_reader *reader, const char *name, enum api_presence presence)
{
    if (reader->asked_count < API_READER_MEMBERS_MAX)
        reader->asked[reader->asked_count++] = name;
    const json_t *value = json_object_get(reader->object, name);
    if (!value && presence == API_REQUIRED)
        api_reader_refuse(reader, "The member \"%s%s\" is missing.", reader->where, name);
    return value;
}

static const char *reader_string(struct api_reader *reader, const char *name, enum api_presence presence,
                                 size_t max_bytes, size_t *ret_len)
{
    const json_t *value = reader_member(reader, name, presence);
    if (!value)
        return NULL;
    if (!json_is_string(value)) {
        api_reader_refuse(reader, "The member \"%s%s\" must be a string.", reader->where, name);
        return NULL;
    }
    *ret_len = json_string_length(value);
    if (*ret_len > max_bytes) {
        api_reader_refuse(reader, "The member \"%s%s\" is longer than %zu bytes.", reader->where, name,
                          max_bytes);
        return NULL;
    }
    return json_string_value(value);
}

bool api_reader_text(struct api_reader *reader, const char *name, enum api_presence presence, char *ret,
                     size_t size)
{
    size_t len;
    const char *text = reader_string(reader, name, presence, size - 1, &len);
    if (!text)
        return false;
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
            api_reader_refuse(reader, "The member \"%s%s\" has a control character in it.", reader->where,
                              name);
            return false;
        }
    }
    memcpy(ret, text, len + 1);
    return true;
}

bool api_reader_secret(struct api_reader *reader, const char *name, enum api_presence presence,
                       struct secret *ret)
{
    size_t len;
    const char *text = reader_string(reader, name, presence, SECRET_MAX_BYTES, &len);
    return text && secret_set(ret, text, len) == 0;
}

bool api_reader_u64(struct api_reader *reader, const char *name, enum api_presence presence, uint64_t min,
                    uint64_t max, uint64_t *ret)
{
    const json_t *value = reader_member(reader, name, presence);
    if (!value)
        return false;
    if (!json_is_integer(value)) {
        api_reader_refuse(reader, "The member \"%s%s\" must be a whole number.", reader->where, name);
        return false;
    }
    json_int_t number = json_integer_value(value);
    if (number < 0 || (uint64_t)number < min || (uint64_t)number > max) {
        api_reader_refuse(reader, "The member \"%s%s\" must be from %llu to %llu.", reader->where, name,
                          (unsigned long long)min, (unsigned long long)max);
        return false;
    }
    *ret = (uint64_t)number;
    return true;
}

bool api_reader_u32(struct api_reader *reader, const char *name, enum api_presence presence, uint32_t min,
                    uint32_t max, uint32_t *ret)
{
    uint64_t value;
    if (!api_reader_u64(reader, name, presence, min, max, &value))
        return false;
    *ret = (uint32_t)value;
    return true;
}

bool api_reader_flag(struct api_reader *reader, const char *name, enum api_presence presence, bool *ret)
{
    const json_t *value = reader_member(reader, name, presence);
    if (!value)
        return false;
    if (!json_is_boolean(value)) {
        api_reader_refuse(reader, "The member \"%s%s\" must be true or false.", reader->where, name);
        return false;
    }
    *ret = json_is_true(value);
    return true;
}

bool api_reader_choice(struct api_reader *reader, const char *name, enum api_presence presence,
                       int (*parse)(const char *name), const char *choices, int *ret)
{
    char text[64];
    if (!api_reader_text(reader, name, presence, text, sizeof text))
        return false;
    int value = parse(text);
    if (value < 0) {
        api_reader_refuse(reader, "The member \"%s%s\" must be one of %s.", reader->where, name, choices);
        return false;
    }
    *ret = value;
    return true;
}

bool api_reader_array(struct api_reader *reader, const char *name, enum api_presence presence,
                      const json_t **ret)
{
    const json_t *value = reader_member(reader, name, presence);
    if (!value)
        return false;
    if (!json_is_array(value)) {
        api_reader_refuse(reader, "The member \"%s%s\" must be an array.", reader->where, name);
        return false;
    }
    *ret = value;
    return true;
}

bool api_reader_object(struct api_reader *reader, const char *name, enum api_presence presence,
                       const json_t **ret)
{
    const json_t *value = reader_member(reader, name, presence);
    if (!value)
        return false;
    if (!json_is_object(value)) {
        api_reader_refuse(reader, "The member \"%s%s\" must be an object.", reader->where, name);
        return false;
    }
    *ret = value;
    return true;
}

bool api_reader_has(const struct api_reader *reader, const char *name)
{
    return json_object_get(reader->object, name) != NULL;
}

static bool reader_asked_for(const struct api_reader *reader, const char *name)
{
    for (size_t i = 0; i < reader->asked_count; i++) {
        if (!strcmp(reader->asked[i], name))
            return true;
    }
    return false;
}

int api_reader_finish(struct api_reader *reader)
{
    /* jansson's iterators want an object that may be changed; nothing here does. */
    union {
        const json_t *borrowed;
        json_t *object;
    } members = {.borrowed = reader->object};
    const char *name;
    json_t *value;
    json_object_foreach(members.object, name, value)
    {
        if (!reader_asked_for(reader, name))
            api_reader_refuse(reader, "The member \"%s%.64s\" is not known here.", reader->where, name);
    }
    return reader->err.code;
}
