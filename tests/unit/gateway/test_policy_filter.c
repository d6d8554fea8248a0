#include "policy_filter.h"

#include <string.h>

#include "policy_rules.h"
#include "rdpdr.h"
#include "suite.h"
#include "tpkt.h"

/* The client's channels are 1004.., the guest's 1104..; users are 1010 and 1110. */
static const struct gcc_client client = {
    .channel_count = 4,
    .channels = {{.name = "rdpdr"},
                 {.name = "cliprdr", .options = GCC_CHANNEL_SHOW_PROTOCOL},
                 {.name = "drdynvc"},
                 {.name = "rdpsnd"}}};
enum {
    DEVICES = 1004,
    CLIPBOARD = 1005,
    DYNAMIC = 1006,
    SOUND = 1007,
    CLIENT_USER = 1010,
    GUEST_USER = 1110
};

static struct policy_filter *filter;
static uint32_t watched;
static struct gcc_guest_rules rules;

static void open_filter(const char *text)
{
    static const uint16_t ids[] = {1004, 1005, 1006, 1007}, guest_ids[] = {1104, 1105, 1106, 1107};
    static const struct id_map map = {.client_user = CLIENT_USER, .guest_user = GUEST_USER};
    struct policy policy;
    struct error err;
    policy_filter_destroy(&filter);
    rules = (struct gcc_guest_rules){.denied_channels = 0};
    CU_ASSERT_EQUAL_FATAL(policy_parse(text, &policy, &err), 0);
    CU_ASSERT_EQUAL_FATAL(policy_filter_create(&filter, &policy), 0);
    if (!filter)
        return;
    policy_filter_gcc(filter, &client, &rules);
    watched = policy_filter_begin(filter, &client, &map, ids, guest_ids, 4);
}

/* What became of one chunk. */
static uint8_t pdu[4096];
static const uint8_t *payload;
static size_t payload_len;

static enum filter_verdict chunk(enum rdp_direction direction, uint16_t channel, uint32_t flags,
                                 const void *data, size_t len)
{
    struct writer w = writer_init(pdu, sizeof pdu);
    enum filter_verdict verdict = FILTER_DROP;
    size_t start =
        mcs_data_begin(&w, direction == RDP_TO_GUEST ? MCS_SEND_DATA_REQUEST : MCS_SEND_DATA_INDICATION,
                       CLIENT_USER, channel);
    writer_u32_le(&w, (uint32_t)len);
    writer_u32_le(&w, flags);
    writer_bytes(&w, data, len);
    mcs_data_end(&w, start);
    struct mcs_pdu parsed;
    CU_ASSERT_EQUAL_FATAL(mcs_parse(pdu, writer_len(&w), &parsed), 0);
    const struct rdp_seen_pdu seen = {.seen = RDP_SEEN_CHANNEL,
                                      .channel_id = channel,
                                      .payload = parsed.data,
                                      .payload_len = parsed.data_len};
    payload = parsed.data + VCHANNEL_HEADER_LEN;
    payload_len = len;
    CU_ASSERT_EQUAL_FATAL(policy_filter_pdu(filter, direction, pdu, &seen, &verdict), 0);
    return verdict;
}

static enum filter_verdict whole(enum rdp_direction direction, uint16_t channel, const void *data, size_t len)
{
    return chunk(direction, channel, VCHANNEL_FIRST | VCHANNEL_LAST, data, len);
}

/* The message in BYTES, which has to be one chunk of CHANNEL (the receiver's id) that ends there. */
static void holds_message(const uint8_t *bytes, size_t len, uint16_t channel, const void *message,
                          size_t message_len)
{
    struct mcs_pdu parsed;
    struct vchannel_chunk c = {0};
    size_t frame = 0;
    CU_ASSERT_EQUAL_FATAL(tpkt_frame(bytes, len, len, &frame), 0);
    CU_ASSERT_EQUAL(frame, len);
    CU_ASSERT_EQUAL_FATAL(mcs_parse(bytes, len, &parsed), 0);
    CU_ASSERT_EQUAL(parsed.channel_id, channel);
    CU_ASSERT_EQUAL(parsed.user_id, channel > 1100 ? GUEST_USER : RDP_SERVER_USER_ID);
    CU_ASSERT_EQUAL_FATAL(vchannel_parse(parsed.data, parsed.data_len, &c), 0);
    CU_ASSERT_EQUAL(c.total_len, message_len);
    CU_ASSERT_EQUAL_FATAL(c.data_len, message_len);
    CU_ASSERT_EQUAL(memcmp(c.data, message, message_len), 0);
}

