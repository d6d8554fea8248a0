#include "mcs.h"

#include "captures/captures.h"
#include "suite.h"

static struct mcs_pdu parsed(const struct bytes *b)
{
    struct mcs_pdu p = {0};
    CU_ASSERT_EQUAL(mcs_parse(b->p, b->len, &p), 0);
    return p;
}

static void reads_what_clients_say_before_they_log_in(void)
{
    static const char *const pairs[] = {"xfreerdp3-xrdp",
                                        "rdesktop-xrdp"}; /* their Erect Domain differ in size */
    for (size_t i = 0; i < 2; i++) {
        BYTES erect = capture(pairs[i], CAPTURE_CLIENT, "erect_domain");
        BYTES attach = capture(pairs[i], CAPTURE_CLIENT, "attach_user_request");
        BYTES join = capture(pairs[i], CAPTURE_CLIENT, "channel_join_request");
        CU_ASSERT_EQUAL(parsed(&erect).choice, MCS_ERECT_DOMAIN_REQUEST);
        CU_ASSERT_EQUAL(parsed(&attach).choice, MCS_ATTACH_USER_REQUEST);
        struct mcs_pdu p = parsed(&join);
        CU_ASSERT_EQUAL(p.choice, MCS_CHANNEL_JOIN_REQUEST);
        CU_ASSERT_EQUAL(p.user_id, i == 0 ? 1008 : 1009);
        CU_ASSERT_EQUAL(p.channel_id, p.user_id); /* a client joins its own channel first */
    }
}

static void reads_what_servers_answer(void)
{
    BYTES attach = capture("xfreerdp3-xrdp", CAPTURE_SERVER, "attach_user_confirm");
    struct mcs_pdu p = parsed(&attach);
    CU_ASSERT_EQUAL(p.choice, MCS_ATTACH_USER_CONFIRM);
    CU_ASSERT_EQUAL(p.result, 0);
    CU_ASSERT_EQUAL(p.user_id, 1008);

    BYTES join = capture("xfreerdp3-xrdp", CAPTURE_SERVER, "channel_join_confirm");
    p = parsed(&join);
    CU_ASSERT_EQUAL(p.choice, MCS_CHANNEL_JOIN_CONFIRM);
    CU_ASSERT_EQUAL(p.result, 0);
    CU_ASSERT_EQUAL(p.user_id, 1008);
    CU_ASSERT_EQUAL(p.requested_id, 1008);
    CU_ASSERT_EQUAL(p.channel_id, 1008);
}

static void fences_the_data_in_both_forms_of_length(void)
{
    BYTES longer = capture("xfreerdp3-xrdp", CAPTURE_CLIENT, "client_info");
    struct mcs_pdu p = parsed(&longer);
    CU_ASSERT_EQUAL(p.choice, MCS_SEND_DATA_REQUEST);
    CU_ASSERT_EQUAL(p.user_id, 1008);
    CU_ASSERT_EQUAL(p.channel_id, 1003);
    CU_ASSERT_PTR_EQUAL(p.data + p.data_len, longer.p + longer.len);
    CU_ASSERT_EQUAL(p.data_len, longer.len - 15);

    BYTES shorter = capture("xfreerdp3-xrdp", CAPTURE_SERVER, "data_1f"); /* one byte of length */
    p = parsed(&shorter);
    CU_ASSERT_EQUAL(p.choice, MCS_SEND_DATA_INDICATION);
    CU_ASSERT_EQUAL(p.data_len, shorter.len - 14);
}

static void refuses_data_longer_than_its_packet(void)
{
    BYTES b = capture("xfreerdp3-xrdp", CAPTURE_SERVER, "data_1f");
    struct mcs_pdu p;
    b.p[13]++;
    CU_ASSERT_EQUAL(mcs_parse(b.p, b.len, &p), CE_BAD_INPUT);
}

static void refuses_choices_that_rdp_does_not_use(void)
{
    for (unsigned choice = 0; choice < 64; choice++) {
        uint8_t pdu[24] = {3, 0, 0, sizeof pdu, 2, 0xf0, 0x80, (uint8_t)(choice << 2)};
        struct mcs_pdu p;
        int rc = mcs_parse(pdu, sizeof pdu, &p);
        bool known = choice == 1 || choice == 8 || choice == 10 || choice == 11 || choice == 14 ||
                     choice == 15 || choice == 25 || choice == 26;
        CU_ASSERT_EQUAL(rc, known ? 0 : CE_BAD_INPUT);
    }
}

static void refuses_a_user_id_past_the_number_space(void)
{
    const uint8_t pdu[] = {3, 0, 0, 12, 2, 0xf0, 0x80, MCS_CHANNEL_JOIN_REQUEST << 2, 0xff, 0xff, 3, 0xeb};
    struct mcs_pdu p;
    CU_ASSERT_EQUAL(mcs_parse(pdu, sizeof pdu, &p), CE_BAD_INPUT);
}

