#include "rdp_pdu.h"

#include "error_info.h"
#include "mcs.h"

#include "captures/captures.h"
#include "suite.h"

/* The client's side of every map below: what the gateway gives, unlike anything the servers recorded gave. */
enum { CLIENT_USER = 1020, CLIENT_IO = 1103, CLIENT_MESSAGE = 1119, CLIENT_CHANNEL = 1104 };

/* The ids of a recorded server: user U, message channel M (0: none), io 1003 and COUNT channels from 1004 on.
 */
static struct id_map map_of(uint16_t user, uint16_t message, size_t count)
{
    uint16_t client[GCC_CHANNELS_MAX] = {0}, guest[GCC_CHANNELS_MAX] = {0};
    for (size_t i = 0; i < count; i++) {
        client[i] = (uint16_t)(CLIENT_CHANNEL + i);
        guest[i] = (uint16_t)(1004 + i);
    }
    struct id_map m;
    id_map_init(&m, CLIENT_USER, user, CLIENT_IO, 1003, CLIENT_MESSAGE, message, client, guest, count);
    return m;
}

static struct id_map map_for(const char *pair)
{
    if (strcmp(pair, "rdesktop-xrdp") == 0)
        return map_of(1009, 0, 5);
    if (strcmp(pair, "xfreerdp3-shadow") == 0)
        return map_of(1009, 1008, 4);
    if (strcmp(pair, "xfreerdp2-shadow") == 0)
        return map_of(1008, 1007, 3);
    return map_of(1008, 0, 4); /* both xfreerdp versions with xrdp */
}

static uint16_t be16_at(const struct bytes *b, size_t at)
{
    return (uint16_t)(b->p[at] << 8 | b->p[at + 1]);
}

static uint16_t le16_at(const struct bytes *b, size_t at)
{
    return (uint16_t)(b->p[at] | b->p[at + 1] << 8);
}

/* Where the payload starts: the PER length takes one or two bytes. */
static size_t payload_at(const struct bytes *b)
{
    return b->p[13] & 0x80 ? 15 : 14;
}

static struct rdp_seen_pdu mapped(struct bytes *b, const struct id_map *m, enum rdp_direction direction)
{
    struct rdp_seen_pdu seen = {0};
    CU_ASSERT_EQUAL(rdp_map_slow_path(m, b->p, b->len, direction, &seen), 0);
    return seen;
}

/* Towards the guest the recorded bytes of a client carry the guest's ids already: first they are turned into
 * what the client would have said to the gateway. */
static struct bytes from_client(const char *pair, const char *what)
{
    struct bytes b = capture(pair, CAPTURE_CLIENT, what);
    struct id_map m = map_for(pair);
    struct rdp_seen_pdu seen;
    b.p[7] = (uint8_t)(MCS_SEND_DATA_INDICATION << 2); /* for the way back only */
    CU_ASSERT_EQUAL(rdp_map_slow_path(&m, b.p, b.len, RDP_TO_CLIENT, &seen), 0);
    b.p[7] = (uint8_t)(MCS_SEND_DATA_REQUEST << 2);
    return b;
}

