#include "x224.h"

#include "captures/captures.h"
#include "suite.h"

static struct x224_request request_of(const char *pair)
{
    struct x224_request r = {0};
    BYTES b = capture(pair, CAPTURE_CLIENT, "request");
    CU_ASSERT_EQUAL(x224_parse_request(b.p, b.len, &r), 0);
    return r;
}

static void reads_the_cookie_and_the_protocols_of_each_client(void)
{
    struct x224_request r = request_of("xfreerdp3-xrdp");
    CU_ASSERT_STRING_EQUAL(r.cookie_user, "zo??"); /* "zoe" with a diaeresis, two bytes of UTF-8 */
    CU_ASSERT_STRING_EQUAL(r.routing_token, "");
    CU_ASSERT_TRUE(r.has_negotiation);
    CU_ASSERT_EQUAL(r.flags, 0);
    CU_ASSERT_EQUAL(r.protocols, RDP_PROTOCOL_SSL);

    r = request_of("rdesktop-xrdp");
    CU_ASSERT_STRING_EQUAL(r.cookie_user, "alice");
    CU_ASSERT_EQUAL(r.protocols, RDP_PROTOCOL_SSL | RDP_PROTOCOL_HYBRID);
}

static void reads_a_routing_token(void)
{
    struct x224_request r = request_of("xfreerdp3-msts");
    CU_ASSERT_STRING_EQUAL(r.routing_token, "3640205228.15629.0000");
    CU_ASSERT_STRING_EQUAL(r.cookie_user, "");
    CU_ASSERT_EQUAL(r.protocols, RDP_PROTOCOL_SSL);
}

static void keeps_the_whole_line_of_an_unknown_token(void)
{
    static const char line[] = "tsv://MS Terminal Services Plugin.1.Reading\r\n";
    uint8_t buf[100] = {3, 0, 0, 11 + sizeof line - 1, 6 + sizeof line - 1, 0xe0};
    memcpy(buf + 11, line, sizeof line - 1);
    struct x224_request r;
    CU_ASSERT_EQUAL(x224_parse_request(buf, buf[3], &r), 0);
    CU_ASSERT_STRING_EQUAL(r.routing_token, "tsv://MS Terminal Services Plugin.1.Reading");
    CU_ASSERT_FALSE(r.has_negotiation);
}

static void a_client_without_negotiation_is_told_apart(void)
{
    static const uint8_t bare[] = {3, 0, 0, 11, 6, 0xe0, 0, 0, 0x12, 0x34, 0};
    struct x224_request r;
    CU_ASSERT_EQUAL(x224_parse_request(bare, sizeof bare, &r), 0);
    CU_ASSERT_FALSE(r.has_negotiation);
    CU_ASSERT_EQUAL(r.source_ref, 0x1234);
}

static void reads_the_correlation_id(void)
{
    uint8_t pdu[11 + 8 + 36] = {
        3, 0, 0, sizeof pdu, sizeof pdu - 5, 0xe0, 0, 0, 0, 0, 0, 1, 8, 8, 0, 3, 0, 0, 0, 6, 0, 36, 0};
    for (uint8_t i = 0; i < 16; i++)
        pdu[23 + i] = (uint8_t)(0xa0 + i);
    struct x224_request r;
    CU_ASSERT_EQUAL(x224_parse_request(pdu, sizeof pdu, &r), 0);
    CU_ASSERT_TRUE(r.has_correlation_id);
    CU_ASSERT_EQUAL(r.correlation_id[0], 0xa0);
    CU_ASSERT_EQUAL(r.correlation_id[15], 0xaf);
    pdu[21] = 35; /* its length */
    CU_ASSERT_EQUAL(x224_parse_request(pdu, sizeof pdu, &r), CE_BAD_INPUT);
}

