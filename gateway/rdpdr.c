#include "rdpdr.h"

#include <string.h>

#include "cursor.h"
#include "writer.h"

enum {
    LIST_COUNT_AT = 4,
    LIST_DEVICES_AT = 8,
    DEVICE_NAME_LEN = 8, /* PreferredDosName */
};

uint32_t rdpdr_message_kind(const uint8_t *message, size_t len)
{
    struct cursor c = cursor_init(message, len);
    return cursor_u32_le(&c);
}

int rdpdr_request_device(const uint8_t *message, size_t len, uint32_t *ret_id)
{
    struct cursor c = cursor_init(message, len);
    cursor_skip(&c, RDPDR_HEADER_LEN);
    uint32_t id = cursor_u32_le(&c);
    if (!cursor_ok(&c))
        return CE_BAD_INPUT;
    *ret_id = id;
    return 0;
}

int rdpdr_keep_devices(uint8_t *message, size_t *len, bool (*keep)(void *arg, uint32_t type, uint32_t id),
                       void *arg)
{
    struct cursor c = cursor_init(message, *len);
    cursor_skip(&c, LIST_COUNT_AT);
    uint32_t count = cursor_u32_le(&c), kept = 0;
    uint8_t *end = message + LIST_DEVICES_AT;
    if (!cursor_ok(&c))
        return CE_BAD_INPUT;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *start = c.at;
        uint32_t type = cursor_u32_le(&c);
        uint32_t id = cursor_u32_le(&c);
        cursor_skip(&c, DEVICE_NAME_LEN);
        cursor_skip(&c, cursor_u32_le(&c));
        if (!cursor_ok(&c))
            return CE_BAD_INPUT;
        if (!keep(arg, type, id))
            continue;
        memmove(end, start, (size_t)(c.at - start));
        end += c.at - start;
        kept++;
    }
    put_u32_le(message + LIST_COUNT_AT, kept);
    *len = (size_t)(end - message);
    return 0;
}