static void maps_what_servers_say_to_the_clients_ids(void)
{
    static const char *const pairs[] = {"xfreerdp3-xrdp", "rdesktop-xrdp", "xfreerdp3-shadow"};
    for (size_t i = 0; i < 3; i++) {
        struct id_map m = map_for(pairs[i]);
        BYTES demand = capture(pairs[i], CAPTURE_SERVER, "demand_active");
        size_t at = payload_at(&demand);
        CU_ASSERT_EQUAL(le16_at(&demand, at + 4), m.guest_user);
        struct rdp_seen_pdu seen = mapped(&demand, &m, RDP_TO_CLIENT);
        CU_ASSERT_EQUAL(seen.seen, RDP_SEEN_DEMAND_ACTIVE);
        CU_ASSERT_EQUAL(seen.channel_id, CLIENT_IO);
        CU_ASSERT_EQUAL(seen.share_id, (uint32_t)(le16_at(&demand, at + 6) | le16_at(&demand, at + 8) << 16));
        CU_ASSERT_NOT_EQUAL(seen.share_id, 0);
        CU_ASSERT_EQUAL(be16_at(&demand, 8) + MCS_USER_BASE, CLIENT_USER);
        CU_ASSERT_EQUAL(be16_at(&demand, 10), CLIENT_IO);
        CU_ASSERT_EQUAL(le16_at(&demand, at + 4), CLIENT_USER);
        CU_ASSERT_PTR_EQUAL(seen.payload, demand.p + at);
        CU_ASSERT_EQUAL(seen.payload_len, demand.len - at);

        BYTES granted = capture(pairs[i], CAPTURE_SERVER, "data_14_2");
        seen = mapped(&granted, &m, RDP_TO_CLIENT);
        CU_ASSERT_EQUAL(seen.seen, RDP_SEEN_DATA);
        CU_ASSERT_EQUAL(seen.data_type, RDP_DATA_CONTROL);
        BYTES cooperate = capture(pairs[i], CAPTURE_SERVER, "data_14_4");
        (void)mapped(&cooperate, &m, RDP_TO_CLIENT);
        CU_ASSERT_EQUAL(le16_at(&cooperate, payload_at(&cooperate) + 20), 0);

        BYTES font_map = capture(pairs[i], CAPTURE_SERVER, "data_28");
        seen = mapped(&font_map, &m, RDP_TO_CLIENT);
        CU_ASSERT_EQUAL(seen.seen, RDP_SEEN_DATA | RDP_SEEN_FONT_MAP);
    }
}

static void maps_grant_and_target_user_where_servers_use_the_users_id(void)
{
    struct id_map m = map_for("xfreerdp3-shadow");
    BYTES granted = capture("xfreerdp3-shadow", CAPTURE_SERVER, "data_14_2");
    size_t at = payload_at(&granted);
    CU_ASSERT_EQUAL(le16_at(&granted, at + 20), 1009);
    (void)mapped(&granted, &m, RDP_TO_CLIENT);
    CU_ASSERT_EQUAL(le16_at(&granted, at + 20), CLIENT_USER);
    CU_ASSERT_EQUAL(le16_at(&granted, at + 22), 1002); /* controlId is the server's own */

    BYTES sync = capture("xfreerdp3-shadow", CAPTURE_SERVER, "data_1f");
    at = payload_at(&sync);
    CU_ASSERT_EQUAL(le16_at(&sync, at + 20), 1009);
    struct rdp_seen_pdu seen = mapped(&sync, &m, RDP_TO_CLIENT);
    CU_ASSERT_EQUAL(seen.data_type, RDP_DATA_SYNCHRONIZE);
    CU_ASSERT_EQUAL(le16_at(&sync, at + 20), CLIENT_USER);

    /* xrdp names itself there, which means the same to everybody. */
    m = map_for("rdesktop-xrdp");
    BYTES other = capture("rdesktop-xrdp", CAPTURE_SERVER, "data_1f");
    (void)mapped(&other, &m, RDP_TO_CLIENT);
    CU_ASSERT_EQUAL(le16_at(&other, payload_at(&other) + 20), 1002);
}