static void refuses_a_request_whose_lengths_disagree(void)
{
    BYTES b = capture("xfreerdp3-xrdp", CAPTURE_CLIENT, "request");
    struct x224_request r;
    b.p[4]--;
    CU_ASSERT_EQUAL(x224_parse_request(b.p, b.len, &r), CE_BAD_INPUT);
    b.p[4] += 2;
    CU_ASSERT_EQUAL(x224_parse_request(b.p, b.len, &r), CE_BAD_INPUT);
}

static void refuses_another_tpdu_and_a_second_cookie(void)
{
    BYTES b = capture("xfreerdp3-xrdp", CAPTURE_CLIENT, "request");
    struct x224_request r;
    b.p[5] = 0xd0;
    CU_ASSERT_EQUAL(x224_parse_request(b.p, b.len, &r), CE_BAD_INPUT);

    static const char lines[] = "Cookie: mstshash=a\r\nCookie: mstshash=b\r\n";
    uint8_t buf[100] = {3, 0, 0, 11 + sizeof lines - 1, 6 + sizeof lines - 1, 0xe0};
    memcpy(buf + 11, lines, sizeof lines - 1);
    CU_ASSERT_EQUAL(x224_parse_request(buf, buf[3], &r), CE_BAD_INPUT);
}

static void refuses_a_line_without_end(void)
{
    static const char line[] = "Cookie: mstshash=alice";
    uint8_t buf[100] = {3, 0, 0, 11 + sizeof line - 1, 6 + sizeof line - 1, 0xe0};
    memcpy(buf + 11, line, sizeof line - 1);
    struct x224_request r;
    CU_ASSERT_EQUAL(x224_parse_request(buf, buf[3], &r), CE_BAD_INPUT);
}

static void builds_the_request_that_xfreerdp_sends(void)
{
    BYTES b = capture("xfreerdp3-shadow", CAPTURE_CLIENT, "request");
    uint8_t buf[X224_REQUEST_MAX_LEN];
    struct writer w = writer_init(buf, sizeof buf);
    x224_write_request(&w, "alice", NULL, 0, RDP_PROTOCOL_SSL);
    CU_ASSERT_TRUE(writer_ok(&w));
    CU_ASSERT_EQUAL_FATAL(writer_len(&w), b.len);
    CU_ASSERT_EQUAL(memcmp(buf, b.p, b.len), 0);
}

static void a_cookie_longer_than_a_request_overruns_the_writer(void)
{
    char user[300];
    memset(user, 'a', sizeof user - 1);
    user[sizeof user - 1] = 0;
    uint8_t buf[400];
    struct writer w = writer_init(buf, sizeof buf);
    x224_write_request(&w, user, NULL, 0, RDP_PROTOCOL_SSL);
    CU_ASSERT_FALSE(writer_ok(&w));
}

static void reads_what_servers_answer(void)
{
    struct x224_confirm c;
    BYTES xrdp = capture("xfreerdp3-xrdp", CAPTURE_SERVER, "confirm");
    CU_ASSERT_EQUAL(x224_parse_confirm(xrdp.p, xrdp.len, &c), 0);
    CU_ASSERT_TRUE(c.has_negotiation && !c.failed);
    CU_ASSERT_EQUAL(c.protocol, RDP_PROTOCOL_SSL);
    CU_ASSERT_EQUAL(c.flags, RDP_NEG_RSP_EXTENDED_CLIENT_DATA);

    BYTES refusal = capture("shadow-no-tls", CAPTURE_SERVER, "failure");
    CU_ASSERT_EQUAL(x224_parse_confirm(refusal.p, refusal.len, &c), 0);
    CU_ASSERT_TRUE(c.has_negotiation && c.failed);
    CU_ASSERT_EQUAL(c.failure_code, RDP_NEG_SSL_NOT_ALLOWED_BY_SERVER);
}

