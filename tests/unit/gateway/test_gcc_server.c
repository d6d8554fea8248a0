#include "gcc_server.h"

#include "mcs_ber.h"

#include "captures/captures.h"
#include "suite.h"

static struct bytes blocks_of(const char *pair)
{
    BYTES b = capture(pair, CAPTURE_SERVER, "connect_response");
    struct mcs_connect_response r;
    struct cursor blocks;
    CU_ASSERT_EQUAL_FATAL(mcs_parse_connect_response(b.p, b.len, &r), 0);
    CU_ASSERT_EQUAL_FATAL(gcc_parse_response(r.user_data, r.user_data_len, &blocks), 0);
    return bytes_copy(blocks.at, cursor_left(&blocks));
}

static void reads_xrdps_channels(void)
{
    BYTES b = blocks_of("rdesktop-xrdp");
    struct gcc_server s;
    CU_ASSERT_EQUAL_FATAL(gcc_server_parse(cursor_init(b.p, b.len), &s), 0);
    CU_ASSERT_EQUAL(s.io_channel, 1003);
    CU_ASSERT_EQUAL(s.channel_count, 5);
    for (uint16_t i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(s.channels[i], 1004 + i);
    CU_ASSERT_EQUAL(s.message_channel, 0);
    CU_ASSERT_EQUAL(s.encryption_method, 0);
    CU_ASSERT_EQUAL(s.encryption_level, 0);
    CU_ASSERT_FALSE(s.early_flags & GCC_SC_SKIP_CHANNELJOIN);
}

static void reads_freerdps_message_channel_and_flags(void)
{
    BYTES b = blocks_of("xfreerdp3-shadow");
    struct gcc_server s;
    CU_ASSERT_EQUAL_FATAL(gcc_server_parse(cursor_init(b.p, b.len), &s), 0);
    CU_ASSERT_EQUAL(s.io_channel, 1003);
    CU_ASSERT_EQUAL(s.channel_count, 4);
    CU_ASSERT_EQUAL(s.message_channel, 1008);
    CU_ASSERT_TRUE(s.early_flags & GCC_SC_SKIP_CHANNELJOIN);
    CU_ASSERT_EQUAL(s.requested_protocols, 1);
}

static void every_number_of_channels_survives_the_way_there_and_back(void)
{
    for (uint32_t count = 0; count <= GCC_CHANNELS_MAX; count++) {
        struct gcc_server s = {.version = GCC_SC_VERSION,
                               .requested_protocols = 0xb,
                               .early_flags = 0xf,
                               .io_channel = 1003,
                               .channel_count = count,
                               .message_channel = count % 3 ? (uint16_t)(1004 + count) : 0};
        for (uint32_t i = 0; i < count; i++)
            s.channels[i] = (uint16_t)(1004 + i);
        uint8_t buf[256];
        struct writer w = writer_init(buf, sizeof buf);
        gcc_server_write(&w, &s);
        CU_ASSERT_TRUE(writer_ok(&w));
        CU_ASSERT_EQUAL(writer_len(&w), 16 + 12 + 8 + 2 * (count + count % 2) + (s.message_channel ? 6 : 0));
        struct gcc_server back;
        CU_ASSERT_EQUAL_FATAL(gcc_server_parse(cursor_init(buf, writer_len(&w)), &back), 0);
        CU_ASSERT_TRUE(back.version == s.version && back.requested_protocols == s.requested_protocols);
        CU_ASSERT_TRUE(back.early_flags == s.early_flags && back.encryption_method == s.encryption_method);
        CU_ASSERT_TRUE(back.encryption_level == s.encryption_level && back.io_channel == s.io_channel);
        CU_ASSERT_TRUE(back.channel_count == s.channel_count && back.message_channel == s.message_channel);
        CU_ASSERT_TRUE(memcmp(back.channels, s.channels, sizeof s.channels) == 0);
    }
}

static void refuses_what_lacks_core_or_network_or_has_them_twice(void)
{
    BYTES b = blocks_of("xfreerdp3-shadow");
    struct gcc_server s;
    struct cursor c = cursor_init(b.p, b.len);
    struct gcc_block first;
    CU_ASSERT_EQUAL_FATAL(gcc_next_block(&c, &first), 0);
    CU_ASSERT_EQUAL(first.type, GCC_SC_CORE);
    CU_ASSERT_EQUAL(gcc_server_parse(cursor_init(b.p, first.len), &s), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(gcc_server_parse(c, &s), CE_BAD_INPUT);

    uint8_t twice[512];
    memcpy(twice, b.p, b.len);
    memcpy(twice + b.len, b.p, b.len);
    CU_ASSERT_EQUAL(gcc_server_parse(cursor_init(twice, 2 * b.len), &s), CE_BAD_INPUT);

    static const uint8_t two_nets[] = {1,    0xc, 8, 0, 4, 0,   8, 0, 3,    0xc, 8, 0,
                                       0xeb, 3,   0, 0, 3, 0xc, 8, 0, 0xec, 3,   0, 0};
    CU_ASSERT_EQUAL(gcc_server_parse(cursor_init(two_nets, sizeof two_nets - 8), &s), 0);
    CU_ASSERT_EQUAL(gcc_server_parse(cursor_init(two_nets, sizeof two_nets), &s), CE_BAD_INPUT);
}

static void a_core_block_of_eight_bytes_has_zero_flags(void)
{
    static const uint8_t blocks[] = {1, 0xc, 8, 0, 4, 0, 8, 0, 3, 0xc, 8, 0, 0xeb, 3, 0, 0};
    struct gcc_server s;
    CU_ASSERT_EQUAL(gcc_server_parse(cursor_init(blocks, sizeof blocks), &s), 0);
    CU_ASSERT_EQUAL(s.version, 0x00080004);
    CU_ASSERT_EQUAL(s.early_flags, 0);
    CU_ASSERT_EQUAL(s.io_channel, 1003);
}

static int feed(const uint8_t *p, size_t len)
{
    struct gcc_server s;
    int rc = gcc_server_parse(cursor_init(p, len), &s);
    uint8_t buf[256];
    struct writer w = writer_init(buf, sizeof buf);
    if (rc == 0)
        gcc_server_write(&w, &s);
    if (rc == 0 && !writer_ok(&w))
        abort();
    return rc;
}

static void survives_cut_and_changed_bytes(void)
{
    static const char *const pairs[] = {"xfreerdp3-xrdp", "rdesktop-xrdp", "xfreerdp3-shadow",
                                        "xfreerdp2-shadow"};
    for (size_t i = 0; i < 4; i++) {
        BYTES b = blocks_of(pairs[i]);
        (void)feed_truncated(feed, b.p, b.len);
        feed_mutated(feed, b.p, b.len);
    }
}

SUITE("gcc_server", TEST(reads_xrdps_channels), TEST(reads_freerdps_message_channel_and_flags),
      TEST(every_number_of_channels_survives_the_way_there_and_back),
      TEST(refuses_what_lacks_core_or_network_or_has_them_twice),
      TEST(a_core_block_of_eight_bytes_has_zero_flags), TEST(survives_cut_and_changed_bytes))