static void what_a_client_says_reaches_the_guest_as_if_said_directly(void)
{
    static const char *const pairs[] = {"xfreerdp3-xrdp", "xfreerdp2-xrdp", "rdesktop-xrdp",
                                        "xfreerdp3-shadow"};
    static const struct {
        const char *what;
        uint32_t seen;
    } rows[] = {{"confirm_active", RDP_SEEN_CONFIRM_ACTIVE},
                {"data_1f", RDP_SEEN_DATA},
                {"data_14_4", RDP_SEEN_DATA},
                {"data_27", RDP_SEEN_DATA},
                {"channel", RDP_SEEN_CHANNEL}};
    for (size_t i = 0; i < 4; i++) {
        for (size_t k = 0; k < 5; k++) {
            if (i == 1 && k != 0)
                continue; /* only this one was recorded */
            struct id_map m = map_for(pairs[i]);
            BYTES direct = capture(pairs[i], CAPTURE_CLIENT, rows[k].what);
            BYTES b = from_client(pairs[i], rows[k].what);
            CU_ASSERT_EQUAL(be16_at(&b, 8) + MCS_USER_BASE, CLIENT_USER);
            CU_ASSERT_TRUE(be16_at(&b, 10) >= CLIENT_IO);
            struct rdp_seen_pdu seen = mapped(&b, &m, RDP_TO_GUEST);
            CU_ASSERT_EQUAL(seen.seen, rows[k].seen);
            CU_ASSERT_EQUAL(memcmp(b.p, direct.p, b.len), 0);
        }
    }
}

static void the_same_ids_on_both_sides_change_nothing(void)
{
    uint16_t channels[] = {1004, 1005, 1006, 1007, 1008};
    struct id_map m;
    id_map_init(&m, 1009, 1009, 1003, 1003, 0, 0, channels, channels, 5);
    for (size_t i = 0; i < CAPTURE_COUNT; i++) {
        const struct capture_row *r = &capture_rows[i];
        if (strcmp(r->pair, "rdesktop-xrdp") != 0)
            continue;
        BYTES b = bytes_from_hex(r->hex);
        BYTES copy = bytes_copy(b.p, b.len);
        struct rdp_seen_pdu seen;
        enum rdp_direction d = r->side == CAPTURE_CLIENT ? RDP_TO_GUEST : RDP_TO_CLIENT;
        (void)!rdp_map_slow_path(&m, b.p, b.len, d, &seen);
        CU_ASSERT_EQUAL(memcmp(b.p, copy.p, b.len), 0);
    }
}

static void sees_licensing_in_the_forms_of_both_servers(void)
{
    struct id_map m = map_for("xfreerdp3-xrdp");
    BYTES request = capture("xfreerdp3-xrdp", CAPTURE_SERVER, "licence");
    struct rdp_seen_pdu seen = mapped(&request, &m, RDP_TO_CLIENT);
    CU_ASSERT_EQUAL(seen.seen, RDP_SEEN_LICENCE);
    CU_ASSERT_EQUAL(seen.licence_type, 1);

    /* xrdp writes a length into flagsHi, here 0x10, which looks like a share control PDU's version. */
    BYTES valid = bytes_from_hex("0300002202f08068000703eb701480001000ff021000070000000200000028140000");
    seen = mapped(&valid, &m, RDP_TO_CLIENT);
    CU_ASSERT_EQUAL(seen.seen, RDP_SEEN_LICENCE);
    CU_ASSERT_EQUAL(seen.licence_type, 0xff);

    m = map_for("xfreerdp3-shadow");
    BYTES freerdp = capture("xfreerdp3-shadow", CAPTURE_SERVER, "licence");
    seen = mapped(&freerdp, &m, RDP_TO_CLIENT);
    CU_ASSERT_EQUAL(seen.seen, RDP_SEEN_LICENCE);
    CU_ASSERT_EQUAL(seen.licence_type, 0xff);
}

static void sees_auto_detection_on_the_message_channel(void)
{
    struct id_map m = map_for("xfreerdp3-shadow");
    BYTES request = capture("xfreerdp3-shadow", CAPTURE_SERVER, "autodetect");
    struct rdp_seen_pdu seen = mapped(&request, &m, RDP_TO_CLIENT);
    CU_ASSERT_EQUAL(seen.seen, RDP_SEEN_AUTODETECT);
    CU_ASSERT_EQUAL(seen.channel_id, CLIENT_MESSAGE);
    CU_ASSERT_EQUAL(seen.autodetect_sequence, 0x23);
    CU_ASSERT_EQUAL(seen.autodetect_type, 0x1001);
}

