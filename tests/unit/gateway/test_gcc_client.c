#include "gcc_client.h"

#include "mcs_ber.h"

#include "captures/captures.h"
#include "suite.h"

static const char *const clients[] = {"xfreerdp3-xrdp",   "xfreerdp2-xrdp",   "rdesktop-xrdp",
                                      "xfreerdp3-shadow", "xfreerdp2-shadow", "xfreerdp3-msts"};
enum { CLIENTS = sizeof clients / sizeof clients[0] };

static struct bytes blocks_of(const char *pair)
{
    BYTES b = capture(pair, CAPTURE_CLIENT, "connect_initial");
    struct mcs_connect_initial ci;
    struct cursor blocks;
    CU_ASSERT_EQUAL_FATAL(mcs_parse_connect_initial(b.p, b.len, &ci), 0);
    CU_ASSERT_EQUAL_FATAL(gcc_parse_request(ci.user_data, ci.user_data_len, &blocks), 0);
    return bytes_copy(blocks.at, cursor_left(&blocks));
}

static struct gcc_client client_of(const struct bytes *b)
{
    struct gcc_client c = {0};
    CU_ASSERT_EQUAL(gcc_client_parse(cursor_init(b->p, b->len), &c), 0);
    return c;
}

/* The block of this type in bytes that have parsed, or NULL. */
static uint8_t *find_block(const struct bytes *b, uint16_t type)
{
    struct gcc_client c = client_of(b);
    for (uint32_t i = 0; i < c.block_count; i++) {
        if (c.blocks[i].type == type)
            return b->p + c.blocks[i].offset;
    }
    return NULL;
}

static void reads_what_xfreerdp_says_of_itself(void)
{
    BYTES b = blocks_of("xfreerdp3-shadow");
    struct gcc_client c = client_of(&b);
    CU_ASSERT_EQUAL(c.version, 0x00080011);
    CU_ASSERT_EQUAL(c.desktop_width, 1024);
    CU_ASSERT_EQUAL(c.desktop_height, 768);
    CU_ASSERT_EQUAL(c.keyboard_layout, 0x409);
    CU_ASSERT_EQUAL(c.client_build, 18363);
    CU_ASSERT_STRING_EQUAL(c.client_name, "desk-17");
    CU_ASSERT_EQUAL(c.high_color_depth, 24);
    CU_ASSERT_TRUE(c.early_flags & GCC_CS_SUPPORT_SKIP_CHANNELJOIN);
    CU_ASSERT_TRUE(c.has_selected_protocol);
    CU_ASSERT_EQUAL(c.selected_protocol, 1);
    CU_ASSERT_TRUE(c.has_message_channel && c.has_multitransport && c.has_cluster && !c.has_monitor_ex);
    CU_ASSERT_EQUAL(c.multitransport_flags, 0x105);
    CU_ASSERT_EQUAL(c.channel_count, 4);
    CU_ASSERT_STRING_EQUAL(c.channels[0].name, "rdpdr");
    CU_ASSERT_STRING_EQUAL(c.channels[1].name, "rdpsnd");
    CU_ASSERT_STRING_EQUAL(c.channels[2].name, "cliprdr");
    CU_ASSERT_STRING_EQUAL(c.channels[3].name, "drdynvc");
    CU_ASSERT_EQUAL(c.channels[0].options, 0xc0800000);
    CU_ASSERT_EQUAL(c.block_count, 6);
}

static void reads_what_rdesktop_says_of_itself(void)
{
    BYTES b = blocks_of("rdesktop-xrdp");
    struct gcc_client c = client_of(&b);
    CU_ASSERT_EQUAL(c.version, 0x00080004);
    CU_ASSERT_EQUAL(c.desktop_width, 800);
    CU_ASSERT_FALSE(c.early_flags & GCC_CS_SUPPORT_SKIP_CHANNELJOIN);
    CU_ASSERT_TRUE(c.early_flags & GCC_CS_SUPPORT_ERRINFO_PDU);
    CU_ASSERT_EQUAL(c.channel_count, 5);
    CU_ASSERT_STRING_EQUAL(c.channels[2].name, "snddbg");
    CU_ASSERT_FALSE(c.has_message_channel || c.has_multitransport);
}

static void the_console_switch_shows_in_the_cluster_block(void)
{
    BYTES b = blocks_of("xfreerdp3-msts"); /* started with +admin */
    struct gcc_client c = client_of(&b);
    CU_ASSERT_TRUE(c.has_cluster);
    CU_ASSERT_TRUE(c.cluster_flags & 2);
}