static void answered(enum rdp_direction direction, const void *message, size_t len)
{
    holds_message(filter->answers[direction].bytes, filter->answers[direction].len,
                  direction == RDP_TO_GUEST ? CLIPBOARD + 100 : CLIPBOARD, message, len);
    filter->answers[direction].len = 0;
}

static void close_filter(void)
{
    policy_filter_destroy(&filter);
    CU_ASSERT_PTR_NULL(filter);
}

/* ---- which channels ---- */

static void only_what_is_partly_denied_is_watched(void)
{
    open_filter("idle-limit=5min\n");
    CU_ASSERT_PTR_NULL(filter);
    open_filter("audio-out=off\n");
    CU_ASSERT_EQUAL(rules.denied_channels, 1U << 3);
    CU_ASSERT_TRUE(rules.clear_channel_compression && !rules.one_monitor && !rules.no_smartcards);
    CU_ASSERT_EQUAL(watched, 1U | 1U << (DYNAMIC - RDP_IO_CHANNEL));
    CU_ASSERT_EQUAL(filter->denied, DENIED_AUDIO_OUT);
    open_filter("clipboard=to-guest\ndrives=off\nsmartcards=off\nmulti-monitor=off\n");
    CU_ASSERT_EQUAL(rules.denied_channels, 0);
    CU_ASSERT_TRUE(rules.one_monitor && rules.no_smartcards);
    CU_ASSERT_EQUAL(watched, 1U | 1U << 1 | 1U << 2 | 1U << 3);
    CU_ASSERT_EQUAL(filter->denied, 0); /* nobody has asked for anything yet */
    close_filter();
}

static void compressed_channels_and_torn_headers_end_the_session(void)
{
    enum filter_verdict verdict;
    static const uint8_t bytes[] = {1, 0, 0, 0, 3, 0, 0x20, 0, 0x30};
    struct rdp_seen_pdu seen = {.seen = RDP_SEEN_CHANNEL, .channel_id = DYNAMIC, .payload = pdu};
    open_filter("usb=off\n");
    memcpy(pdu, bytes, sizeof bytes);
    seen.payload_len = sizeof bytes;
    CU_ASSERT_EQUAL(policy_filter_pdu(filter, RDP_TO_CLIENT, pdu, &seen, &verdict), CE_BAD_INPUT);
    seen.payload_len = 7;
    CU_ASSERT_EQUAL(policy_filter_pdu(filter, RDP_TO_CLIENT, pdu, &seen, &verdict), CE_BAD_INPUT);
    seen.channel_id = SOUND; /* not watched: nobody looks */
    CU_ASSERT_EQUAL(policy_filter_pdu(filter, RDP_TO_CLIENT, pdu, &seen, &verdict), 0);
    CU_ASSERT_EQUAL(verdict, FILTER_PASS);
    close_filter();
}

/* ---- dynamic channels ---- */

static void a_denied_dynamic_channel_loses_its_name(void)
{
    open_filter("usb=off\n");
    CU_ASSERT_EQUAL(whole(RDP_TO_CLIENT, DYNAMIC, "\x10\x07URBDRC", 9), FILTER_PASS);
    CU_ASSERT_EQUAL(memcmp(payload, "\x10\x07xxxxxx", 9), 0);
    CU_ASSERT_EQUAL(filter->denied, DENIED_USB);
    CU_ASSERT_EQUAL(whole(RDP_TO_CLIENT, DYNAMIC, "\x10\x08rdpgfx", 9), FILTER_PASS);
    CU_ASSERT_EQUAL(memcmp(payload, "\x10\x08rdpgfx", 9), 0);
    /* The client's answer begins with the same command. */
    CU_ASSERT_EQUAL(whole(RDP_TO_GUEST, DYNAMIC, "\x10\x07\1\0\0\xc0", 6), FILTER_PASS);
    close_filter();
}

