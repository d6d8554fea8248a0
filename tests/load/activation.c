#include "activation.h"

#include "cursor.h"
#include "mcs.h"
#include "rdp_pdu.h"

enum {
    SHARE_VERSION = 0x10,
    CONTROL_REQUEST = 1,
    CONTROL_GRANTED = 2,
    CONTROL_COOPERATE = 4,
    DESKTOP_WIDTH = 1024,
    DESKTOP_HEIGHT = 768,
};

/* ---- what is heard ---- */

static void data_parse(struct cursor *c, struct activation_pdu *pdu)
{
    cursor_skip(c, 4 + 1 + 1 + 2);
    uint8_t type = cursor_u8(c);
    cursor_skip(c, 3);
    if (type == RDP_DATA_FONT_LIST)
        pdu->kind = ACTIVATION_FONT_LIST;
    else if (type == RDP_DATA_FONT_MAP)
        pdu->kind = ACTIVATION_FONT_MAP;
    else if (type == RDP_DATA_SET_ERROR_INFO)
        pdu->kind = ACTIVATION_ERROR;
    if (pdu->kind == ACTIVATION_ERROR)
        pdu->code = cursor_u32_le(c);
}

static void share_parse(struct cursor *c, struct activation_pdu *pdu)
{
    cursor_skip(c, 2);
    unsigned type = cursor_u16_le(c) & 0xf;
    cursor_skip(c, 2);
    if (type == RDP_PDU_DEMAND_ACTIVE) {
        pdu->kind = ACTIVATION_DEMAND;
        pdu->share_id = cursor_u32_le(c);
    } else if (type == RDP_PDU_CONFIRM_ACTIVE) {
        pdu->kind = ACTIVATION_CONFIRM;
    } else if (type == RDP_PDU_DATA) {
        data_parse(c, pdu);
    }
}

int activation_parse(const uint8_t *bytes, size_t len, struct activation_pdu *ret_pdu)
{
    struct mcs_pdu mcs;
    struct activation_pdu pdu = {.kind = ACTIVATION_OTHER};
    int rc = mcs_parse(bytes, len, &mcs);
    if (rc)
        return rc;
    pdu.user_id = mcs.user_id;
    pdu.channel_id = mcs.channel_id;
    if (mcs.choice == MCS_DISCONNECT_PROVIDER_ULTIMATUM)
        pdu.kind = ACTIVATION_END;
    if (mcs.choice == MCS_SEND_DATA_INDICATION || mcs.choice == MCS_SEND_DATA_REQUEST) {
        struct cursor c = cursor_init(mcs.data, mcs.data_len), security = c;
        unsigned flags = cursor_u16_le(&security);
        /* A security header has its flags where a share control header has its length, which is never 0. */
        bool has_security = cursor_u16_le(&security) == 0;
        if (has_security && (flags & RDP_SEC_LICENSE_PKT))
            pdu.kind = ACTIVATION_LICENCE;
        else if (has_security && (flags & RDP_SEC_INFO_PKT))
            pdu.kind = ACTIVATION_INFO;
        else
            share_parse(&c, &pdu);
        if (!cursor_ok(&c))
            return CE_BAD_INPUT;
    }
    *ret_pdu = pdu;
    return 0;
}

/* ---- what is said ---- */

static size_t share_begin(struct writer *w, enum rdp_pdu_type type, uint16_t source)
{
    size_t at = writer_len(w);
    writer_u16_le(w, 0);
    writer_u16_le(w, (uint16_t)(SHARE_VERSION | (unsigned)type));
    writer_u16_le(w, source);
    return at;
}

static void share_end(struct writer *w, size_t at)
{
    if (writer_ok(w))
        put_u16_le(w->start + at, (uint16_t)(writer_len(w) - at));
}

struct data_pdu {
    enum mcs_choice choice;
    uint16_t user_id, io_channel;
    uint32_t share_id;
    enum rdp_data_type type;
};

static void data_write(struct writer *w, const struct data_pdu *pdu, const uint8_t *body, size_t len)
{
    size_t start = mcs_data_begin(w, pdu->choice, pdu->user_id, pdu->io_channel);
    size_t share = share_begin(w, RDP_PDU_DATA, pdu->user_id);
    writer_u32_le(w, pdu->share_id);
    writer_u8(w, 0);
    writer_u8(w, 1);
    writer_u16_le(w, (uint16_t)(len + 4));
    writer_u8(w, (uint8_t)pdu->type);
    writer_zero(w, 3);
    writer_bytes(w, body, len);
    share_end(w, share);
    mcs_data_end(w, start);
}

static void synchronize_write(struct writer *w, struct data_pdu pdu, uint16_t target)
{
    uint8_t body[4] = {1, 0, (uint8_t)target, (uint8_t)(target >> 8)};
    pdu.type = RDP_DATA_SYNCHRONIZE;
    data_write(w, &pdu, body, sizeof body);
}