static void confirm_and_failure_survive_the_way_there_and_back(void)
{
    uint8_t buf[X224_CONFIRM_MAX_LEN];
    struct x224_confirm c;
    struct writer w = writer_init(buf, sizeof buf);
    x224_write_confirm(&w, RDP_NEG_RSP_EXTENDED_CLIENT_DATA | RDP_NEG_RSP_DYNVC_GFX, RDP_PROTOCOL_HYBRID_EX);
    CU_ASSERT_EQUAL(x224_parse_confirm(buf, writer_len(&w), &c), 0);
    CU_ASSERT_EQUAL(c.protocol, RDP_PROTOCOL_HYBRID_EX);
    CU_ASSERT_EQUAL(c.flags, 3);

    w = writer_init(buf, sizeof buf);
    x224_write_failure(&w, RDP_NEG_SSL_REQUIRED_BY_SERVER);
    CU_ASSERT_EQUAL(x224_parse_confirm(buf, writer_len(&w), &c), 0);
    CU_ASSERT_TRUE(c.failed);
    CU_ASSERT_EQUAL(c.failure_code, RDP_NEG_SSL_REQUIRED_BY_SERVER);
}

static void data_headers_enclose_the_payload(void)
{
    uint8_t buf[32];
    struct writer w = writer_init(buf, sizeof buf);
    writer_u8(&w, 0xaa); /* a packet need not start at the buffer's start */
    size_t start = x224_data_begin(&w);
    writer_bytes(&w, "abc", 3);
    x224_data_end(&w, start);
    struct cursor c;
    CU_ASSERT_EQUAL(x224_parse_data(buf + 1, writer_len(&w) - 1, &c), 0);
    CU_ASSERT_EQUAL(cursor_left(&c), 3);
    CU_ASSERT_EQUAL(memcmp(c.at, "abc", 3), 0);
    buf[1 + 6] = 0; /* not the last part of a TPDU: RDP never splits */
    CU_ASSERT_EQUAL(x224_parse_data(buf + 1, writer_len(&w) - 1, &c), CE_BAD_INPUT);
}

static int feed_request(const uint8_t *p, size_t len)
{
    struct x224_request r;
    int rc = x224_parse_request(p, len, &r);
    return rc == 0 && strlen(r.cookie_user) + strlen(r.routing_token) > 2 * X224_LINE_MAX ? 1 : rc;
}

static int feed_confirm(const uint8_t *p, size_t len)
{
    struct x224_confirm c;
    return x224_parse_confirm(p, len, &c);
}

static void survives_cut_and_changed_bytes(void)
{
    static const char *const pairs[] = {"xfreerdp3-xrdp", "rdesktop-xrdp", "xfreerdp3-msts"};
    for (size_t i = 0; i < 3; i++) {
        BYTES b = capture(pairs[i], CAPTURE_CLIENT, "request");
        CU_ASSERT_EQUAL(feed_truncated(feed_request, b.p, b.len), 0);
        feed_mutated(feed_request, b.p, b.len);
    }
    BYTES c = capture("xfreerdp3-xrdp", CAPTURE_SERVER, "confirm");
    CU_ASSERT_EQUAL(feed_truncated(feed_confirm, c.p, c.len), 0);
    feed_mutated(feed_confirm, c.p, c.len);
}

SUITE("x224", TEST(reads_the_cookie_and_the_protocols_of_each_client), TEST(reads_a_routing_token),
      TEST(keeps_the_whole_line_of_an_unknown_token), TEST(a_client_without_negotiation_is_told_apart),
      TEST(reads_the_correlation_id), TEST(refuses_a_request_whose_lengths_disagree),
      TEST(refuses_another_tpdu_and_a_second_cookie), TEST(refuses_a_line_without_end),
      TEST(builds_the_request_that_xfreerdp_sends), TEST(a_cookie_longer_than_a_request_overruns_the_writer),
      TEST(reads_what_servers_answer), TEST(confirm_and_failure_survive_the_way_there_and_back),
      TEST(data_headers_enclose_the_payload), TEST(survives_cut_and_changed_bytes))
