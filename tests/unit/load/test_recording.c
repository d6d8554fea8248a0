#include "recording.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mcs.h"
#include "player.h"
#include "rdp_pdu.h"
#include "suite.h"

static const struct recording_ids here = {
    .user_id = 1007, .io_channel = 1003, .share_id = 0x103ea, .channel_count = 2, .channels = {1004, 1005}};
static const struct recording_ids there = {
    .user_id = 1009, .io_channel = 1001, .share_id = 0x77, .channel_count = 2, .channels = {1006, 1002}};

static const uint8_t fast_path[] = {0, 6, 1, 2, 3, 4};
static const uint8_t channel_data[] = {4, 0, 0, 0, 3, 0, 0, 0, 'd', 'a', 't', 'a'};

/* Two of the guest, one of the client between them. */
static size_t events_write(uint8_t *bytes, size_t size)
{
    struct writer w = writer_init(bytes, size);
    struct recording_event picture = {
        .kind = RECORDING_FAST_PATH, .bytes = fast_path, .len = sizeof fast_path};
    struct recording_event data = {
        .kind = RECORDING_CHANNEL, .channel = 1, .bytes = channel_data, .len = sizeof channel_data};
    recording_write_event(&w, &picture, true, 0);
    recording_write_event(&w, &picture, false, 1000);
    recording_write_event(&w, &data, true, 500);
    return writer_len(&w);
}

static int parsed(struct recording *r, size_t cut, size_t alter_at, uint8_t alter_to)
{
    uint8_t *bytes = malloc(256);
    size_t len = events_write(bytes, 256) - cut;
    if (alter_at < len)
        bytes[alter_at] = alter_to;
    *r = (struct recording){.channel_count = 2};
    return recording_parse(bytes, len, r);
}

static void what_was_written_is_read(void)
{
    struct recording r;
    CU_ASSERT_EQUAL_FATAL(parsed(&r, 0, SIZE_MAX, 0), 0);
    CU_ASSERT_EQUAL(r.sides[true].count, 2);
    CU_ASSERT_EQUAL(r.sides[false].count, 1);
    CU_ASSERT_EQUAL(r.sides[true].events[1].at_us, 1500);
    CU_ASSERT_EQUAL(r.sides[false].events[0].at_us, 1000);
    CU_ASSERT_EQUAL(r.sides[true].events[1].channel, 1);
    CU_ASSERT_EQUAL(r.length_us, 1501);
    recording_finish(&r);
}

static void what_is_not_whole_or_not_meant_is_refused(void)
{
    static const struct {
        size_t cut, at;
        uint8_t to;
    } bad[] = {
        {1, SIZE_MAX, 0}, {12, SIZE_MAX, 0}, {15, SIZE_MAX, 0}, /* ends too early */
        {0, 4, 0x83},                                           /* a kind that there is not */
        {0, 5, 1},                                              /* a channel of what is none's */
        {0, 6, 0},                                              /* no bytes */
        {0, 9, 5},                                              /* a fast-path PDU of another length */
        {0, 8, 3},                                              /* a slow-path PDU in its place */
        {0, 33, 2},                                             /* a channel that there is not */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct recording r;
        CU_ASSERT_EQUAL(parsed(&r, bad[i].cut, bad[i].at, bad[i].to), CE_BAD_INPUT);
        recording_finish(&r);
    }
    struct recording nothing = {0};
    CU_ASSERT_EQUAL(recording_parse(malloc(1), 0, &nothing), CE_BAD_INPUT);
    recording_finish(&nothing);
}

static int header_parsed(const char *text, struct recording *r)
{
    size_t len;
    return recording_parse_header(text, strlen(text), r, &len);
}

