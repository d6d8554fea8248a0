#include "fp_bitmap.h"

#include <string.h>

#include "cursor.h"
#include "fastpath.h"
#include "mcs.h"
#include "suite.h"
#include "tpkt.h"

static const uint8_t pixels[FP_BITMAP_DATA_MAX_LEN] = {1, 2, 3, 4, 5, 6, 7, 8};

/* Reads one bitmap of an update as MS-RDPBCGR describes it; its data's length, or -1. */
static int read_bitmap(struct cursor *c, uint16_t *ret_x, uint16_t *ret_right, uint16_t *ret_flags)
{
    *ret_x = cursor_u16_le(c);
    cursor_skip(c, 2);
    *ret_right = cursor_u16_le(c);
    cursor_skip(c, 2 + 2 + 2 + 2);
    *ret_flags = cursor_u16_le(c);
    uint16_t len = cursor_u16_le(c);
    cursor_skip(c, len);
    return cursor_ok(c) ? len : -1;
}

static void a_fast_path_pdu_is_one_whole_uncompressed_update(void)
{
    uint8_t out[200];
    struct writer w = writer_init(out, sizeof out);
    const struct fp_bitmap_share share = {
        .left = 100, .top = 16, .depth = 16, .fast_path = true, .no_header = true};
    const struct fp_bitmap bitmaps[2] = {
        {.x = 0, .y = 0, .width = 4, .height = 1, .bytes = pixels, .len = 8},
        {.x = 64, .y = 32, .width = 8, .height = 2, .compressed = true, .bytes = pixels, .len = 5}};
    CU_ASSERT_EQUAL_FATAL(fp_bitmap_write(&w, &share, bitmaps, 2), 2);
    struct pdu_frame frame = {0};
    CU_ASSERT_EQUAL_FATAL(pdu_frame(out, writer_len(&w), &frame), 0);
    CU_ASSERT_EQUAL(frame.kind, PDU_FAST_PATH);
    CU_ASSERT_EQUAL(frame.len, writer_len(&w));
    CU_ASSERT_FALSE(fastpath_output_is_torn(out, frame.len));
    struct cursor updates;
    struct fastpath_update u = {0};
    CU_ASSERT_EQUAL_FATAL(fastpath_parse_output(out, frame.len, &updates), 0);
    CU_ASSERT_EQUAL_FATAL(fastpath_next_update(&updates, &u), 0);
    CU_ASSERT_EQUAL(u.code, FASTPATH_UPDATE_BITMAP);
    CU_ASSERT_EQUAL(u.fragmentation, FASTPATH_FRAGMENT_SINGLE);
    CU_ASSERT_EQUAL(u.compression_flags, 0);
    struct cursor c = cursor_init(u.data, u.data_len);
    uint16_t x = 0, right = 0, flags = 0;
    CU_ASSERT_EQUAL(cursor_u16_le(&c), 1);
    CU_ASSERT_EQUAL(cursor_u16_le(&c), 2);
    CU_ASSERT_EQUAL(read_bitmap(&c, &x, &right, &flags), 8);
    CU_ASSERT_TRUE(x == 100 && right == 103 && flags == 0);
    CU_ASSERT_EQUAL(read_bitmap(&c, &x, &right, &flags), 5);
    CU_ASSERT_TRUE(x == 164 && right == 171 && flags == 0x401);
    CU_ASSERT_EQUAL(cursor_left(&c), 0);
    CU_ASSERT_EQUAL(fastpath_next_update(&updates, &u), CE_NOT_FOUND);
}

static void a_client_that_wants_it_gets_the_compression_header(void)
{
    uint8_t out[200];
    struct writer w = writer_init(out, sizeof out);
    const struct fp_bitmap_share share = {.depth = 24, .fast_path = true};
    const struct fp_bitmap b = {.width = 8, .height = 2, .compressed = true, .bytes = pixels, .len = 5};
    CU_ASSERT_EQUAL_FATAL(fp_bitmap_write(&w, &share, &b, 1), 1);
    struct cursor c = cursor_init(out, writer_len(&w));
    uint16_t x = 0, right = 0, flags = 0;
    cursor_skip(&c, 3 + 3 + 4);
    struct cursor header = c;
    CU_ASSERT_EQUAL(read_bitmap(&c, &x, &right, &flags), 8 + 5);
    CU_ASSERT_EQUAL(flags, 1);
    cursor_skip(&header, 18 + 2);
    CU_ASSERT_EQUAL(cursor_u16_le(&header), 5);
    CU_ASSERT_EQUAL(cursor_u16_le(&header), 24);
    CU_ASSERT_EQUAL(cursor_u16_le(&header), 48);
}

static void slow_path_says_the_same_on_the_io_channel(void)
{
    uint8_t out[200];
    struct writer w = writer_init(out, sizeof out);
    const struct fp_bitmap_share share = {.depth = 16, .no_header = true, .share_id = 0x103ea};
    const struct fp_bitmap b = {.width = 4, .height = 1, .bytes = pixels, .len = 8};
    CU_ASSERT_EQUAL_FATAL(fp_bitmap_write(&w, &share, &b, 1), 1);
    struct mcs_pdu pdu;
    CU_ASSERT_EQUAL_FATAL(mcs_parse(out, writer_len(&w), &pdu), 0);
    CU_ASSERT_EQUAL(pdu.choice, MCS_SEND_DATA_INDICATION);
    CU_ASSERT_EQUAL(pdu.channel_id, 1003);
    CU_ASSERT_EQUAL(pdu.data_len, 18 + 4 + 18 + 8);
    CU_ASSERT_EQUAL(pdu.data[0] | pdu.data[1] << 8, (int)pdu.data_len);
    CU_ASSERT_EQUAL(pdu.data[14], 2); /* Update */
    CU_ASSERT_EQUAL(pdu.data[15], 0); /* not compressed */
    CU_ASSERT_EQUAL(pdu.data[18], 1); /* Bitmap */
}

static void takes_as_many_as_fit_into_a_pdu(void)
{
    static uint8_t out[2 * FP_BITMAP_PDU_MAX_LEN];
    const struct fp_bitmap_share share = {.depth = 32, .fast_path = true};
    struct fp_bitmap many[5];
    for (size_t i = 0; i < 5; i++)
        many[i] = (struct fp_bitmap){.width = 64, .height = 32, .bytes = pixels, .len = 8000};
    struct writer w = writer_init(out, sizeof out);
    CU_ASSERT_EQUAL(fp_bitmap_write(&w, &share, many, 5), 2);
    CU_ASSERT_TRUE(writer_ok(&w) && writer_len(&w) <= FP_BITMAP_PDU_MAX_LEN);
    many[0].len = FP_BITMAP_DATA_MAX_LEN;
    w = writer_init(out, sizeof out);
    CU_ASSERT_EQUAL(fp_bitmap_write(&w, &share, many, 5), 1);
    w = writer_init(out, 1000);
    CU_ASSERT_EQUAL(fp_bitmap_write(&w, &share, many, 5), 0);
    CU_ASSERT_EQUAL(writer_len(&w), 0);
    CU_ASSERT_EQUAL(fp_bitmap_write(&w, &share, many, 0), 0);
}

SUITE("fp_bitmap", TEST(a_fast_path_pdu_is_one_whole_uncompressed_update),
      TEST(a_client_that_wants_it_gets_the_compression_header),
      TEST(slow_path_says_the_same_on_the_io_channel), TEST(takes_as_many_as_fit_into_a_pdu))
