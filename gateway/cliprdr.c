#include "cliprdr.h"

#include <string.h>

#include "cursor.h"

enum {
    CAPS_GENERAL = 1,
    CAPS_SET_HEADER_LEN = 4,
    SHORT_NAME_LEN = 32, /* 2.2.3.1.1.1 */
    CF_HDROP = 15,
    NAME_MAX = 40, /* characters that are compared; the names that matter are shorter */
};

/* Formats by which files, or their names, are offered. */
static const char *const file_formats[] = {"FileGroupDescriptorW", "FileGroupDescriptor", "FileContents",
                                           "FileNameW", "FileName"};

int cliprdr_parse(const uint8_t *message, size_t len, struct cliprdr_header *ret)
{
    struct cursor c = cursor_init(message, len);
    struct cliprdr_header header = {.type = cursor_u16_le(&c)};
    header.flags = cursor_u16_le(&c);
    header.data_len = cursor_u32_le(&c);
    if (!cursor_ok(&c))
        return CE_BAD_INPUT;
    header.number = cursor_u32_le(&c);
    *ret = header;
    return 0;
}

/* 2.2.2.1 Clipboard Capabilities PDU */
int cliprdr_caps_change(uint8_t *message, size_t len, uint32_t clear, uint32_t *ret_flags)
{
    struct cursor c = cursor_init(message, len);
    cursor_skip(&c, CLIPRDR_HEADER_LEN);
    uint16_t count = cursor_u16_le(&c);
    cursor_skip(&c, 2);
    for (uint16_t i = 0; i < count; i++) {
        uint16_t type = cursor_u16_le(&c);
        uint16_t set_len = cursor_u16_le(&c);
        if (!cursor_ok(&c) || set_len < CAPS_SET_HEADER_LEN)
            return CE_NOT_FOUND;
        struct cursor body = cursor_sub(&c, set_len - (size_t)CAPS_SET_HEADER_LEN);
        cursor_skip(&body, 4); /* version */
        const uint8_t *at = body.at;
        uint32_t flags = cursor_u32_le(&body);
        if (type != CAPS_GENERAL || !cursor_ok(&body))
            continue;
        put_u32_le(message + (at - message), flags & ~clear);
        *ret_flags = flags;
        return 0;
    }
    return CE_NOT_FOUND;
}

/* A name in ASCII, cut; what is no ASCII is '?'. STEP: bytes of a character. */
static void name_read(const uint8_t *bytes, size_t len, size_t step, char ret[NAME_MAX + 1])
{
    size_t n = 0;
    for (size_t at = 0; at + step <= len && n < NAME_MAX; at += step) {
        unsigned high = step == 2 ? bytes[at + 1] : 0;
        if (!bytes[at] && !high)
            break;
        ret[n++] = !high && bytes[at] < 0x80 ? (char)bytes[at] : '?';
    }
    ret[n] = '\0';
}

static bool is_of_files(uint32_t id, const char *name)
{
    for (size_t i = 0; i < sizeof file_formats / sizeof file_formats[0]; i++) {
        if (!strcmp(file_formats[i], name))
            return true;
    }
    return id == CF_HDROP;
}

/* Steps over one entry's name: 32 bytes, or UTF-16 up to its terminator. */
static void name_take(struct cursor *c, bool long_names, bool ascii, char ret[NAME_MAX + 1])
{
    ret[0] = '\0';
    if (!long_names) {
        const uint8_t *bytes = cursor_take(c, SHORT_NAME_LEN);
        if (bytes)
            name_read(bytes, SHORT_NAME_LEN, ascii ? 1 : 2, ret);
        return;
    }
    const uint8_t *start = c->at;
    while (cursor_ok(c)) {
        if (cursor_u16_le(c) == 0 && cursor_ok(c)) {
            name_read(start, (size_t)(c->at - start), 2, ret);
            return;
        }
    }
}

int cliprdr_remove_files(uint8_t *message, size_t *len, bool long_names, struct cliprdr_formats *ret_removed)
{
    struct cursor c = cursor_init(message, *len);
    struct cliprdr_header header;
    struct cliprdr_formats removed = {0};
    uint8_t *end = message + CLIPRDR_HEADER_LEN;
    if (cliprdr_parse(message, *len, &header))
        return CE_BAD_INPUT;
    cursor_skip(&c, CLIPRDR_HEADER_LEN);
    if (header.data_len > cursor_left(&c))
        return CE_BAD_INPUT;
    struct cursor list = cursor_sub(&c, header.data_len); /* zeroes that fill the chunk may follow */
    while (cursor_left(&list)) {
        char name[NAME_MAX + 1];
        const uint8_t *start = list.at;
        uint32_t id = cursor_u32_le(&list);
        name_take(&list, long_names, (header.flags & CLIPRDR_ASCII_NAMES) != 0, name);
        if (!cursor_ok(&list))
            return CE_BAD_INPUT;
        if (!is_of_files(id, name)) {
            memmove(end, start, (size_t)(list.at - start));
            end += list.at - start;
        } else if (removed.count == CLIPRDR_FILE_FORMATS_MAX) {
            return CE_LIMIT;
        } else {
            removed.ids[removed.count++] = id;
        }
    }
    *len = (size_t)(end - message);
    put_u32_le(message + 4, (uint32_t)(*len - CLIPRDR_HEADER_LEN));
    *ret_removed = removed;
    return 0;
}

void cliprdr_write(struct writer *w, enum cliprdr_type type, uint16_t flags)
{
    writer_u16_le(w, (uint16_t)type);
    writer_u16_le(w, flags);
    writer_u32_le(w, 0);
}

void cliprdr_write_no_file(struct writer *w, uint32_t stream_id)
{
    writer_u16_le(w, CLIPRDR_FILE_RESPONSE);
    writer_u16_le(w, CLIPRDR_FAIL);
    writer_u32_le(w, 4);
    writer_u32_le(w, stream_id);
}