static void a_name_cannot_be_hidden_between_chunks(void)
{
    open_filter("usb=off\n");
    CU_ASSERT_EQUAL(chunk(RDP_TO_CLIENT, DYNAMIC, VCHANNEL_FIRST, "\x10\x07URB", 5), FILTER_DROP);
    CU_ASSERT_EQUAL(chunk(RDP_TO_CLIENT, DYNAMIC, VCHANNEL_LAST, "DRC", 4), FILTER_DROP);
    CU_ASSERT_EQUAL(chunk(RDP_TO_CLIENT, DYNAMIC, VCHANNEL_FIRST, "", 0), FILTER_DROP);
    CU_ASSERT_EQUAL(chunk(RDP_TO_CLIENT, DYNAMIC, VCHANNEL_LAST, "\x10\x07URBDRC", 9), FILTER_DROP);
    CU_ASSERT_EQUAL(chunk(RDP_TO_CLIENT, DYNAMIC, VCHANNEL_LAST, "\x10\x07URBDRC", 9), FILTER_DROP);
    CU_ASSERT_EQUAL(chunk(RDP_TO_CLIENT, DYNAMIC, 0, "\x10\x07URBDRC", 9), FILTER_DROP);
    /* Long data of a channel passes. */
    CU_ASSERT_EQUAL(chunk(RDP_TO_CLIENT, DYNAMIC, VCHANNEL_FIRST, "\x34\x07picture", 9), FILTER_PASS);
    CU_ASSERT_EQUAL(chunk(RDP_TO_CLIENT, DYNAMIC, 0, "\x10 like a request", 9), FILTER_PASS);
    CU_ASSERT_EQUAL(chunk(RDP_TO_CLIENT, DYNAMIC, VCHANNEL_LAST, "end", 3), FILTER_PASS);
    close_filter();
}

/* ---- devices ---- */

static const uint8_t device_list[] = "rDAD\2\0\0\0"
                                     "\x8\0\0\0\1\0\0\0DRIVE\0\0\0\3\0\0\0abc"
                                     "\x4\0\0\0\2\0\0\0PRN1\0\0\0\0\0\0\0\0";
static const uint8_t printer_alone[] = "rDAD\1\0\0\0"
                                       "\x4\0\0\0\2\0\0\0PRN1\0\0\0\0\0\0\0\0";
enum { LIST_LEN = sizeof device_list - 1, ALONE_LEN = sizeof printer_alone - 1 };

static void replaced_by_the_printer(enum filter_verdict verdict)
{
    CU_ASSERT_EQUAL_FATAL(verdict, FILTER_REPLACE);
    holds_message(filter->out, filter->out_len, DEVICES + 100, printer_alone, ALONE_LEN);
    policy_filter_out_taken(filter);
}

static void a_denied_device_leaves_the_list(void)
{
    open_filter("drives=off\n");
    replaced_by_the_printer(whole(RDP_TO_GUEST, DEVICES, device_list, LIST_LEN));
    CU_ASSERT_EQUAL(filter->denied, DENIED_DRIVES);
    CU_ASSERT_EQUAL(whole(RDP_TO_GUEST, DEVICES, "rDPN whatever", 12), FILTER_PASS);
    close_filter();
}

static void a_list_in_chunks_is_held_until_its_end(void)
{
    open_filter("drives=off\n");
    CU_ASSERT_EQUAL(chunk(RDP_TO_GUEST, DEVICES, VCHANNEL_FIRST, device_list, 10), FILTER_DROP);
    CU_ASSERT_EQUAL(chunk(RDP_TO_GUEST, DEVICES, 0, device_list + 10, 20), FILTER_DROP);
    replaced_by_the_printer(chunk(RDP_TO_GUEST, DEVICES, VCHANNEL_LAST, device_list + 30, LIST_LEN - 30));
    /* One that is abandoned is forgotten. */
    CU_ASSERT_EQUAL(chunk(RDP_TO_GUEST, DEVICES, VCHANNEL_FIRST, device_list, 10), FILTER_DROP);
    replaced_by_the_printer(whole(RDP_TO_GUEST, DEVICES, device_list, LIST_LEN));
    close_filter();
}