static void builds_the_auto_detection_answer_that_guests_expect(void)
{
    /* xfreerdp3's own answers differ in type, so the bytes are those that the specification asks for. */
    uint8_t buf[64];
    struct writer w = writer_init(buf, sizeof buf);
    rdp_write_autodetect_rtt_response(&w, 1009, 1008, 0x23);
    BYTES expected = bytes_from_hex("0300001902f08064000803f070800a00200000060123000000");
    BYTES answer = capture("xfreerdp3-shadow", CAPTURE_CLIENT, "autodetect");
    CU_ASSERT_EQUAL_FATAL(writer_len(&w), expected.len);
    CU_ASSERT_EQUAL(memcmp(buf, expected.p, expected.len), 0);
    CU_ASSERT_EQUAL(memcmp(answer.p, expected.p, expected.len), 0);
}

static void sees_requests_for_udp_and_their_refusal(void)
{
    struct id_map m = map_for("xfreerdp3-shadow");
    BYTES request = capture("xfreerdp3-shadow", CAPTURE_SERVER, "multitransport");
    CU_ASSERT_EQUAL(mapped(&request, &m, RDP_TO_CLIENT).seen, RDP_SEEN_MULTITRANSPORT);
    BYTES refusal = from_client("xfreerdp3-shadow", "multitransport");
    CU_ASSERT_EQUAL(mapped(&refusal, &m, RDP_TO_GUEST).seen, RDP_SEEN_MULTITRANSPORT);
}

static void sees_deactivation_and_monitor_layout(void)
{
    struct id_map m = map_for("xfreerdp2-shadow");
    BYTES deactivate = capture("xfreerdp2-shadow", CAPTURE_SERVER, "deactivate_all");
    CU_ASSERT_EQUAL(mapped(&deactivate, &m, RDP_TO_CLIENT).seen, RDP_SEEN_DEACTIVATE_ALL);
    BYTES layout = capture("xfreerdp2-shadow", CAPTURE_SERVER, "data_37");
    struct rdp_seen_pdu seen = mapped(&layout, &m, RDP_TO_CLIENT);
    CU_ASSERT_EQUAL(seen.data_type, RDP_DATA_MONITOR_LAYOUT);
    CU_ASSERT_EQUAL(le16_at(&layout, payload_at(&layout) + 4), 0); /* a source of 0 stays */
}

static void sees_what_the_gateway_itself_builds(void)
{
    struct id_map m = map_of(1008, 0, 4);
    uint8_t buf[RDP_REFUSAL_MAX_LEN];
    struct rdp_seen_pdu seen;

    struct writer w = writer_init(buf, sizeof buf);
    rdp_write_licence_valid_client(&w, 1003);
    CU_ASSERT_EQUAL(rdp_map_slow_path(&m, buf, writer_len(&w), RDP_TO_CLIENT, &seen), 0);
    CU_ASSERT_EQUAL(seen.seen, RDP_SEEN_LICENCE);
    CU_ASSERT_EQUAL(seen.licence_type, 0xff);

    w = writer_init(buf, sizeof buf);
    rdp_write_set_error_info(&w, 1003, 0x103ea, RDP_ERRINFO_CB_DESTINATION_POOL_NOT_FREE);
    CU_ASSERT_EQUAL(rdp_map_slow_path(&m, buf, writer_len(&w), RDP_TO_CLIENT, &seen), 0);
    CU_ASSERT_EQUAL(seen.seen, RDP_SEEN_DATA | RDP_SEEN_SET_ERROR_INFO);
    CU_ASSERT_EQUAL(seen.error_info, 0x408);
    CU_ASSERT_EQUAL(seen.share_id, 0x103ea);

    w = writer_init(buf, sizeof buf);
    rdp_write_deactivate_all(&w, 1003, 0x103ea);
    CU_ASSERT_EQUAL(rdp_map_slow_path(&m, buf, writer_len(&w), RDP_TO_CLIENT, &seen), 0);
    CU_ASSERT_EQUAL(seen.seen, RDP_SEEN_DEACTIVATE_ALL);

    w = writer_init(buf, sizeof buf);
    mcs_write_disconnect_ultimatum(&w, MCS_REASON_USER_REQUESTED);
    CU_ASSERT_EQUAL(rdp_map_slow_path(&m, buf, writer_len(&w), RDP_TO_GUEST, &seen), 0);
    CU_ASSERT_EQUAL(seen.seen, RDP_SEEN_DISCONNECT);
    CU_ASSERT_EQUAL(seen.reason, MCS_REASON_USER_REQUESTED);
}