static void towards_the_guest_only_what_must_changes(void)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        BYTES b = blocks_of(clients[i]);
        put_u32_le(find_block(&b, GCC_CS_CLUSTER) + 8, 7); /* a session id, which a console client sends */
        struct gcc_client before = client_of(&b);
        uint8_t out[2048];
        struct writer w = writer_init(out, sizeof out);
        const struct gcc_guest_rules rules = {.selected_protocol = 8};
        CU_ASSERT_EQUAL(gcc_rewrite_for_guest(cursor_init(b.p, b.len), &rules, &w), 0);
        CU_ASSERT_EQUAL(writer_len(&w), b.len - (before.has_multitransport ? 8 : 0));

        BYTES sent = bytes_copy(out, writer_len(&w));
        struct gcc_client after = client_of(&sent);
        CU_ASSERT_EQUAL(after.selected_protocol, 8);
        CU_ASSERT_FALSE(after.has_multitransport);
        CU_ASSERT_EQUAL(after.cluster_flags, before.cluster_flags & ~2U);
        CU_ASSERT_EQUAL(after.redirected_session_id, 0);

        /* Put back what was changed, and every block is the client's own. */
        put_u32_le(find_block(&sent, GCC_CS_CORE) + 212, before.selected_protocol);
        put_u32_le(find_block(&sent, GCC_CS_CLUSTER) + 4, before.cluster_flags);
        put_u32_le(find_block(&sent, GCC_CS_CLUSTER) + 8, before.redirected_session_id);
        for (uint32_t k = 0; k < before.block_count; k++) {
            const uint8_t *theirs = b.p + before.blocks[k].offset;
            const uint8_t *ours = find_block(&sent, before.blocks[k].type);
            if (before.blocks[k].type == GCC_CS_MULTITRANSPORT)
                CU_ASSERT_PTR_NULL(ours)
            else
                CU_ASSERT_EQUAL(memcmp(ours, theirs, before.blocks[k].len), 0);
        }
    }
}

static void a_denied_channel_keeps_its_place_under_another_name(void)
{
    BYTES b = blocks_of("xfreerdp3-shadow");
    uint8_t out[2048];
    struct writer w = writer_init(out, sizeof out);
    const struct gcc_guest_rules rules = {
        .selected_protocol = 1, .denied_channels = 1U << 0 | 1U << 2, .clear_channel_compression = true};
    CU_ASSERT_EQUAL(gcc_rewrite_for_guest(cursor_init(b.p, b.len), &rules, &w), 0);
    BYTES sent = bytes_copy(out, writer_len(&w));
    struct gcc_client c = client_of(&sent);
    CU_ASSERT_EQUAL(c.channel_count, 4);
    CU_ASSERT_STRING_EQUAL(c.channels[0].name, "xdeny00");
    CU_ASSERT_STRING_EQUAL(c.channels[1].name, "rdpsnd");
    CU_ASSERT_STRING_EQUAL(c.channels[2].name, "xdeny02");
    for (uint32_t i = 0; i < c.channel_count; i++)
        CU_ASSERT_EQUAL(c.channels[i].options & 0x00c00000, 0);
    CU_ASSERT_EQUAL(c.channels[0].options, 0xc0000000);
}

static void a_full_writer_is_told(void)
{
    BYTES b = blocks_of("xfreerdp3-shadow");
    for (size_t room = 0; room < b.len - 8; room++) {
        BYTES out = bytes_copy(b.p, room);
        struct writer w = writer_init(out.p, room);
        const struct gcc_guest_rules rules = {.selected_protocol = 1};
        CU_ASSERT_EQUAL(gcc_rewrite_for_guest(cursor_init(b.p, b.len), &rules, &w), CE_LIMIT);
    }
}

static void reads_monitors_up_to_the_limit(void)
{
    BYTES b = blocks_of("rdesktop-xrdp");
    for (uint32_t count = 0; count <= GCC_MONITORS_MAX + 1; count++) {
        uint8_t buf[2048];
        struct writer w = writer_init(buf, sizeof buf);
        writer_bytes(&w, b.p, b.len);
        writer_u16_le(&w, GCC_CS_MONITOR);
        writer_u16_le(&w, (uint16_t)(12 + 20 * count));
        writer_u32_le(&w, 0);
        writer_u32_le(&w, count);
        for (uint32_t i = 0; i < count; i++) {
            writer_u32_le(&w, (uint32_t)-100);
            writer_u32_le(&w, i);
            writer_u32_le(&w, 1919);
            writer_u32_le(&w, 1079);
            writer_u32_le(&w, i == 0);
        }
        struct gcc_client c;
        int rc = gcc_client_parse(cursor_init(buf, writer_len(&w)), &c);
        CU_ASSERT_EQUAL(rc, count <= GCC_MONITORS_MAX ? 0 : CE_BAD_INPUT);
        if (rc == 0 && count > 0) {
            CU_ASSERT_EQUAL(c.monitor_count, count);
            CU_ASSERT_EQUAL(c.monitors[count - 1].left, -100);
            CU_ASSERT_EQUAL(c.monitors[count - 1].top, (int32_t)count - 1);
            CU_ASSERT_EQUAL(c.monitors[0].flags, 1);
        }
    }
}