static void a_list_that_is_too_long_or_torn_does_not_pass(void)
{
    static uint8_t part[1600] = "rDAD\1\0\0\0";
    open_filter("drives=off\n");
    CU_ASSERT_EQUAL(chunk(RDP_TO_GUEST, DEVICES, VCHANNEL_FIRST, part, sizeof part), FILTER_DROP);
    for (size_t held = sizeof part; held <= FILTER_HELD_MAX; held += sizeof part)
        CU_ASSERT_EQUAL(chunk(RDP_TO_GUEST, DEVICES, 0, part, sizeof part), FILTER_DROP);
    CU_ASSERT_EQUAL(chunk(RDP_TO_GUEST, DEVICES, VCHANNEL_LAST, "", 0), FILTER_DROP);
    CU_ASSERT_EQUAL(whole(RDP_TO_GUEST, DEVICES, device_list, LIST_LEN - 1), FILTER_DROP);
    CU_ASSERT_EQUAL(whole(RDP_TO_GUEST, DEVICES, "rD", 2), FILTER_DROP);
    close_filter();
}

static void a_guest_cannot_use_a_device_that_was_not_offered(void)
{
    open_filter("drives=off\n");
    CU_ASSERT_EQUAL(whole(RDP_TO_CLIENT, DEVICES, "rDRI\2\0\0\0", 8), FILTER_DROP);
    replaced_by_the_printer(whole(RDP_TO_GUEST, DEVICES, device_list, LIST_LEN));
    CU_ASSERT_EQUAL(whole(RDP_TO_CLIENT, DEVICES, "rDRI\1\0\0\0", 8), FILTER_DROP);
    CU_ASSERT_EQUAL(whole(RDP_TO_CLIENT, DEVICES, "rDRI\2\0\0\0 open", 13), FILTER_PASS);
    CU_ASSERT_EQUAL(chunk(RDP_TO_CLIENT, DEVICES, VCHANNEL_FIRST, "rDRI\2\0", 6), FILTER_DROP);
    /* The same id offered as a drive is no printer any more. */
    CU_ASSERT_EQUAL(whole(RDP_TO_GUEST, DEVICES, "rDAD\1\0\0\0\x8\0\0\0\2\0\0\0DRIVE\0\0\0\0\0\0\0", 28),
                    FILTER_REPLACE);
    CU_ASSERT_EQUAL(whole(RDP_TO_CLIENT, DEVICES, "rDRI\2\0\0\0", 8), FILTER_DROP);
    close_filter();
}

/* ---- the clipboard ---- */

#define LIST "\2\0\0\0\6\0\0\0\x0d\0\0\0\0\0"
#define LIST_OK "\3\0\1\0\0\0\0\0"
#define LIST_FAILED "\3\0\2\0\0\0\0\0"
#define EMPTY_LIST "\2\0\0\0\0\0\0\0"
#define REQUEST "\4\0\0\0\4\0\0\0\x0d\0\0\0"
#define RESPONSE "\5\0\1\0\4\0\0\0text"
#define NO_DATA "\5\0\2\0\0\0\0\0"
#define FILE_REQUEST "\x8\0\0\0\x1c\0\0\0\x21\0\0\0 and so on"
#define NO_FILE "\x9\0\2\0\4\0\0\0\x21\0\0\0"
#define CAPS "\7\0\0\0\x10\0\0\0\1\0\0\0\1\0\x0c\0\2\0\0\0\x3e\0\0\0"
#define CLIP(direction, message) whole((direction), CLIPBOARD, message, sizeof(message) - 1)
#define ANSWERED(direction, message) answered((direction), message, sizeof(message) - 1)

