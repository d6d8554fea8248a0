#include "fuzz.h"

#include <string.h>

#include "cursor.h"
#include "policy_filter.h"
#include "tpkt.h"

static const char *const policies[] = {"clipboard=to-guest\nusb=off\n", "clipboard=from-guest\ndrives=off\n",
                                       "files=off\nprinters=off\n", "files=to-guest\nports=off\n"};
static const struct gcc_client client = {
    .channel_count = 3, .channels = {{.name = "cliprdr"}, {.name = "rdpdr"}, {.name = "drdynvc"}}};

/* What the filter says is a row of whole channel PDUs. */
static void chunks_check(const uint8_t *bytes, size_t len)
{
    while (len) {
        struct mcs_pdu pdu;
        struct vchannel_chunk chunk;
        size_t frame;
        MUST(tpkt_frame(bytes, len, len, &frame) == 0 && mcs_parse(bytes, frame, &pdu) == 0);
        MUST(vchannel_parse(pdu.data, pdu.data_len, &chunk) == 0 && chunk.data_len <= VCHANNEL_CHUNK_LEN);
        bytes += frame;
        len -= frame;
    }
}

static void pdu_feed(struct policy_filter *filter, uint8_t head, const uint8_t *data, size_t len)
{
    uint8_t *pdu = malloc(len + 1);
    enum filter_verdict verdict;
    MUST(pdu);
    memcpy(pdu, data, len);
    const struct rdp_seen_pdu seen = {.seen = RDP_SEEN_CHANNEL,
                                      .channel_id = (uint16_t)(1004 + (head & 3)),
                                      .payload = pdu,
                                      .payload_len = len};
    int rc = policy_filter_pdu(filter, head & 4 ? RDP_TO_CLIENT : RDP_TO_GUEST, pdu, &seen, &verdict);
    MUST(rc == 0 || rc == CE_BAD_INPUT);
    if (!rc && verdict == FILTER_REPLACE) {
        MUST(filter->out_len && filter->out_len <= FILTER_OUT_MAX);
        chunks_check(filter->out, filter->out_len);
        policy_filter_out_taken(filter);
    }
    MUST(filter->device_count <= FILTER_DEVICES_MAX);
    free(pdu);
}

/* The first byte chooses the policy; then PDUs: a byte for channel and direction, two of length, the payload. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t ids[] = {1004, 1005, 1006}, guest_ids[] = {1104, 1105, 1106};
    static const struct id_map map = {.client_user = 1010, .guest_user = 1110};
    struct cursor c = cursor_init(data, size);
    struct policy policy = {0};
    struct policy_filter *filter = NULL;
    struct gcc_guest_rules rules = {0};
    MUST(policy_parse(policies[cursor_u8(&c) & 3], &policy, NULL) == 0);
    MUST(policy_filter_create(&filter, &policy) == 0 && filter);
    policy_filter_gcc(filter, &client, &rules);
    (void)policy_filter_begin(filter, &client, &map, ids, guest_ids, 3);
    while (cursor_left(&c)) {
        uint8_t head = cursor_u8(&c);
        uint16_t len = cursor_u16_le(&c);
        const uint8_t *payload = cursor_take(&c, len);
        if (!cursor_ok(&c))
            break;
        pdu_feed(filter, head, payload, len);
    }
    for (int direction = 0; direction < 2; direction++)
        chunks_check(filter->answers[direction].bytes, filter->answers[direction].len);
    policy_filter_destroy(&filter);
    return 0;
}