static void refuses_32_channels_and_a_count_past_the_block(void)
{
    BYTES b = blocks_of("xfreerdp3-shadow");
    uint8_t *net = find_block(&b, GCC_CS_NET);
    struct gcc_client c;
    put_u32_le(net + 4, 5);
    CU_ASSERT_EQUAL(gcc_client_parse(cursor_init(b.p, b.len), &c), CE_BAD_INPUT);
    put_u32_le(net + 4, 0x80000000);
    CU_ASSERT_EQUAL(gcc_client_parse(cursor_init(b.p, b.len), &c), CE_BAD_INPUT);

    uint8_t buf[2048];
    BYTES r = blocks_of("rdesktop-xrdp");
    memcpy(buf, r.p, 216); /* its core block, which comes first */
    for (uint32_t count = 31; count <= 32; count++) {
        struct writer w = writer_init(buf + 216, sizeof buf - 216);
        writer_u16_le(&w, GCC_CS_NET);
        writer_u16_le(&w, (uint16_t)(8 + 12 * count));
        writer_u32_le(&w, count);
        writer_zero(&w, 12 * (size_t)count);
        CU_ASSERT_EQUAL(gcc_client_parse(cursor_init(buf, 216 + writer_len(&w)), &c),
                        count == 31 ? 0 : CE_BAD_INPUT);
    }
}

static void refuses_a_block_that_comes_twice_and_a_missing_core(void)
{
    BYTES b = blocks_of("xfreerdp3-shadow");
    struct gcc_client c;
    BYTES twice = bytes_grown(&b, 2 * b.len);
    memcpy(twice.p + b.len, b.p, b.len);
    CU_ASSERT_EQUAL(gcc_client_parse(cursor_init(twice.p, 2 * b.len), &c), CE_BAD_INPUT);

    size_t core = 234;
    CU_ASSERT_EQUAL(gcc_client_parse(cursor_init(b.p + core, b.len - core), &c), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(gcc_client_parse(cursor_init(b.p, 0), &c), CE_BAD_INPUT);
}

static void an_old_client_with_a_short_core_block_is_read(void)
{
    BYTES b = blocks_of("rdesktop-xrdp");
    uint8_t buf[132];
    memcpy(buf, b.p, sizeof buf);
    put_u16_le(buf + 2, sizeof buf);
    struct gcc_client c;
    CU_ASSERT_EQUAL(gcc_client_parse(cursor_init(buf, sizeof buf), &c), 0);
    CU_ASSERT_EQUAL(c.desktop_width, 800);
    CU_ASSERT_EQUAL(c.early_flags, 0);
    CU_ASSERT_FALSE(c.has_selected_protocol);
    /* There is no field to patch, so nothing is. */
    BYTES out = bytes_copy(buf, sizeof buf);
    struct writer w = writer_init(out.p, out.len);
    const struct gcc_guest_rules rules = {.selected_protocol = 1};
    CU_ASSERT_EQUAL(gcc_rewrite_for_guest(cursor_init(buf, sizeof buf), &rules, &w), 0);
    CU_ASSERT_EQUAL(memcmp(buf, out.p, sizeof buf), 0);
}

static void strange_names_stay_printable(void)
{
    BYTES b = blocks_of("xfreerdp3-shadow");
    struct gcc_client c;
    memcpy(find_block(&b, GCC_CS_NET) + 8, "a\n\x1b\xff%sZZ", 8);
    memset(find_block(&b, GCC_CS_CORE) + 24, 0xd8, 32); /* lone surrogates */
    CU_ASSERT_EQUAL(gcc_client_parse(cursor_init(b.p, b.len), &c), 0);
    CU_ASSERT_STRING_EQUAL(c.channels[0].name, "a???%sZ");
    CU_ASSERT_STRING_EQUAL(c.client_name, "");
}

static int feed(const uint8_t *p, size_t len)
{
    struct gcc_client c;
    int rc = gcc_client_parse(cursor_init(p, len), &c);
    uint8_t out[1024];
    struct writer w = writer_init(out, sizeof out);
    const struct gcc_guest_rules rules = {.selected_protocol = 1, .denied_channels = ~0U};
    int rewritten = gcc_rewrite_for_guest(cursor_init(p, len), &rules, &w);
    if ((rc == 0) != (rewritten == 0))
        abort();
    if (rc == 0 && gcc_client_parse(cursor_init(out, writer_len(&w)), &c) != 0)
        abort(); /* what is sent to a guest is itself well-formed */
    return rc;
}

static void survives_cut_and_changed_bytes(void)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        BYTES b = blocks_of(clients[i]);
        struct gcc_client c = client_of(&b);
        /* A cut between two blocks leaves a well-formed beginning. */
        CU_ASSERT_EQUAL(feed_truncated(feed, b.p, b.len), c.block_count - 1);
        feed_mutated(feed, b.p, b.len);
    }
}

SUITE("gcc_client", TEST(reads_what_xfreerdp_says_of_itself), TEST(reads_what_rdesktop_says_of_itself),
      TEST(the_console_switch_shows_in_the_cluster_block), TEST(towards_the_guest_only_what_must_changes),
      TEST(a_denied_channel_keeps_its_place_under_another_name), TEST(a_full_writer_is_told),
      TEST(reads_monitors_up_to_the_limit), TEST(refuses_32_channels_and_a_count_past_the_block),
      TEST(refuses_a_block_that_comes_twice_and_a_missing_core),
      TEST(an_old_client_with_a_short_core_block_is_read), TEST(strange_names_stay_printable),
      TEST(survives_cut_and_changed_bytes))