static void to_guest_only(void)
{
    open_filter("clipboard=to-guest\n");
    CU_ASSERT_EQUAL(CLIP(RDP_TO_CLIENT, "\1\0\0\0\0\0\0\0"), FILTER_PASS);
    CU_ASSERT_EQUAL(CLIP(RDP_TO_GUEST, LIST), FILTER_PASS);
    CU_ASSERT_EQUAL(CLIP(RDP_TO_CLIENT, LIST_OK), FILTER_PASS);
    CU_ASSERT_EQUAL(CLIP(RDP_TO_CLIENT, REQUEST), FILTER_PASS);
    CU_ASSERT_EQUAL(CLIP(RDP_TO_GUEST, RESPONSE), FILTER_PASS);
    CU_ASSERT_EQUAL(filter->denied, 0);
    /* The guest copies: it is told that all is well, and the client hears nothing. */
    CU_ASSERT_EQUAL(CLIP(RDP_TO_CLIENT, LIST), FILTER_DROP);
    ANSWERED(RDP_TO_GUEST, LIST_OK);
    CU_ASSERT_EQUAL(filter->denied, DENIED_CLIPBOARD_FROM_GUEST);
    CU_ASSERT_EQUAL(CLIP(RDP_TO_GUEST, REQUEST), FILTER_DROP);
    ANSWERED(RDP_TO_CLIENT, NO_DATA);
    CU_ASSERT_EQUAL(CLIP(RDP_TO_CLIENT, RESPONSE), FILTER_DROP);
    CU_ASSERT_EQUAL(CLIP(RDP_TO_GUEST, FILE_REQUEST), FILTER_DROP);
    ANSWERED(RDP_TO_CLIENT, NO_FILE);
    CU_ASSERT_EQUAL(filter->answers[RDP_TO_GUEST].len, 0);
    close_filter();
}

static void from_guest_only(void)
{
    open_filter("clipboard=from-guest\n");
    /* The guest needs a first list; it is an empty one. */
    CU_ASSERT_EQUAL(CLIP(RDP_TO_GUEST, LIST), FILTER_REPLACE);
    holds_message(filter->out, filter->out_len, CLIPBOARD + 100, EMPTY_LIST, 8);
    policy_filter_out_taken(filter);
    CU_ASSERT_EQUAL(filter->denied, DENIED_CLIPBOARD_TO_GUEST);
    CU_ASSERT_EQUAL(CLIP(RDP_TO_GUEST, LIST), FILTER_DROP);
    ANSWERED(RDP_TO_CLIENT, LIST_OK);
    CU_ASSERT_EQUAL(CLIP(RDP_TO_CLIENT, REQUEST), FILTER_DROP);
    ANSWERED(RDP_TO_GUEST, NO_DATA);
    CU_ASSERT_EQUAL(CLIP(RDP_TO_GUEST, RESPONSE), FILTER_DROP);
    CU_ASSERT_EQUAL(CLIP(RDP_TO_CLIENT, LIST), FILTER_PASS);
    CU_ASSERT_EQUAL(CLIP(RDP_TO_GUEST, REQUEST), FILTER_PASS);
    CU_ASSERT_EQUAL(CLIP(RDP_TO_CLIENT, RESPONSE), FILTER_PASS);
    close_filter();
}

static void contents_in_chunks_pass_or_do_not_as_a_whole(void)
{
    open_filter("clipboard=to-guest\n");
    for (int direction = RDP_TO_GUEST; direction <= RDP_TO_CLIENT; direction++) {
        enum rdp_direction way = (enum rdp_direction)direction;
        enum filter_verdict verdict = way == RDP_TO_GUEST ? FILTER_PASS : FILTER_DROP;
        CU_ASSERT_EQUAL(chunk(way, CLIPBOARD, VCHANNEL_FIRST, RESPONSE, 12), verdict);
        CU_ASSERT_EQUAL(chunk(way, CLIPBOARD, 0, "\1\0\0\0\0\0\0\0", 8), verdict);
        CU_ASSERT_EQUAL(chunk(way, CLIPBOARD, VCHANNEL_LAST, "end", 3), verdict);
    }
    CU_ASSERT_EQUAL(chunk(RDP_TO_GUEST, CLIPBOARD, VCHANNEL_FIRST, RESPONSE, 7), FILTER_DROP);
    CU_ASSERT_EQUAL(CLIP(RDP_TO_CLIENT, "\x0c\0\0\0\0\0\0\0"), FILTER_DROP); /* of a newer protocol */
    close_filter();
}

static size_t files_write(uint8_t *bytes, size_t size, bool with_files)
{
    static const char name[] = "FileGroupDescriptorW";
    struct writer w = writer_init(bytes, size);
    writer_bytes(&w, "\2\0\0\0\0\0\0\0\x0d\0\0\0\0\0", 14);
    if (with_files) {
        writer_u32_le(&w, 0xc0bc);
        for (size_t i = 0; i < sizeof name; i++)
            writer_u16_le(&w, (uint8_t)name[i]);
    }
    bytes[4] = (uint8_t)(writer_len(&w) - 8);
    return writer_len(&w);
}

