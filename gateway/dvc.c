#include "dvc.h"

#include <string.h>

#include "cursor.h"

/* 2.2.2.1 DYNVC_CREATE_REQ: cbId in the lowest two bits says how wide ChannelId is. */
int dvc_parse_create(const uint8_t *message, size_t len, struct dvc_create *ret)
{
    struct cursor c = cursor_init(message, len);
    struct dvc_create create = {0};
    uint8_t head = cursor_u8(&c);
    if (!cursor_ok(&c))
        return CE_BAD_INPUT;
    if (head >> 4 != DVC_CREATE)
        return CE_NOT_FOUND;
    switch (head & 3) {
    case 0:
        create.channel_id = cursor_u8(&c);
        break;
    case 1:
        create.channel_id = cursor_u16_le(&c);
        break;
    case 2:
        create.channel_id = cursor_u32_le(&c);
        break;
    default:
        return CE_BAD_INPUT;
    }
    const uint8_t *end = cursor_left(&c) ? memchr(c.at, 0, cursor_left(&c)) : NULL;
    if (!end || end - c.at > DVC_NAME_MAX)
        return CE_BAD_INPUT;
    create.name_at = len - cursor_left(&c);
    create.name_len = (size_t)(end - c.at);
    *ret = create;
    return 0;
}
