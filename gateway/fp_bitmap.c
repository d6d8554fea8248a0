#include "fp_bitmap.h"

#include "fastpath.h"
#include "mcs.h"
#include "rdp_pdu.h"

enum {
    UPDATE_BITMAP = 1,        /* updateType, 2.2.9.1.1.3.1.2.1 */
    UPDATE_HEADER_LEN = 4,    /* updateType, numberRectangles */
    BITMAP_HEADER_LEN = 18,   /* TS_BITMAP_DATA up to its data */
    BITMAP_COMPRESSION = 0x1, /* flags, 2.2.9.1.1.3.1.2.2 */
    NO_BITMAP_COMPRESSION_HDR = 0x400,
    CD_HEADER_LEN = 8,      /* TS_CD_HEADER */
    FAST_PATH_COST = 3 + 3, /* header with a length of two bytes; updateHeader and size */
    SLOW_PATH_COST = MCS_DATA_HEADER_LEN + 18,
};

static bool has_cd_header(const struct fp_bitmap_share *share, const struct fp_bitmap *b)
{
    return b->compressed && !share->no_header;
}

static size_t bitmap_len(const struct fp_bitmap_share *share, const struct fp_bitmap *b)
{
    return BITMAP_HEADER_LEN + (has_cd_header(share, b) ? CD_HEADER_LEN : 0u) + b->len;
}

/* 2.2.9.1.1.3.1.2.2 */
static void write_bitmap(struct writer *w, const struct fp_bitmap_share *share, const struct fp_bitmap *b)
{
    const uint16_t x = (uint16_t)(share->left + b->x), y = (uint16_t)(share->top + b->y);
    const uint16_t row = (uint16_t)(b->width * ((share->depth + 7) / 8));
    const bool header = has_cd_header(share, b);
    writer_u16_le(w, x);
    writer_u16_le(w, y);
    writer_u16_le(w, (uint16_t)(x + b->width - 1));
    writer_u16_le(w, (uint16_t)(y + b->height - 1));
    writer_u16_le(w, b->width);
    writer_u16_le(w, b->height);
    writer_u16_le(w, share->depth);
    writer_u16_le(w, !b->compressed ? 0
                     : header       ? BITMAP_COMPRESSION
                                    : BITMAP_COMPRESSION | NO_BITMAP_COMPRESSION_HDR);
    writer_u16_le(w, (uint16_t)(b->len + (header ? CD_HEADER_LEN : 0)));
    if (header) {
        writer_u16_le(w, 0); /* cbCompFirstRowSize */
        writer_u16_le(w, b->len);
        writer_u16_le(w, row);
        writer_u16_le(w, (uint16_t)(row * b->height));
    }
    writer_bytes(w, b->bytes, b->len);
}

size_t fp_bitmap_write(struct writer *w, const struct fp_bitmap_share *share, const struct fp_bitmap *bitmaps,
                       size_t count)
{
    const size_t cost = share->fast_path ? FAST_PATH_COST : SLOW_PATH_COST;
    const size_t room = writer_left(w) < FP_BITMAP_PDU_MAX_LEN ? writer_left(w) : FP_BITMAP_PDU_MAX_LEN;
    size_t n = 0, update_len = UPDATE_HEADER_LEN, start = 0;
    while (n < count && cost + update_len + bitmap_len(share, &bitmaps[n]) <= room)
        update_len += bitmap_len(share, &bitmaps[n++]);
    if (!n)
        return 0;
    if (share->fast_path) {
        const uint16_t pdu_len = (uint16_t)(FAST_PATH_COST + update_len);
        writer_u8(w, 0); /* action, no flags */
        writer_u16_be(w, 0x8000 | pdu_len);
        writer_u8(w, FASTPATH_UPDATE_BITMAP); /* a single fragment, not compressed */
        writer_u16_le(w, (uint16_t)update_len);
    } else {
        start = mcs_data_begin(w, MCS_SEND_DATA_INDICATION, RDP_SERVER_USER_ID, RDP_IO_CHANNEL);
        rdp_write_share_data(w, share->share_id, RDP_DATA_UPDATE, update_len);
    }
    writer_u16_le(w, UPDATE_BITMAP);
    writer_u16_le(w, (uint16_t)n);
    for (size_t i = 0; i < n; i++)
        write_bitmap(w, share, &bitmaps[i]);
    if (!share->fast_path)
        mcs_data_end(w, start);
    return n;
}
