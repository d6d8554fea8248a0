#include "gcc.h"

#include "mcs_ber.h"

#include "captures/captures.h"
#include "suite.h"

static const char *const clients[] = {"xfreerdp3-xrdp", "xfreerdp2-xrdp", "rdesktop-xrdp",
                                      "xfreerdp3-shadow"};
static const char *const servers[] = {"xfreerdp3-xrdp", "rdesktop-xrdp", "xfreerdp3-shadow",
                                      "xfreerdp2-shadow"};

/* The user data of a recorded connect PDU, in memory of its own. */
static struct bytes user_data_of(const char *pair, enum capture_side side)
{
    struct mcs_connect_initial ci;
    struct mcs_connect_response r;
    if (side == CAPTURE_CLIENT) {
        BYTES b = capture(pair, side, "connect_initial");
        CU_ASSERT_EQUAL_FATAL(mcs_parse_connect_initial(b.p, b.len, &ci), 0);
        return bytes_copy(ci.user_data, ci.user_data_len);
    }
    BYTES b = capture(pair, side, "connect_response");
    CU_ASSERT_EQUAL_FATAL(mcs_parse_connect_response(b.p, b.len, &r), 0);
    return bytes_copy(r.user_data, r.user_data_len);
}

static void finds_the_blocks_of_each_client(void)
{
    static const uint16_t freerdp[] = {GCC_CS_CORE, GCC_CS_CLUSTER,        GCC_CS_SECURITY,
                                       GCC_CS_NET,  GCC_CS_MCS_MSGCHANNEL, GCC_CS_MULTITRANSPORT};
    for (size_t i = 0; i < 4; i++) {
        BYTES u = user_data_of(clients[i], CAPTURE_CLIENT);
        struct cursor blocks;
        struct gcc_block b;
        CU_ASSERT_EQUAL_FATAL(gcc_parse_request(u.p, u.len, &blocks), 0);
        size_t n = 0;
        while (gcc_next_block(&blocks, &b) == 0 && n < 6)
            CU_ASSERT_EQUAL(b.type, freerdp[n++]);
        CU_ASSERT_EQUAL(n, strcmp(clients[i], "rdesktop-xrdp") == 0 ? 4 : 6);
        CU_ASSERT_EQUAL(gcc_next_block(&blocks, &b), CE_NOT_FOUND);
    }
}

static void finds_the_blocks_of_each_server(void)
{
    for (size_t i = 0; i < 4; i++) {
        BYTES u = user_data_of(servers[i], CAPTURE_SERVER);
        struct cursor blocks;
        struct gcc_block b;
        unsigned seen = 0;
        CU_ASSERT_EQUAL_FATAL(gcc_parse_response(u.p, u.len, &blocks), 0);
        while (gcc_next_block(&blocks, &b) == 0)
            seen |= 1U << (b.type & 0xf);
        CU_ASSERT_EQUAL(seen & 0xe, 0xe); /* core, security, network */
    }
}

static void rebuilds_xfreerdps_envelope_byte_by_byte(void)
{
    BYTES u = user_data_of("xfreerdp3-xrdp", CAPTURE_CLIENT);
    struct cursor blocks;
    CU_ASSERT_EQUAL_FATAL(gcc_parse_request(u.p, u.len, &blocks), 0);
    uint8_t buf[1024];
    struct writer w = writer_init(buf, sizeof buf);
    gcc_write_request(&w, blocks.at, cursor_left(&blocks));
    CU_ASSERT_EQUAL_FATAL(writer_len(&w), u.len);
    CU_ASSERT_EQUAL(memcmp(buf, u.p, u.len), 0);
}

static void the_response_has_the_21_bytes_that_rdesktop_skips(void)
{
    uint8_t buf[64];
    struct writer w = writer_init(buf, sizeof buf);
    gcc_write_response(&w, (const uint8_t *)"\x01\x0c\x04\x00", 4);
    CU_ASSERT_EQUAL(buf[21], 0x80); /* the length of the blocks, two bytes */
    CU_ASSERT_EQUAL(buf[22], 4);
    CU_ASSERT_EQUAL(buf[7], 0x2a); /* the one byte of connectPDU's length, as from Windows */
    CU_ASSERT_EQUAL(memcmp(buf + 17, "McDn", 4), 0);
    struct cursor blocks;
    CU_ASSERT_EQUAL(gcc_parse_response(buf, writer_len(&w), &blocks), 0);
    CU_ASSERT_EQUAL(cursor_left(&blocks), 4);
}

static void refuses_a_block_past_the_others_or_shorter_than_its_header(void)
{
    struct gcc_block b;
    struct cursor c = cursor_init("\x01\xc0\x05\x00", 4);
    CU_ASSERT_EQUAL(gcc_next_block(&c, &b), CE_BAD_INPUT);
    c = cursor_init("\x01\xc0\x03\x00", 4);
    CU_ASSERT_EQUAL(gcc_next_block(&c, &b), CE_BAD_INPUT);
    c = cursor_init("\x01\xc0\x04", 3);
    CU_ASSERT_EQUAL(gcc_next_block(&c, &b), CE_BAD_INPUT);
    c = cursor_init("\x01\xc0\x04\x00", 4);
    CU_ASSERT_EQUAL(gcc_next_block(&c, &b), 0);
    CU_ASSERT_EQUAL(gcc_next_block(&c, &b), CE_NOT_FOUND);
}

static void refuses_another_key(void)
{
    BYTES u = user_data_of("xfreerdp3-xrdp", CAPTURE_CLIENT);
    struct cursor blocks;
    CU_ASSERT_EQUAL(gcc_parse_response(u.p, u.len, &blocks), CE_BAD_INPUT);
    bytes_find(&u, "Duca", 4)[0] = 'X';
    CU_ASSERT_EQUAL(gcc_parse_request(u.p, u.len, &blocks), CE_BAD_INPUT);
}

static int feed(const uint8_t *p, size_t len)
{
    struct cursor blocks;
    int rc = gcc_parse_request(p, len, &blocks);
    if (rc != 0)
        rc = gcc_parse_response(p, len, &blocks);
    struct gcc_block b;
    while (rc == 0 && gcc_next_block(&blocks, &b) == 0)
        (void)sum_bytes(b.bytes, b.len);
    return rc;
}

static void survives_cut_and_changed_bytes(void)
{
    for (size_t i = 0; i < 4; i++) {
        BYTES c = user_data_of(clients[i], CAPTURE_CLIENT);
        BYTES s = user_data_of(servers[i], CAPTURE_SERVER);
        CU_ASSERT_EQUAL(feed_truncated(feed, c.p, c.len), 0);
        CU_ASSERT_EQUAL(feed_truncated(feed, s.p, s.len), 0);
        feed_mutated(feed, c.p, c.len);
        feed_mutated(feed, s.p, s.len);
    }
}

SUITE("gcc", TEST(finds_the_blocks_of_each_client), TEST(finds_the_blocks_of_each_server),
      TEST(rebuilds_xfreerdps_envelope_byte_by_byte), TEST(the_response_has_the_21_bytes_that_rdesktop_skips),
      TEST(refuses_a_block_past_the_others_or_shorter_than_its_header), TEST(refuses_another_key),
      TEST(survives_cut_and_changed_bytes))