static void a_refusal_fits_its_room(void)
{
    uint8_t buf[RDP_REFUSAL_MAX_LEN];
    struct writer w = writer_init(buf, sizeof buf);
    rdp_write_licence_valid_client(&w, RDP_IO_CHANNEL);
    rdp_write_set_error_info(&w, RDP_IO_CHANNEL, 0, RDP_ERRINFO_SERVER_DENIED_CONNECTION);
    mcs_write_disconnect_ultimatum(&w, MCS_REASON_PROVIDER_INITIATED);
    CU_ASSERT_TRUE(writer_ok(&w));
}

static void the_licence_is_that_of_freerdps_server(void)
{
    BYTES theirs = capture("xfreerdp3-shadow", CAPTURE_SERVER, "licence");
    uint8_t buf[64];
    struct writer w = writer_init(buf, sizeof buf);
    rdp_write_licence_valid_client(&w, 1003);
    CU_ASSERT_EQUAL_FATAL(writer_len(&w), theirs.len);
    put_u16_be(buf + 8, be16_at(&theirs, 8)); /* who says it differs */
    put_u16_be(buf + 13, be16_at(&theirs, 13));
    CU_ASSERT_EQUAL(memcmp(buf + 15, theirs.p + 15, 4 + 1), 0);
    CU_ASSERT_EQUAL(memcmp(buf + 20, theirs.p + 20, theirs.len - 20), 0);
}

/* Puts N PDUs of the io channel into one Send Data PDU, as Windows may. */
static struct bytes joined(const char *pair, const char *const *whats, size_t n)
{
    uint8_t buf[1024];
    struct writer w = writer_init(buf, sizeof buf);
    size_t start = mcs_data_begin(&w, MCS_SEND_DATA_INDICATION, 1009, 1003);
    for (size_t i = 0; i < n; i++) {
        BYTES b = capture(pair, CAPTURE_SERVER, whats[i]);
        size_t at = payload_at(&b);
        writer_bytes(&w, b.p + at, b.len - at);
    }
    mcs_data_end(&w, start);
    return bytes_copy(buf, writer_len(&w));
}

static void several_pdus_in_one_packet_are_all_mapped(void)
{
    static const char *const whats[] = {"data_1f", "data_14_2", "data_28"};
    struct id_map m = map_for("xfreerdp3-shadow");
    BYTES b = joined("xfreerdp3-shadow", whats, 3);
    struct rdp_seen_pdu seen = mapped(&b, &m, RDP_TO_CLIENT);
    CU_ASSERT_EQUAL(seen.seen, RDP_SEEN_DATA | RDP_SEEN_FONT_MAP);
    for (size_t at = 15; at < b.len; at += le16_at(&b, at))
        CU_ASSERT_EQUAL(le16_at(&b, at + 4), CLIENT_USER);
    CU_ASSERT_EQUAL(le16_at(&b, 15 + 22 + 20), CLIENT_USER); /* the grant inside the second one */
}