static void builds_what_real_peers_send(void)
{
    uint8_t buf[64];
    struct {
        const char *pair;
        enum capture_side side;
        const char *what;
    } rows[] = {{"xfreerdp3-xrdp", CAPTURE_CLIENT, "erect_domain"},
                {"xfreerdp3-xrdp", CAPTURE_CLIENT, "attach_user_request"},
                {"xfreerdp3-xrdp", CAPTURE_SERVER, "attach_user_confirm"},
                {"xfreerdp3-xrdp", CAPTURE_CLIENT, "channel_join_request"},
                {"xfreerdp3-xrdp", CAPTURE_SERVER, "channel_join_confirm"}};
    for (size_t i = 0; i < 5; i++) {
        BYTES b = capture(rows[i].pair, rows[i].side, rows[i].what);
        struct writer w = writer_init(buf, sizeof buf);
        if (i == 0)
            mcs_write_erect_domain_request(&w);
        else if (i == 1)
            mcs_write_attach_user_request(&w);
        else if (i == 2)
            mcs_write_attach_user_confirm(&w, 0, 1008);
        else if (i == 3)
            mcs_write_channel_join_request(&w, 1008, 1008);
        else
            mcs_write_channel_join_confirm(&w, 0, 1008, 1008);
        CU_ASSERT_EQUAL_FATAL(writer_len(&w), b.len);
        CU_ASSERT_EQUAL(memcmp(buf, b.p, b.len), 0);
    }
}

static void every_disconnect_reason_survives_the_way_there_and_back(void)
{
    for (unsigned reason = 0; reason <= MCS_REASON_CHANNEL_PURGED; reason++) {
        uint8_t buf[16];
        struct mcs_pdu p;
        struct writer w = writer_init(buf, sizeof buf);
        mcs_write_disconnect_ultimatum(&w, (enum mcs_reason)reason);
        CU_ASSERT_EQUAL(mcs_parse(buf, writer_len(&w), &p), 0);
        CU_ASSERT_EQUAL(p.choice, MCS_DISCONNECT_PROVIDER_ULTIMATUM);
        CU_ASSERT_EQUAL(p.reason, reason);
        if (reason == MCS_REASON_USER_REQUESTED)
            CU_ASSERT_EQUAL(memcmp(buf + 7, "\x21\x80", 2), 0); /* as Windows and FreeRDP send it */
    }
}

static void data_survives_the_way_there_and_back(void)
{
    static uint8_t buf[MCS_DATA_MAX_LEN + MCS_DATA_HEADER_LEN + 8];
    static const size_t lens[] = {0, 1, 127, 128, 255, 16384, MCS_DATA_MAX_LEN};
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        struct writer w = writer_init(buf, sizeof buf);
        size_t start = mcs_data_begin(&w, MCS_SEND_DATA_REQUEST, 1007, 1004);
        writer_zero(&w, lens[i]);
        mcs_data_end(&w, start);
        struct mcs_pdu p;
        CU_ASSERT_TRUE(writer_ok(&w));
        CU_ASSERT_EQUAL(mcs_parse(buf, writer_len(&w), &p), 0);
        CU_ASSERT_EQUAL(p.data_len, lens[i]);
        CU_ASSERT_EQUAL(p.user_id, 1007);
        CU_ASSERT_EQUAL(p.channel_id, 1004);
    }
    struct writer w = writer_init(buf, sizeof buf);
    size_t start = mcs_data_begin(&w, MCS_SEND_DATA_REQUEST, 1007, 1004);
    writer_zero(&w, MCS_DATA_MAX_LEN + 1);
    mcs_data_end(&w, start);
    CU_ASSERT_FALSE(writer_ok(&w));
}

static int feed(const uint8_t *p, size_t len)
{
    struct mcs_pdu r;
    int rc = mcs_parse(p, len, &r);
    if (rc == 0)
        (void)sum_bytes(r.data, r.data_len);
    return rc;
}

/* A cut PDU whose outer length was made to fit: the inner lengths have to be looked at. */
static int feed_reframed(const uint8_t *p, size_t len)
{
    BYTES b = bytes_copy(p, len);
    if (len >= 4)
        put_u16_be(b.p + 2, (uint16_t)len);
    return feed(b.p, len);
}

static void survives_cut_and_changed_bytes(void)
{
    for (size_t i = 0; i < CAPTURE_COUNT; i++) {
        BYTES b = bytes_from_hex(capture_rows[i].hex);
        CU_ASSERT_EQUAL(feed_truncated(feed, b.p, b.len), 0);
        /* Only Erect Domain, whose numbers nobody needs, may end early. */
        if (strcmp(capture_rows[i].what, "erect_domain") != 0)
            CU_ASSERT_EQUAL(feed_truncated(feed_reframed, b.p, b.len), 0);
        feed_mutated(feed, b.p, b.len);
    }
}

SUITE("mcs", TEST(reads_what_clients_say_before_they_log_in), TEST(reads_what_servers_answer),
      TEST(fences_the_data_in_both_forms_of_length), TEST(refuses_data_longer_than_its_packet),
      TEST(refuses_choices_that_rdp_does_not_use), TEST(refuses_a_user_id_past_the_number_space),
      TEST(builds_what_real_peers_send), TEST(every_disconnect_reason_survives_the_way_there_and_back),
      TEST(data_survives_the_way_there_and_back), TEST(survives_cut_and_changed_bytes))
