#include "mcs_ber.h"

#include "captures/captures.h"
#include "suite.h"

static const char *const clients[] = {"xfreerdp3-xrdp",   "xfreerdp2-xrdp",   "rdesktop-xrdp",
                                      "xfreerdp3-shadow", "xfreerdp2-shadow", "xfreerdp3-msts"};
static const char *const servers[] = {"xfreerdp3-xrdp", "rdesktop-xrdp", "xfreerdp3-shadow",
                                      "xfreerdp2-shadow"};

static void reads_the_connect_initial_of_each_client(void)
{
    for (size_t i = 0; i < sizeof clients / sizeof clients[0]; i++) {
        BYTES b = capture(clients[i], CAPTURE_CLIENT, "connect_initial");
        struct mcs_connect_initial ci;
        CU_ASSERT_EQUAL_FATAL(mcs_parse_connect_initial(b.p, b.len, &ci), 0);
        CU_ASSERT_EQUAL(ci.target.max_channel_ids, 34);
        CU_ASSERT_EQUAL(ci.target.max_mcs_pdu_size, 65535);
        CU_ASSERT_EQUAL(ci.minimum.max_mcs_pdu_size, 1056);
        CU_ASSERT_EQUAL(ci.maximum.max_user_ids, 64535);
        CU_ASSERT_PTR_EQUAL(ci.user_data + ci.user_data_len, b.p + b.len);
    }
}

static void reads_the_connect_response_of_each_server(void)
{
    for (size_t i = 0; i < sizeof servers / sizeof servers[0]; i++) {
        BYTES b = capture(servers[i], CAPTURE_SERVER, "connect_response");
        struct mcs_connect_response r;
        CU_ASSERT_EQUAL_FATAL(mcs_parse_connect_response(b.p, b.len, &r), 0);
        CU_ASSERT_EQUAL(r.result, 0);
        CU_ASSERT_EQUAL(r.parameters.max_mcs_pdu_size, 65528);
        CU_ASSERT_EQUAL(r.parameters.protocol_version, 2);
        CU_ASSERT_PTR_EQUAL(r.user_data + r.user_data_len, b.p + b.len);
    }
}

static void replays_xfreerdps_connect_initial_byte_by_byte(void)
{
    BYTES b = capture("xfreerdp3-xrdp", CAPTURE_CLIENT, "connect_initial");
    struct mcs_connect_initial ci;
    CU_ASSERT_EQUAL_FATAL(mcs_parse_connect_initial(b.p, b.len, &ci), 0);
    uint8_t buf[1024];
    struct writer w = writer_init(buf, sizeof buf);
    mcs_write_connect_initial(&w, &ci);
    CU_ASSERT_TRUE(writer_ok(&w));
    CU_ASSERT_EQUAL_FATAL(writer_len(&w), b.len);
    CU_ASSERT_EQUAL(memcmp(buf, b.p, b.len), 0);
}

static void replays_the_numbers_of_every_size(void)
{
    static const uint32_t numbers[] = {0,     127,      128,      255,        256,       32767,
                                       32768, 0x7fffff, 0x800000, 0x7fffffff, 0xffffffff};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        const struct mcs_connect_response r = {
            .result = 14,
            .parameters = {.max_channel_ids = numbers[i], .max_mcs_pdu_size = 1},
            .user_data = (const uint8_t *)"xyz",
            .user_data_len = 3};
        uint8_t buf[128];
        struct writer w = writer_init(buf, sizeof buf);
        mcs_write_connect_response(&w, &r);
        struct mcs_connect_response back;
        CU_ASSERT_EQUAL_FATAL(mcs_parse_connect_response(buf, writer_len(&w), &back), 0);
        CU_ASSERT_EQUAL(back.parameters.max_channel_ids, numbers[i]);
        CU_ASSERT_EQUAL(back.parameters.max_mcs_pdu_size, 1);
        CU_ASSERT_EQUAL(back.result, 14);
        CU_ASSERT_EQUAL(memcmp(back.user_data, "xyz", 3), 0);
    }
}