static void a_flow_pdu_between_others_is_stepped_over(void)
{
    uint8_t buf[128];
    struct writer w = writer_init(buf, sizeof buf);
    size_t start = mcs_data_begin(&w, MCS_SEND_DATA_INDICATION, 1009, 1003);
    static const uint8_t flow[] = {0x00, 0x80, 0, 0x41, 0, 0, 0xf1, 0x03};
    writer_bytes(&w, flow, sizeof flow);
    BYTES map_pdu = capture("xfreerdp3-shadow", CAPTURE_SERVER, "data_28");
    writer_bytes(&w, map_pdu.p + payload_at(&map_pdu), map_pdu.len - payload_at(&map_pdu));
    mcs_data_end(&w, start);
    struct id_map m = map_for("xfreerdp3-shadow");
    BYTES b = bytes_copy(buf, writer_len(&w));
    struct rdp_seen_pdu seen = mapped(&b, &m, RDP_TO_CLIENT);
    CU_ASSERT_TRUE(seen.seen & RDP_SEEN_FONT_MAP);
    CU_ASSERT_EQUAL(le16_at(&b, 15 + 6), CLIENT_USER);
}

static void channels_that_the_other_side_lacks_are_told_and_left_alone(void)
{
    struct id_map m =
        map_of(1009, 0, 4); /* four channels: the fifth is unknown, and there is no message channel */
    BYTES b = capture("rdesktop-xrdp", CAPTURE_SERVER, "data_28");
    struct rdp_seen_pdu seen;
    static const uint16_t strange[] = {1008, 1009, 0, 1002, 0xffff, CLIENT_IO, CLIENT_MESSAGE};
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
        put_u16_be(b.p + 10, strange[i]);
        BYTES copy = bytes_copy(b.p, b.len);
        CU_ASSERT_EQUAL(rdp_map_slow_path(&m, b.p, b.len, RDP_TO_CLIENT, &seen), CE_NOT_FOUND);
        CU_ASSERT_EQUAL(memcmp(b.p, copy.p, b.len), 0);
    }
}

static void a_client_speaks_as_itself_whatever_it_claims(void)
{
    struct id_map m = map_for("xfreerdp3-xrdp");
    BYTES b = from_client("xfreerdp3-xrdp", "channel");
    put_u16_be(b.p + 8, 1002 - MCS_USER_BASE); /* the server's own id */
    (void)mapped(&b, &m, RDP_TO_GUEST);
    CU_ASSERT_EQUAL(be16_at(&b, 8) + MCS_USER_BASE, m.guest_user);
}

static void the_wrong_direction_is_refused(void)
{
    struct id_map m = map_for("xfreerdp3-xrdp");
    struct rdp_seen_pdu seen;
    BYTES server = capture("xfreerdp3-xrdp", CAPTURE_SERVER, "data_28");
    CU_ASSERT_EQUAL(rdp_map_slow_path(&m, server.p, server.len, RDP_TO_GUEST, &seen), CE_BAD_INPUT);
    BYTES join = capture("xfreerdp3-xrdp", CAPTURE_CLIENT, "channel_join_request");
    CU_ASSERT_EQUAL(rdp_map_slow_path(&m, join.p, join.len, RDP_TO_GUEST, &seen), CE_BAD_INPUT);
}

static void bytes_behind_the_payload_are_refused(void)
{
    struct id_map m = map_for("xfreerdp3-xrdp");
    BYTES b = capture("xfreerdp3-xrdp", CAPTURE_SERVER, "data_28");
    struct rdp_seen_pdu seen;
    b.p[13]--;
    CU_ASSERT_EQUAL(rdp_map_slow_path(&m, b.p, b.len, RDP_TO_CLIENT, &seen), CE_BAD_INPUT);
}

static void a_compressed_pdu_is_not_looked_into(void)
{
    struct id_map m = map_for("xfreerdp3-shadow");
    BYTES b = capture("xfreerdp3-shadow", CAPTURE_SERVER, "data_1f");
    size_t at = payload_at(&b);
    b.p[at + 15] = 0x21;
    struct rdp_seen_pdu seen = mapped(&b, &m, RDP_TO_CLIENT);
    CU_ASSERT_EQUAL(seen.seen, RDP_SEEN_DATA);
    CU_ASSERT_EQUAL(le16_at(&b, at + 20), 1009);
}

