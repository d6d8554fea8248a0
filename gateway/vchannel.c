#include "vchannel.h"

#include "cursor.h"

int vchannel_parse(const uint8_t *payload, size_t len, struct vchannel_chunk *ret)
{
    struct cursor c = cursor_init(payload, len);
    struct vchannel_chunk chunk = {.total_len = cursor_u32_le(&c)};
    chunk.flags = cursor_u32_le(&c);
    chunk.data_len = cursor_left(&c);
    chunk.data = c.at;
    if (!cursor_ok(&c))
        return CE_BAD_INPUT;
    *ret = chunk;
    return 0;
}

void vchannel_write(struct writer *w, enum mcs_choice choice, uint16_t user, uint16_t channel, uint32_t flags,
                    const uint8_t *message, size_t len)
{
    size_t at = 0;
    do {
        size_t n = len - at < VCHANNEL_CHUNK_LEN ? len - at : VCHANNEL_CHUNK_LEN;
        uint32_t place = (at == 0 ? VCHANNEL_FIRST : 0U) | (at + n == len ? VCHANNEL_LAST : 0U);
        size_t start = mcs_data_begin(w, choice, user, channel);
        writer_u32_le(w, (uint32_t)len);
        writer_u32_le(w, place | flags);
        writer_bytes(w, message + at, n);
        mcs_data_end(w, start);
        at += n;
    } while (at < len);
}