static void control_write(struct writer *w, struct data_pdu pdu, uint16_t action, uint16_t grant)
{
    uint8_t body[8] = {0};
    put_u16_le(body, action);
    put_u16_le(body + 2, grant);
    put_u32_le(body + 4, action == CONTROL_GRANTED ? RDP_SERVER_USER_ID : 0);
    pdu.type = RDP_DATA_CONTROL;
    data_write(w, &pdu, body, sizeof body);
}

static void capability(struct writer *w, uint16_t type, const uint16_t *words, size_t count)
{
    writer_u16_le(w, type);
    writer_u16_le(w, (uint16_t)(4 + 2 * count));
    for (size_t i = 0; i < count; i++)
        writer_u16_le(w, words[i]);
}

/* General, Bitmap, Order, Pointer, Share, Input, Virtual Channel (2.2.7.1): fast path in both directions, 24
 * bits, no orders. */
static void capabilities_write(struct writer *w, size_t combined_at)
{
    static const uint16_t general[10] = {1, 3, 0x200, 0, 0, 0x0415, 0, 0, 0, 0};
    static const uint16_t bitmap[12] = {24, 1, 1, 1, DESKTOP_WIDTH, DESKTOP_HEIGHT, 0, 1, 1, 0, 1, 0};
    static const uint16_t pointer[3] = {1, 20, 20};
    static const uint16_t share[2] = {0x3ea, 0};
    static const uint16_t channel[4] = {0, 0, 1600, 0};
    uint16_t order[42] = {[8] = 1, [9] = 20, [10] = 0, [11] = 1, [13] = 0x000a};
    uint16_t input[42] = {0x0035, 0, 0x409, 0, 4, 0, 0, 0, 12};
    writer_u16_le(w, 7);
    writer_u16_le(w, 0);
    capability(w, 1, general, 10);
    capability(w, 2, bitmap, 12);
    capability(w, 3, order, 42);
    capability(w, 8, pointer, 3);
    capability(w, 9, share, 2);
    capability(w, 13, input, 42);
    capability(w, 20, channel, 4);
    if (writer_ok(w)) /* the combined length counts from the number of sets on */
        put_u16_le(w->start + combined_at, (uint16_t)(writer_len(w) - combined_at - 2 - 4));
}

static const uint8_t source_name[4] = {'R', 'D', 'P', 0};

void activation_write_demand(struct writer *w, uint16_t io_channel)
{
    rdp_write_licence_valid_client(w, io_channel);
    size_t start = mcs_data_begin(w, MCS_SEND_DATA_INDICATION, RDP_SERVER_USER_ID, io_channel);
    size_t share = share_begin(w, RDP_PDU_DEMAND_ACTIVE, RDP_SERVER_USER_ID);
    writer_u32_le(w, ACTIVATION_SHARE_ID);
    writer_u16_le(w, sizeof source_name);
    size_t combined_at = writer_len(w);
    writer_u16_le(w, 0);
    writer_bytes(w, source_name, sizeof source_name);
    capabilities_write(w, combined_at);
    writer_u32_le(w, 0); /* sessionId */
    share_end(w, share);
    mcs_data_end(w, start);
}

void activation_write_confirm(struct writer *w, uint16_t user_id, uint16_t io_channel, uint32_t share_id)
{
    static const uint8_t font_list[8] = {0, 0, 0, 0, 3, 0, 0x32, 0};
    struct data_pdu pdu = {
        .choice = MCS_SEND_DATA_REQUEST, .user_id = user_id, .io_channel = io_channel, .share_id = share_id};
    size_t start = mcs_data_begin(w, MCS_SEND_DATA_REQUEST, user_id, io_channel);
    size_t share = share_begin(w, RDP_PDU_CONFIRM_ACTIVE, user_id);
    writer_u32_le(w, share_id);
    writer_u16_le(w, 0x03ea);
    writer_u16_le(w, sizeof source_name);
    size_t combined_at = writer_len(w);
    writer_u16_le(w, 0);
    writer_bytes(w, source_name, sizeof source_name);
    capabilities_write(w, combined_at);
    share_end(w, share);
    mcs_data_end(w, start);
    synchronize_write(w, pdu, RDP_SERVER_USER_ID);
    control_write(w, pdu, CONTROL_COOPERATE, 0);
    control_write(w, pdu, CONTROL_REQUEST, 0);
    pdu.type = RDP_DATA_FONT_LIST;
    data_write(w, &pdu, font_list, sizeof font_list);
}

void activation_write_finish(struct writer *w, uint16_t io_channel, uint16_t client_user)
{
    static const uint8_t font_map[8] = {0, 0, 0, 0, 3, 0, 4, 0};
    struct data_pdu pdu = {.choice = MCS_SEND_DATA_INDICATION,
                           .user_id = RDP_SERVER_USER_ID,
                           .io_channel = io_channel,
                           .share_id = ACTIVATION_SHARE_ID};
    synchronize_write(w, pdu, client_user);
    control_write(w, pdu, CONTROL_COOPERATE, 0);
    control_write(w, pdu, CONTROL_GRANTED, client_user);
    pdu.type = RDP_DATA_FONT_MAP;
    data_write(w, &pdu, font_map, sizeof font_map);
}