static void the_header_names_the_channels(void)
{
    struct recording r = {.channel_count = 2, .channels = {"rdpdr", "cliprdr"}}, again;
    uint8_t text[RECORDING_HEADER_MAX_LEN];
    struct writer w = writer_init(text, sizeof text);
    size_t len = 0;
    recording_write_header(&w, &r);
    CU_ASSERT_EQUAL_FATAL(recording_parse_header((const char *)text, writer_len(&w), &again, &len), 0);
    CU_ASSERT_EQUAL(len, writer_len(&w));
    CU_ASSERT_EQUAL(again.channel_count, 2);
    CU_ASSERT_STRING_EQUAL(again.channels[1], "cliprdr");
    CU_ASSERT_EQUAL(header_parsed("carrel-recording 1\nchannels\n\n", &again), 0);
    CU_ASSERT_EQUAL(again.channel_count, 0);
    CU_ASSERT_EQUAL(header_parsed("carrel-reco", &again), CE_NEED_MORE);
    CU_ASSERT_EQUAL(header_parsed("carrel-recording 2\nchannels\n\n", &again), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(header_parsed("carrel-recording 1\nchannels rdpdrrdpdr\n\n", &again), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(header_parsed("carrel-recording 1\nchannels  rdpdr\n\n", &again), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(header_parsed("carrel-recording 1\nchanels rdpdr\n\n", &again), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(header_parsed("carrel-recording 1\n\nchannels\n\n", &again), CE_BAD_INPUT);
}

/* Share Data with TYPE and four bytes of its own. */
static size_t share_write(uint8_t *pdu, size_t size, enum rdp_data_type type)
{
    struct writer w = writer_init(pdu, size);
    size_t start = mcs_data_begin(&w, MCS_SEND_DATA_INDICATION, here.user_id, here.io_channel);
    rdp_write_share_data(&w, here.share_id, type, 4);
    writer_u32_le(&w, 0x04030201);
    mcs_data_end(&w, start);
    return writer_len(&w);
}

static void each_kind_goes_from_one_connection_to_another(void)
{
    uint8_t pdus[3][64], moved[64];
    size_t lens[3] = {sizeof fast_path, 0, share_write(pdus[2], sizeof pdus[2], RDP_DATA_POINTER)};
    memcpy(pdus[0], fast_path, sizeof fast_path);
    struct writer w = writer_init(pdus[1], sizeof pdus[1]);
    size_t start = mcs_data_begin(&w, MCS_SEND_DATA_INDICATION, here.user_id, 1005);
    writer_bytes(&w, channel_data, sizeof channel_data);
    mcs_data_end(&w, start);
    lens[1] = writer_len(&w);
    for (unsigned i = 0; i < 3; i++) {
        struct recording_event event, again;
        struct mcs_pdu mcs;
        w = writer_init(moved, sizeof moved);
        CU_ASSERT_EQUAL_FATAL(recording_strip(pdus[i], lens[i], &here, &event), 0);
        recording_write_pdu(&w, &event, &there, true);
        CU_ASSERT_FATAL(writer_ok(&w));
        CU_ASSERT_EQUAL_FATAL(recording_strip(moved, writer_len(&w), &there, &again), 0);
        CU_ASSERT(again.kind == event.kind && again.channel == event.channel && again.len == event.len &&
                  !memcmp(again.bytes, event.bytes, event.len));
        if (i) {
            CU_ASSERT_EQUAL_FATAL(mcs_parse(moved, writer_len(&w), &mcs), 0);
            CU_ASSERT_EQUAL(mcs.user_id, there.user_id);
            CU_ASSERT_EQUAL(mcs.channel_id, i == 1 ? 1002 : 1001);
        }
    }
}

static void secrets_and_states_are_left_out(void)
{
    static const enum rdp_data_type kept_out[] = {RDP_DATA_SAVE_SESSION_INFO, RDP_DATA_SET_ERROR_INFO,
                                                  RDP_DATA_SYNCHRONIZE, RDP_DATA_CONTROL, RDP_DATA_FONT_MAP};
    uint8_t pdu[64];
    struct recording_event event;
    for (size_t i = 0; i < sizeof kept_out / sizeof kept_out[0]; i++) {
        size_t len = share_write(pdu, sizeof pdu, kept_out[i]);
        CU_ASSERT_EQUAL(recording_strip(pdu, len, &here, &event), CE_NOT_FOUND);
    }
    struct writer w = writer_init(pdu, sizeof pdu);
    size_t start = mcs_data_begin(&w, MCS_SEND_DATA_REQUEST, here.user_id, here.io_channel);
    writer_u16_le(&w, RDP_SEC_INFO_PKT); /* a Client Info */
    writer_u16_le(&w, 0);
    writer_zero(&w, 40);
    mcs_data_end(&w, start);
    CU_ASSERT_EQUAL(recording_strip(pdu, writer_len(&w), &here, &event), CE_NOT_FOUND);
    w = writer_init(pdu, sizeof pdu);
    mcs_write_disconnect_ultimatum(&w, MCS_REASON_USER_REQUESTED);
    CU_ASSERT_EQUAL(recording_strip(pdu, writer_len(&w), &here, &event), CE_NOT_FOUND);
}

static void a_recording_is_played_in_time_and_again(void)
{
    struct recording r;
    uint64_t due_ns = 0;
    CU_ASSERT_EQUAL_FATAL(parsed(&r, 0, SIZE_MAX, 0), 0);
    struct player p = {.recording = &r, .speed = 2, .guest = true};
    CU_ASSERT_PTR_EQUAL(player_due(&p, 0, &due_ns), &r.sides[true].events[0]);
    player_said(&p);
    CU_ASSERT_PTR_NULL(player_due(&p, 749999, &due_ns));
    CU_ASSERT_PTR_EQUAL(player_due(&p, 750000, &due_ns), &r.sides[true].events[1]);
    CU_ASSERT_EQUAL(due_ns, 750000);
    player_said(&p);
    CU_ASSERT_PTR_NULL(player_due(&p, 750000, &due_ns));
    CU_ASSERT_PTR_EQUAL(player_due(&p, 750500, &due_ns), &r.sides[true].events[0]);
    p.rounds = 1;
    CU_ASSERT_PTR_NULL(player_due(&p, UINT32_MAX, &due_ns));
    recording_finish(&r);
}

static void what_does_not_come_as_it_was_is_noticed(void)
{
    struct recording r;
    CU_ASSERT_EQUAL_FATAL(parsed(&r, 0, SIZE_MAX, 0), 0);
    struct player p = {.recording = &r, .speed = 1};
    CU_ASSERT_EQUAL(player_hear(&p, &r.sides[true].events[1]), CE_BAD_INPUT); /* the first is missing */
    CU_ASSERT_EQUAL(player_hear(&p, &r.sides[true].events[0]), 0);
    CU_ASSERT_EQUAL(player_hear(&p, &r.sides[true].events[0]), CE_BAD_INPUT); /* it came twice */
    struct recording_event altered = r.sides[true].events[1];
    uint8_t bytes[sizeof channel_data];
    memcpy(bytes, channel_data, sizeof bytes);
    bytes[sizeof bytes - 1] ^= 1;
    altered.bytes = bytes;
    CU_ASSERT_EQUAL(player_hear(&p, &altered), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(player_hear(&p, &r.sides[true].events[1]), 0);
    CU_ASSERT_EQUAL(player_hear(&p, &r.sides[true].events[0]), 0); /* again from the beginning */
    recording_finish(&r);
}

SUITE("recording", TEST(what_was_written_is_read), TEST(what_is_not_whole_or_not_meant_is_refused),
      TEST(the_header_names_the_channels), TEST(each_kind_goes_from_one_connection_to_another),
      TEST(secrets_and_states_are_left_out), TEST(a_recording_is_played_in_time_and_again),
      TEST(what_does_not_come_as_it_was_is_noticed))
