#include "mcs.h"

#include "cursor.h"
#include "x224.h"

enum {
    /* Set in the first byte where an optional field is present: initiator of Attach User Confirm, channelId
     * of Channel Join Confirm. */
    OPTIONAL_FIELD = 0x02,
    /* High priority, first and last segment, as every RDP peer sends it. */
    DATA_PRIORITY = 0x70,
};

/* User ids are coded as their distance from 1001 (T.125 UserId). */
static uint16_t read_user(struct cursor *c)
{
    uint16_t offset = cursor_u16_be(c);
    if (offset > UINT16_MAX - MCS_USER_BASE)
        c->overrun = true;
    return (uint16_t)(offset + MCS_USER_BASE);
}

static void write_user(struct writer *w, uint16_t user_id)
{
    writer_u16_be(w, (uint16_t)(user_id - MCS_USER_BASE));
}

/* Send Data Request and Indication: initiator, channel, priority, PER length, data to the end of the packet.
 */
static void read_data(struct cursor *c, struct mcs_pdu *r)
{
    r->user_id = read_user(c);
    r->channel_id = cursor_u16_be(c);
    cursor_skip(c, 1);
    size_t len = cursor_u8(c);
    if (len & 0x80)
        len = (len & 0x7f) << 8 | cursor_u8(c);
    /* Rather the fenced length than the rest of the packet; both agree with every known peer. */
    struct cursor data = cursor_sub(c, len);
    r->data = data.at;
    r->data_len = cursor_left(&data);
}

static int read_choice(struct cursor *c, uint8_t first, struct mcs_pdu *r)
{
    switch (r->choice) {
    case MCS_ERECT_DOMAIN_REQUEST:
        /* Two numbers that nobody uses; FreeRDP and rdesktop disagree about their size. */
        return 0;
    case MCS_DISCONNECT_PROVIDER_ULTIMATUM:
        r->reason = (uint8_t)((first & 3) << 1 | cursor_u8(c) >> 7);
        return 0;
    case MCS_ATTACH_USER_REQUEST:
        return 0;
    case MCS_ATTACH_USER_CONFIRM:
        r->result = cursor_u8(c);
        if (first & OPTIONAL_FIELD)
            r->user_id = read_user(c);
        return 0;
    case MCS_CHANNEL_JOIN_REQUEST:
        r->user_id = read_user(c);
        r->channel_id = cursor_u16_be(c);
        return 0;
    case MCS_CHANNEL_JOIN_CONFIRM:
        r->result = cursor_u8(c);
        r->user_id = read_user(c);
        r->requested_id = cursor_u16_be(c);
        if (first & OPTIONAL_FIELD)
            r->channel_id = cursor_u16_be(c);
        return 0;
    case MCS_SEND_DATA_REQUEST:
    case MCS_SEND_DATA_INDICATION:
        read_data(c, r);
        return 0;
    }
    return CE_BAD_INPUT;
}

/* DomainMCSPDU, T.125 section 7 */
int mcs_parse(const uint8_t *pdu, size_t len, struct mcs_pdu *ret_pdu)
{
    struct cursor c;
    if (x224_parse_data(pdu, len, &c) != 0)
        return CE_BAD_INPUT;
    uint8_t first = cursor_u8(&c);
    struct mcs_pdu r = {.choice = (enum mcs_choice)(first >> 2)};
    if (!cursor_ok(&c) || read_choice(&c, first, &r) != 0 || !cursor_ok(&c))
        return CE_BAD_INPUT;
    *ret_pdu = r;
    return 0;
}

static size_t pdu_begin(struct writer *w, enum mcs_choice choice, uint8_t low_bits)
{
    size_t start = x224_data_begin(w);
    writer_u8(w, (uint8_t)((unsigned)choice << 2 | low_bits));
    return start;
}

void mcs_write_erect_domain_request(struct writer *w)
{
    size_t start = pdu_begin(w, MCS_ERECT_DOMAIN_REQUEST, 0);
    static const uint8_t zero_height_and_interval[] = {1, 0, 1, 0};
    writer_bytes(w, zero_height_and_interval, sizeof zero_height_and_interval);
    x224_data_end(w, start);
}

void mcs_write_attach_user_request(struct writer *w)
{
    x224_data_end(w, pdu_begin(w, MCS_ATTACH_USER_REQUEST, 0));
}

void mcs_write_attach_user_confirm(struct writer *w, uint8_t result, uint16_t user_id)
{
    size_t start = pdu_begin(w, MCS_ATTACH_USER_CONFIRM, OPTIONAL_FIELD);
    writer_u8(w, result);
    write_user(w, user_id);
    x224_data_end(w, start);
}

void mcs_write_channel_join_request(struct writer *w, uint16_t user_id, uint16_t channel_id)
{
    size_t start = pdu_begin(w, MCS_CHANNEL_JOIN_REQUEST, 0);
    write_user(w, user_id);
    writer_u16_be(w, channel_id);
    x224_data_end(w, start);
}

void mcs_write_channel_join_confirm(struct writer *w, uint8_t result, uint16_t user_id, uint16_t channel_id)
{
    size_t start = pdu_begin(w, MCS_CHANNEL_JOIN_CONFIRM, OPTIONAL_FIELD);
    writer_u8(w, result);
    write_user(w, user_id);
    writer_u16_be(w, channel_id);
    writer_u16_be(w, channel_id);
    x224_data_end(w, start);
}

void mcs_write_disconnect_ultimatum(struct writer *w, enum mcs_reason reason)
{
    size_t start = pdu_begin(w, MCS_DISCONNECT_PROVIDER_ULTIMATUM, (uint8_t)((unsigned)reason >> 1 & 3));
    writer_u8(w, (uint8_t)(((unsigned)reason & 1) << 7));
    x224_data_end(w, start);
}

size_t mcs_data_begin(struct writer *w, enum mcs_choice choice, uint16_t user_id, uint16_t channel_id)
{
    size_t start = pdu_begin(w, choice, 0);
    write_user(w, user_id);
    writer_u16_be(w, channel_id);
    writer_u8(w, DATA_PRIORITY);
    writer_u16_be(w, 0);
    return start;
}

void mcs_data_end(struct writer *w, size_t start)
{
    if (!writer_ok(w))
        return;
    size_t len = writer_len(w) - start - MCS_DATA_HEADER_LEN;
    if (len > MCS_DATA_MAX_LEN) {
        w->overrun = true;
        return;
    }
    put_u16_be(w->start + start + MCS_DATA_HEADER_LEN - 2, (uint16_t)(0x8000 | len));
    x224_data_end(w, start);
}
