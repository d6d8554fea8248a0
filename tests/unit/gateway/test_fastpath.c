#include "fastpath.h"

#include "writer.h"

#include "captures/captures.h"
#include "suite.h"

static void reads_recorded_input(void)
{
    BYTES b = capture("xfreerdp3-xrdp", CAPTURE_CLIENT, "fastpath_input");
    struct fastpath_input in;
    struct fastpath_event e;
    CU_ASSERT_EQUAL_FATAL(fastpath_parse_input(b.p, b.len, &in), 0);
    CU_ASSERT_EQUAL(in.event_count, 3); /* tab released, locks, tab released: a client that got the focus */
    CU_ASSERT_EQUAL(fastpath_next_event(&in, &e), 0);
    CU_ASSERT_EQUAL(e.code, FASTPATH_INPUT_SCANCODE);
    CU_ASSERT_EQUAL(e.flags, 1);
    CU_ASSERT_EQUAL(e.key_code, 15);
    CU_ASSERT_EQUAL(fastpath_next_event(&in, &e), 0);
    CU_ASSERT_EQUAL(e.code, FASTPATH_INPUT_SYNC);
    CU_ASSERT_EQUAL(fastpath_next_event(&in, &e), 0);
    CU_ASSERT_EQUAL(e.code, FASTPATH_INPUT_SCANCODE);
    CU_ASSERT_EQUAL(fastpath_next_event(&in, &e), CE_NOT_FOUND);
}

static void reads_every_kind_of_event(void)
{
    static const uint8_t pdu[] = {0x00, 33,   7,                      /* seven events, counted in a byte */
                                  0x01, 0x1e,                         /* scan code, released */
                                  0x20, 0x00, 0x08, 0x34, 0x12, 5, 0, /* mouse */
                                  0x40, 0x01, 0x80, 1,    0,    2, 0, /* extended mouse */
                                  0x62,                               /* locks */
                                  0x80, 0xac, 0x20,                   /* Unicode */
                                  0xa0, 0,    0,    3,    0,    4, 0, /* relative mouse */
                                  0xc0, 1,    2};
    uint8_t whole[36];
    memcpy(whole, pdu, sizeof pdu);
    whole[1] = sizeof pdu + 2;
    memcpy(whole + sizeof pdu, "\x03\x04", 2); /* the time stamp's rest */
    struct fastpath_input in;
    struct fastpath_event e;
    CU_ASSERT_EQUAL_FATAL(fastpath_parse_input(whole, whole[1], &in), 0);
    static const enum fastpath_event_code codes[] = {
        FASTPATH_INPUT_SCANCODE, FASTPATH_INPUT_MOUSE,    FASTPATH_INPUT_MOUSEX,       FASTPATH_INPUT_SYNC,
        FASTPATH_INPUT_UNICODE,  FASTPATH_INPUT_RELMOUSE, FASTPATH_INPUT_QOE_TIMESTAMP};
    for (size_t i = 0; i < 7; i++) {
        CU_ASSERT_EQUAL_FATAL(fastpath_next_event(&in, &e), 0);
        CU_ASSERT_EQUAL(e.code, codes[i]);
        if (e.code == FASTPATH_INPUT_MOUSE) {
            CU_ASSERT_EQUAL(e.pointer_flags, 0x800);
            CU_ASSERT_EQUAL(e.x, 0x1234);
            CU_ASSERT_EQUAL(e.y, 5);
        }
    }
    CU_ASSERT_EQUAL(e.timestamp, 0x04030201);
    CU_ASSERT_EQUAL(fastpath_next_event(&in, &e), CE_NOT_FOUND);
}

static void refuses_an_unknown_or_cut_event(void)
{
    struct fastpath_input in;
    struct fastpath_event e;
    static const uint8_t unknown[] = {0x04, 4, 0xe0, 0};
    CU_ASSERT_EQUAL(fastpath_parse_input(unknown, sizeof unknown, &in), 0);
    CU_ASSERT_EQUAL(fastpath_next_event(&in, &e), CE_BAD_INPUT);
    static const uint8_t cut[] = {0x04, 4, 0x20, 0};
    CU_ASSERT_EQUAL(fastpath_parse_input(cut, sizeof cut, &in), 0);
    CU_ASSERT_EQUAL(fastpath_next_event(&in, &e), CE_BAD_INPUT);
}

