#include "tpkt.h"

#include "captures/captures.h"
#include "suite.h"

static void frames_every_recorded_pdu_at_its_length(void)
{
    for (size_t i = 0; i < CAPTURE_COUNT; i++) {
        BYTES b = bytes_from_hex(capture_rows[i].hex);
        struct pdu_frame f = {0};
        CU_ASSERT_EQUAL(pdu_frame(b.p, b.len, &f), 0);
        CU_ASSERT_EQUAL(f.len, b.len);
        CU_ASSERT_EQUAL(f.kind, b.p[0] == 3 ? PDU_SLOW_PATH : PDU_FAST_PATH);
    }
}

static void asks_for_more_until_the_last_byte_and_says_how_much(void)
{
    for (size_t i = 0; i < CAPTURE_COUNT; i++) {
        BYTES b = bytes_from_hex(capture_rows[i].hex);
        for (size_t n = 0; n < b.len; n++) {
            BYTES part = bytes_copy(b.p, n);
            struct pdu_frame f = {0};
            CU_ASSERT_EQUAL(pdu_frame(part.p, n, &f), CE_NEED_MORE);
            CU_ASSERT_TRUE(f.len == 0 || f.len == b.len);
            CU_ASSERT_TRUE(n < 4 || f.len == b.len);
        }
    }
}

static void frames_a_stream_that_mixes_both_paths(void)
{
    uint8_t stream[4096];
    size_t len = 0, at = 0, count = 0;
    static const char *const whats[] = {"data_1f", "fastpath_output", "channel", "fastpath_output"};
    for (size_t i = 0; i < 4; i++) {
        BYTES b = capture("xfreerdp3-xrdp", CAPTURE_SERVER, whats[i]);
        memcpy(stream + len, b.p, b.len);
        len += b.len;
    }
    struct pdu_frame f = {0};
    while (at < len && pdu_frame(stream + at, len - at, &f) == 0) {
        CU_ASSERT_EQUAL(f.kind, count % 2 ? PDU_FAST_PATH : PDU_SLOW_PATH);
        at += f.len;
        count++;
    }
    CU_ASSERT_EQUAL(at, len);
    CU_ASSERT_EQUAL(count, 4);
}

static void refuses_what_starts_no_pdu(void)
{
    static const struct {
        uint8_t bytes[4];
        size_t len;
    } bad[] = {
        {{0x47, 'E', 'T', ' '}, 4}, /* HTTP */
        {{0x16, 3, 1, 0}, 4},       /* a TLS record: action 2 */
        {{0x07, 0, 0, 20}, 4},      /* TPKT's action with another version */
        {{0x03, 0, 0, 6}, 4},       /* shorter than its own headers */
        {{0x03, 0, 0, 0}, 4},       /* and without any length */
        {{0x00, 0x01, 0, 0}, 4},    /* fast path shorter than its header */
        {{0x00, 0x80, 0x02, 0}, 4}, /* the same in the form of two bytes */
        {{0x00, 0x00, 0, 0}, 2},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct pdu_frame f = {.len = 4711};
        CU_ASSERT_EQUAL(pdu_frame(bad[i].bytes, bad[i].len, &f), CE_BAD_INPUT);
        CU_ASSERT_EQUAL(f.len, 4711);
    }
}

static void accepts_the_longest_of_each_kind(void)
{
    struct pdu_frame f = {0};
    CU_ASSERT_EQUAL(pdu_frame((const uint8_t[]){3, 0, 0xff, 0xff}, 4, &f), CE_NEED_MORE);
    CU_ASSERT_EQUAL(f.len, TPKT_MAX_LEN);
    CU_ASSERT_EQUAL(pdu_frame((const uint8_t[]){0, 0xff, 0xff}, 3, &f), CE_NEED_MORE);
    CU_ASSERT_EQUAL(f.len, FASTPATH_MAX_LEN);
}

static void tpkt_alone_is_refused_at_its_first_wrong_byte(void)
{
    size_t len = 0;
    CU_ASSERT_EQUAL(tpkt_frame((const uint8_t[]){0}, 1, 100, &len), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(tpkt_frame((const uint8_t[]){3}, 1, 100, &len), CE_NEED_MORE);
    CU_ASSERT_EQUAL(tpkt_frame((const uint8_t[]){3, 0, 0, 101}, 4, 100, &len), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(len, 0);
    CU_ASSERT_EQUAL(tpkt_frame((const uint8_t[]){3, 0, 0, 100}, 4, 100, &len), CE_NEED_MORE);
    CU_ASSERT_EQUAL(len, 100);
    CU_ASSERT_EQUAL(tpkt_frame(NULL, 0, 100, &len), CE_NEED_MORE);
}

static void a_packet_too_long_for_its_length_field_overruns_the_writer(void)
{
    static uint8_t buf[TPKT_MAX_LEN + 10];
    struct writer w = writer_init(buf, sizeof buf);
    size_t start = tpkt_begin(&w);
    writer_zero(&w, TPKT_MAX_LEN);
    tpkt_end(&w, start);
    CU_ASSERT_FALSE(writer_ok(&w));
}

SUITE("tpkt", TEST(frames_every_recorded_pdu_at_its_length),
      TEST(asks_for_more_until_the_last_byte_and_says_how_much), TEST(frames_a_stream_that_mixes_both_paths),
      TEST(refuses_what_starts_no_pdu), TEST(accepts_the_longest_of_each_kind),
      TEST(tpkt_alone_is_refused_at_its_first_wrong_byte),
      TEST(a_packet_too_long_for_its_length_field_overruns_the_writer))