static void the_response_parameters_are_those_of_windows(void)
{
    /* What FreeRDP's server, which mimics Windows, sends from the result to the parameters' end. */
    BYTES b = capture("xfreerdp3-shadow", CAPTURE_SERVER, "connect_response");
    struct mcs_connect_response theirs;
    CU_ASSERT_EQUAL_FATAL(mcs_parse_connect_response(b.p, b.len, &theirs), 0);
    CU_ASSERT_EQUAL(memcmp(&theirs.parameters, &mcs_response_parameters, sizeof mcs_response_parameters), 0);
}

static void refuses_the_other_kind_and_trailing_bytes(void)
{
    BYTES b = capture("xfreerdp3-xrdp", CAPTURE_CLIENT, "connect_initial");
    struct mcs_connect_response r;
    CU_ASSERT_EQUAL(mcs_parse_connect_response(b.p, b.len, &r), CE_BAD_INPUT);
    BYTES more = bytes_grown(&b, b.len + 1);
    put_u16_be(more.p + 2, (uint16_t)(b.len + 1));
    struct mcs_connect_initial ci;
    CU_ASSERT_EQUAL(mcs_parse_connect_initial(more.p, b.len + 1, &ci), CE_BAD_INPUT);
}

static void refuses_an_inner_length_past_its_parent(void)
{
    BYTES b = capture("xfreerdp3-xrdp", CAPTURE_CLIENT, "connect_initial");
    struct mcs_connect_initial ci;
    CU_ASSERT_EQUAL_FATAL(mcs_parse_connect_initial(b.p, b.len, &ci), 0);
    uint8_t *length = b.p + (ci.user_data - b.p) - 2; /* of the user data: 82 hh ll */
    put_u16_be(length, (uint16_t)(ci.user_data_len + 1));
    CU_ASSERT_EQUAL(mcs_parse_connect_initial(b.p, b.len, &ci), CE_BAD_INPUT);
}

static int feed(const uint8_t *p, size_t len)
{
    struct mcs_connect_initial ci;
    struct mcs_connect_response r;
    int rc = mcs_parse_connect_initial(p, len, &ci);
    if (rc == 0) {
        (void)sum_bytes(ci.user_data, ci.user_data_len);
        return 0;
    }
    rc = mcs_parse_connect_response(p, len, &r);
    if (rc == 0)
        (void)sum_bytes(r.user_data, r.user_data_len);
    return rc;
}

static int feed_reframed(const uint8_t *p, size_t len)
{
    BYTES b = bytes_copy(p, len);
    if (len >= 12) {
        put_u16_be(b.p + 2, (uint16_t)len);
        if (b.p[9] == 0x82)
            put_u16_be(b.p + 10, (uint16_t)(len - 12));
        else
            b.p[9] = (uint8_t)(len - 10);
    }
    return feed(b.p, len);
}

static void survives_cut_and_changed_bytes(void)
{
    for (size_t i = 0; i < CAPTURE_COUNT; i++) {
        const char *what = capture_rows[i].what;
        if (strncmp(what, "connect_", 8) != 0)
            continue;
        BYTES b = bytes_from_hex(capture_rows[i].hex);
        CU_ASSERT_EQUAL(feed_truncated(feed, b.p, b.len), 0);
        CU_ASSERT_EQUAL(feed_truncated(feed_reframed, b.p, b.len), 0);
        feed_mutated(feed, b.p, b.len);
    }
}

SUITE("mcs_ber", TEST(reads_the_connect_initial_of_each_client),
      TEST(reads_the_connect_response_of_each_server), TEST(replays_xfreerdps_connect_initial_byte_by_byte),
      TEST(replays_the_numbers_of_every_size), TEST(the_response_parameters_are_those_of_windows),
      TEST(refuses_the_other_kind_and_trailing_bytes), TEST(refuses_an_inner_length_past_its_parent),
      TEST(survives_cut_and_changed_bytes))