static void reads_recorded_updates(void)
{
    struct cursor updates;
    struct fastpath_update u;
    BYTES sync = capture("rdesktop-xrdp", CAPTURE_SERVER, "fastpath_output");
    CU_ASSERT_EQUAL_FATAL(fastpath_parse_output(sync.p, sync.len, &updates), 0);
    CU_ASSERT_EQUAL(fastpath_next_update(&updates, &u), 0);
    CU_ASSERT_EQUAL(u.code, FASTPATH_UPDATE_SYNCHRONIZE);
    CU_ASSERT_EQUAL(u.data_len, 0);
    CU_ASSERT_EQUAL(fastpath_next_update(&updates, &u), CE_NOT_FOUND);

    BYTES bitmap = capture("xfreerdp2-shadow", CAPTURE_SERVER, "fastpath_output");
    CU_ASSERT_EQUAL_FATAL(fastpath_parse_output(bitmap.p, bitmap.len, &updates), 0);
    CU_ASSERT_EQUAL(fastpath_next_update(&updates, &u), 0);
    CU_ASSERT_EQUAL(u.code, FASTPATH_UPDATE_BITMAP);
    CU_ASSERT_EQUAL(u.fragmentation, 0);
    CU_ASSERT_EQUAL(u.data_len, bitmap.len - 6);

    /* xrdp says that compression is possible: the update then has one more byte. */
    BYTES compressed = capture("xfreerdp3-xrdp", CAPTURE_SERVER, "fastpath_output");
    CU_ASSERT_EQUAL_FATAL(fastpath_parse_output(compressed.p, compressed.len, &updates), 0);
    CU_ASSERT_EQUAL(fastpath_next_update(&updates, &u), 0);
    CU_ASSERT_EQUAL(u.code, FASTPATH_UPDATE_SYNCHRONIZE);
    CU_ASSERT_EQUAL(fastpath_next_update(&updates, &u), CE_NOT_FOUND);
}

static void refuses_slow_path_encryption_and_wrong_lengths(void)
{
    struct fastpath_input in;
    struct cursor updates;
    BYTES slow = capture("xfreerdp3-xrdp", CAPTURE_CLIENT, "data_1f");
    CU_ASSERT_EQUAL(fastpath_parse_input(slow.p, slow.len, &in), CE_BAD_INPUT);
    BYTES b = capture("xfreerdp3-xrdp", CAPTURE_CLIENT, "fastpath_input");
    b.p[0] |= 0x80;
    CU_ASSERT_EQUAL(fastpath_parse_input(b.p, b.len, &in), CE_BAD_INPUT);
    b.p[0] &= 0x3f;
    b.p[1]--;
    CU_ASSERT_EQUAL(fastpath_parse_input(b.p, b.len, &in), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(fastpath_parse_output(b.p, b.len, &updates), CE_BAD_INPUT);
}

static int feed(const uint8_t *p, size_t len)
{
    struct fastpath_input in;
    struct fastpath_event e;
    struct cursor updates;
    struct fastpath_update u;
    if (fastpath_parse_input(p, len, &in) == 0)
        while (fastpath_next_event(&in, &e) == 0)
            ;
    int rc = fastpath_parse_output(p, len, &updates);
    while (rc == 0 && fastpath_next_update(&updates, &u) == 0)
        (void)sum_bytes(u.data, u.data_len);
    return rc;
}

static int feed_reframed(const uint8_t *p, size_t len)
{
    BYTES b = bytes_copy(p, len);
    if (len >= 3 && b.p[1] & 0x80)
        put_u16_be(b.p + 1, (uint16_t)(0x8000 | len));
    else if (len >= 2)
        b.p[1] = (uint8_t)len;
    return feed(b.p, len);
}

static void survives_cut_and_changed_bytes(void)
{
    for (size_t i = 0; i < CAPTURE_COUNT; i++) {
        BYTES b = bytes_from_hex(capture_rows[i].hex);
        if (b.p[0] == 3)
            continue;
        CU_ASSERT_EQUAL(feed_truncated(feed, b.p, b.len), 0);
        (void)feed_truncated(feed_reframed, b.p, b.len);
        feed_mutated(feed, b.p, b.len);
    }
}

static void knows_an_output_pdu_that_ends_within_an_update(void)
{
    static const uint8_t whole[] = {0, 8, 0x01, 3, 0, 'a', 'b', 'c'}, first[] = {0, 6, 0x21, 1, 0, 'a'},
                         next[] = {0, 6, 0x31, 1, 0, 'b'}, last[] = {0, 6, 0x11, 1, 0, 'c'},
                         two[] = {0, 10, 0x01, 1, 0, 'a', 0x21, 1, 0, 'b'}, cut[] = {0, 5, 0x21, 9, 0};
    CU_ASSERT_FALSE(fastpath_output_is_torn(whole, sizeof whole));
    CU_ASSERT_TRUE(fastpath_output_is_torn(first, sizeof first));
    CU_ASSERT_TRUE(fastpath_output_is_torn(next, sizeof next));
    CU_ASSERT_FALSE(fastpath_output_is_torn(last, sizeof last));
    CU_ASSERT_TRUE(fastpath_output_is_torn(two, sizeof two)); /* what comes last counts */
    CU_ASSERT_FALSE(fastpath_output_is_torn(cut, sizeof cut));
}

SUITE("fastpath", TEST(knows_an_output_pdu_that_ends_within_an_update), TEST(reads_recorded_input),
      TEST(reads_every_kind_of_event), TEST(refuses_an_unknown_or_cut_event), TEST(reads_recorded_updates),
      TEST(refuses_slow_path_encryption_and_wrong_lengths), TEST(survives_cut_and_changed_bytes))
