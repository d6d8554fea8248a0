#include "tpkt.h"

int tpkt_frame(const uint8_t *p, size_t n, size_t max_len, size_t *ret_len)
{
    if (n >= 1 && p[0] != TPKT_VERSION)
        return CE_BAD_INPUT;
    if (n < TPKT_HEADER_LEN) {
        *ret_len = 0;
        return CE_NEED_MORE;
    }
    size_t len = (size_t)p[2] << 8 | p[3];
    if (len < TPKT_MIN_LEN || len > max_len)
        return CE_BAD_INPUT;
    *ret_len = len;
    return len <= n ? 0 : CE_NEED_MORE;
}

size_t tpkt_begin(struct writer *w)
{
    size_t start = writer_len(w);
    writer_u8(w, TPKT_VERSION);
    writer_u8(w, 0);
    writer_u16_be(w, 0);
    return start;
}

void tpkt_end(struct writer *w, size_t start)
{
    size_t len = writer_len(w) - start;
    if (len > TPKT_MAX_LEN)
        w->overrun = true;
    if (writer_ok(w))
        put_u16_be(w->start + start + 2, (uint16_t)len);
}