static void files_alone_are_taken_out(void)
{
    uint8_t with[128], without[128];
    size_t with_len = files_write(with, sizeof with, true),
           without_len = files_write(without, sizeof without, false);
    open_filter("files=to-guest\n");
    CU_ASSERT_EQUAL(CLIP(RDP_TO_CLIENT, CAPS), FILTER_PASS);
    CU_ASSERT_EQUAL(payload[20], 0x3e); /* one way is open */
    CU_ASSERT_EQUAL(CLIP(RDP_TO_GUEST, CAPS), FILTER_PASS);
    CU_ASSERT_EQUAL(whole(RDP_TO_GUEST, CLIPBOARD, with, with_len), FILTER_PASS);
    CU_ASSERT_EQUAL_FATAL(whole(RDP_TO_CLIENT, CLIPBOARD, with, with_len), FILTER_REPLACE);
    holds_message(filter->out, filter->out_len, CLIPBOARD, without, without_len);
    policy_filter_out_taken(filter);
    CU_ASSERT_EQUAL(filter->denied, DENIED_FILES_FROM_GUEST);
    /* Who asks for it all the same gets 'no'; text is not touched. */
    CU_ASSERT_EQUAL(CLIP(RDP_TO_GUEST, "\4\0\0\0\4\0\0\0\xbc\xc0\0\0"), FILTER_DROP);
    ANSWERED(RDP_TO_CLIENT, NO_DATA);
    CU_ASSERT_EQUAL(CLIP(RDP_TO_GUEST, REQUEST), FILTER_PASS);
    CU_ASSERT_EQUAL(CLIP(RDP_TO_CLIENT, RESPONSE), FILTER_PASS);
    CU_ASSERT_EQUAL(CLIP(RDP_TO_GUEST, FILE_REQUEST), FILTER_DROP);
    ANSWERED(RDP_TO_CLIENT, NO_FILE);
    CU_ASSERT_EQUAL(CLIP(RDP_TO_CLIENT, FILE_REQUEST), FILTER_PASS);
    CU_ASSERT_EQUAL(CLIP(RDP_TO_CLIENT, "\x9\0\1\0\4\0\0\0\1\0\0\0"), FILTER_DROP);
    close_filter();
}

static void without_files_nobody_can_do_them(void)
{
    open_filter("files=off\n");
    CU_ASSERT_EQUAL(CLIP(RDP_TO_CLIENT, CAPS), FILTER_PASS);
    CU_ASSERT_EQUAL(payload[20], CLIPRDR_LONG_NAMES);
    /* A list that cannot be read is refused, and its sender told. */
    CU_ASSERT_EQUAL(CLIP(RDP_TO_GUEST, "\2\0\0\0\5\0\0\0\x0d\0\0\0\0"), FILTER_DROP);
    ANSWERED(RDP_TO_CLIENT, LIST_FAILED);
    close_filter();
}

static void answers_wait_and_the_last_ones_are_left_out(void)
{
    open_filter("clipboard=to-guest\n");
    for (int i = 0; i < 100; i++)
        CU_ASSERT_EQUAL(CLIP(RDP_TO_CLIENT, LIST), FILTER_DROP);
    const size_t one = VCHANNEL_CHUNK_COST + 8;
    CU_ASSERT_EQUAL(filter->answers[RDP_TO_GUEST].len, FILTER_ANSWERS_MAX / one * one);
    close_filter();
}

SUITE("policy_filter", TEST(only_what_is_partly_denied_is_watched),
      TEST(compressed_channels_and_torn_headers_end_the_session),
      TEST(a_denied_dynamic_channel_loses_its_name), TEST(a_name_cannot_be_hidden_between_chunks),
      TEST(a_denied_device_leaves_the_list), TEST(a_list_in_chunks_is_held_until_its_end),
      TEST(a_list_that_is_too_long_or_torn_does_not_pass),
      TEST(a_guest_cannot_use_a_device_that_was_not_offered), TEST(to_guest_only), TEST(from_guest_only),
      TEST(contents_in_chunks_pass_or_do_not_as_a_whole), TEST(files_alone_are_taken_out),
      TEST(without_files_nobody_can_do_them), TEST(answers_wait_and_the_last_ones_are_left_out))