static void a_short_deactivate_all_is_seen(void)
{
    struct id_map m = map_of(1008, 0, 0);
    BYTES b = bytes_from_hex("0300001202f08068000703eb700404001600");
    b.p[13] = 4;
    CU_ASSERT_EQUAL(mapped(&b, &m, RDP_TO_CLIENT).seen, RDP_SEEN_DEACTIVATE_ALL);
}

static void data_types_have_names(void)
{
    CU_ASSERT_STRING_EQUAL(rdp_data_type_name(RDP_DATA_SYNCHRONIZE), "Synchronize");
    CU_ASSERT_STRING_EQUAL(rdp_data_type_name(RDP_DATA_SET_ERROR_INFO), "Set Error Info");
    CU_ASSERT_STRING_EQUAL(rdp_data_type_name(0), "unknown");
}

static const struct id_map *feed_map;
static enum rdp_direction feed_direction;

static int feed(const uint8_t *p, size_t len)
{
    BYTES b = bytes_copy(p, len);
    if (len >= 4)
        put_u16_be(b.p + 2, (uint16_t)len);
    if (len >= 14 && !(b.p[13] & 0x80))
        b.p[13] = (uint8_t)(len - 14);
    else if (len >= 15)
        put_u16_be(b.p + 13, (uint16_t)(0x8000 | (len - 15)));
    struct rdp_seen_pdu seen;
    int rc = rdp_map_slow_path(feed_map, b.p, b.len, feed_direction, &seen);
    if (rc == 0)
        (void)sum_bytes(seen.payload, seen.payload_len);
    return rc;
}

static void survives_cut_and_changed_bytes(void)
{
    for (size_t i = 0; i < CAPTURE_COUNT; i++) {
        const struct capture_row *r = &capture_rows[i];
        BYTES b = bytes_from_hex(r->hex);
        if (b.p[0] != 3)
            continue;
        struct id_map m = map_for(r->pair);
        struct id_map same;
        id_map_init(&same, 1008, 1008, 1003, 1003, 1007, 1007, (uint16_t[]){1004, 1005, 1006},
                    (uint16_t[]){1004, 1005, 1006}, 3);
        feed_direction = r->side == CAPTURE_CLIENT ? RDP_TO_GUEST : RDP_TO_CLIENT;
        feed_map = r->side == CAPTURE_CLIENT ? &same : &m;
        (void)feed_truncated(feed, b.p, b.len);
        feed_mutated(feed, b.p, b.len);
    }
}

SUITE("rdp_pdu", TEST(maps_what_servers_say_to_the_clients_ids),
      TEST(maps_grant_and_target_user_where_servers_use_the_users_id),
      TEST(what_a_client_says_reaches_the_guest_as_if_said_directly),
      TEST(the_same_ids_on_both_sides_change_nothing), TEST(sees_licensing_in_the_forms_of_both_servers),
      TEST(sees_auto_detection_on_the_message_channel),
      TEST(builds_the_auto_detection_answer_that_guests_expect),
      TEST(sees_requests_for_udp_and_their_refusal), TEST(sees_deactivation_and_monitor_layout),
      TEST(sees_what_the_gateway_itself_builds), TEST(a_refusal_fits_its_room),
      TEST(the_licence_is_that_of_freerdps_server), TEST(several_pdus_in_one_packet_are_all_mapped),
      TEST(a_flow_pdu_between_others_is_stepped_over),
      TEST(channels_that_the_other_side_lacks_are_told_and_left_alone),
      TEST(a_client_speaks_as_itself_whatever_it_claims), TEST(the_wrong_direction_is_refused),
      TEST(bytes_behind_the_payload_are_refused), TEST(a_compressed_pdu_is_not_looked_into),
      TEST(a_short_deactivate_all_is_seen), TEST(data_types_have_names), TEST(survives_cut_and_changed_bytes))
