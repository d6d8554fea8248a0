#include "rdp_pdu.h"

#include "cursor.h"
#include "mcs.h"
#include "reconnect_cookie.h"
#include "x224.h"

/* A Send Data PDU in the stream, offsets from its start:
 *
 *   0    4    7      8         10        12       13          14/15
 *   TPKT X224 choice initiator channelId priority PER length  payload
 *
 * The payload on the IO channel, offsets from its own start:
 *
 *   0           2       4         6       10  11       12           14       15         16         18
 *   totalLength pduType pduSource shareId pad streamId uncompressed pduType2 compressed compressed data
 *   ShareControlHeader----------/ ShareDataHeader---------------------------------------------/
 */
enum {
    MCS_INITIATOR_AT = 8,
    MCS_CHANNEL_AT = 10,

    SHARE_CONTROL_MIN_LEN = 4, /* some servers' Deactivate All ends before pduSource */
    SHARE_CONTROL_LEN = 6,
    SHARE_SOURCE_AT = 4,
    SHARE_DATA_LEN = 18,
    SHARE_VERSION = 0x10,

    FLOW_MARKER = 0x8000, /* in place of totalLength: a flow PDU of eight bytes, 2.2.8.1.1.1.1 */
    FLOW_LEN = 8,
    FLOW_SOURCE_AT = 6,

    DATA_COMPRESSED = 0x20,
    CONTROL_GRANTED = 2,
    STREAM_LOW = 1,
    SESSION_INFO_EXTENDED = 3,

    LICENCE_ERROR_ALERT = 0xff,
    LICENCE_VERSION_3 = 3,
    LICENCE_STATUS_VALID_CLIENT = 7,
    LICENCE_ST_NO_TRANSITION = 2,
    LICENCE_BB_ERROR_BLOB = 4,

    AUTODETECT_TYPE_RESPONSE = 1,
    AUTODETECT_RTT_RESPONSE = 0,
};

/* ---- builders ---- */

void rdp_write_licence_valid_client(struct writer *w, uint16_t io_channel)
{
    size_t start = mcs_data_begin(w, MCS_SEND_DATA_INDICATION, RDP_SERVER_USER_ID, io_channel);
    writer_u16_le(w, RDP_SEC_LICENSE_PKT);
    writer_u16_le(w, 0);
    writer_u8(w, LICENCE_ERROR_ALERT);
    writer_u8(w, LICENCE_VERSION_3);
    writer_u16_le(w, 16); /* this preamble of 4, the codes of 8, an empty blob of 4 */
    writer_u32_le(w, LICENCE_STATUS_VALID_CLIENT);
    writer_u32_le(w, LICENCE_ST_NO_TRANSITION);
    writer_u16_le(w, LICENCE_BB_ERROR_BLOB);
    writer_u16_le(w, 0);
    mcs_data_end(w, start);
}

static void write_share_control(struct writer *w, size_t total_len, enum rdp_pdu_type type, uint16_t source)
{
    writer_u16_le(w, (uint16_t)total_len);
    writer_u16_le(w, (uint16_t)(SHARE_VERSION | (unsigned)type));
    writer_u16_le(w, source);
}

static void write_share_data(struct writer *w, uint16_t source, uint32_t share_id, enum rdp_data_type type,
                             size_t data_len)
{
    write_share_control(w, SHARE_DATA_LEN + data_len, RDP_PDU_DATA, source);
    writer_u32_le(w, share_id);
    writer_u8(w, 0);
    writer_u8(w, STREAM_LOW);
    writer_u16_le(w, (uint16_t)(SHARE_DATA_LEN + data_len - 14)); /* pduType2 and everything behind it */
    writer_u8(w, (uint8_t)type);
    writer_u8(w, 0);
    writer_u16_le(w, 0);
}

void rdp_write_share_data(struct writer *w, uint32_t share_id, enum rdp_data_type type, size_t data_len)
{
    write_share_data(w, RDP_SERVER_USER_ID, share_id, type, data_len);
}

void rdp_write_set_error_info(struct writer *w, uint16_t io_channel, uint32_t share_id, uint32_t code)
{
    size_t start = mcs_data_begin(w, MCS_SEND_DATA_INDICATION, RDP_SERVER_USER_ID, io_channel);
    write_share_data(w, 0, share_id, RDP_DATA_SET_ERROR_INFO, 4); /* the source "MUST be set to zero" */
    writer_u32_le(w, code);
    mcs_data_end(w, start);
}

void rdp_write_deactivate_all(struct writer *w, uint16_t io_channel, uint32_t share_id)
{
    size_t start = mcs_data_begin(w, MCS_SEND_DATA_INDICATION, RDP_SERVER_USER_ID, io_channel);
    write_share_control(w, SHARE_CONTROL_LEN + 4 + 2 + 1, RDP_PDU_DEACTIVATE_ALL, RDP_SERVER_USER_ID);
    writer_u32_le(w, share_id);
    writer_u16_le(w, 1); /* an empty source descriptor of one byte */
    writer_u8(w, 0);
    mcs_data_end(w, start);
}

void rdp_write_autodetect_rtt_response(struct writer *w, uint16_t user_id, uint16_t message_channel,
                                       uint16_t sequence)
{
    size_t start = mcs_data_begin(w, MCS_SEND_DATA_REQUEST, user_id, message_channel);
    writer_u16_le(w, RDP_SEC_AUTODETECT_RSP);
    writer_u16_le(w, 0);
    writer_u8(w, 6); /* headerLength */
    writer_u8(w, AUTODETECT_TYPE_RESPONSE);
    writer_u16_le(w, sequence);
    writer_u16_le(w, AUTODETECT_RTT_RESPONSE);
    mcs_data_end(w, start);
}

static void write_area(struct writer *w, const struct rdp_area *area)
{
    writer_u16_le(w, area->left);
    writer_u16_le(w, area->top);
    writer_u16_le(w, area->right);
    writer_u16_le(w, area->bottom);
}

void rdp_write_refresh_rect(struct writer *w, uint16_t user_id, uint16_t io_channel, uint32_t share_id,
                            const struct rdp_area *area)
{
    size_t start = mcs_data_begin(w, MCS_SEND_DATA_REQUEST, user_id, io_channel);
    write_share_data(w, user_id, share_id, RDP_DATA_REFRESH_RECT, 4 + 8);
    writer_u8(w, 1); /* numberOfAreas */
    writer_zero(w, 3);
    write_area(w, area);
    mcs_data_end(w, start);
}

void rdp_write_suppress_output(struct writer *w, uint16_t user_id, uint16_t io_channel, uint32_t share_id,
                               const struct rdp_area *area)
{
    size_t start = mcs_data_begin(w, MCS_SEND_DATA_REQUEST, user_id, io_channel);
    write_share_data(w, user_id, share_id, RDP_DATA_SUPPRESS_OUTPUT, area ? 4 + 8 : 4);
    writer_u8(w, area ? 1 : 0); /* allowDisplayUpdates */
    writer_zero(w, 3);
    if (area)
        write_area(w, area);
    mcs_data_end(w, start);
}

/* ---- the relay ---- */

static void add_pair(struct id_map *m, uint16_t client, uint16_t guest)
{
    if (client == 0 || guest == 0 || m->pair_count == RDP_ID_PAIRS_MAX)
        return;
    m->pairs[m->pair_count].client = client;
    m->pairs[m->pair_count].guest = guest;
    m->pair_count++;
}

void id_map_init(struct id_map *m, uint16_t client_user, uint16_t guest_user, uint16_t client_io,
                 uint16_t guest_io, uint16_t client_message, uint16_t guest_message,
                 const uint16_t *client_channels, const uint16_t *guest_channels, size_t channel_count)
{
    *m = (struct id_map){
        .client_user = client_user,
        .guest_user = guest_user,
        .client_io = client_io,
        .guest_io = guest_io,
        .client_message = client_message,
        .guest_message = guest_message,
    };
    add_pair(m, client_io, guest_io);
    add_pair(m, client_message, guest_message);
    for (size_t i = 0; i < channel_count; i++)
        add_pair(m, client_channels[i], guest_channels[i]);
}

/* What one call carries through its helpers. */
struct mapping {
    const struct id_map *m;
    enum rdp_direction direction;
    uint16_t from_user, to_user;
    uint8_t *pdu; /* C of the helpers reads the same bytes */
    struct rdp_seen_pdu seen;
};

/* The id of CHANNEL on both sides, or false. */
static bool find_channel(const struct mapping *x, uint16_t channel, uint16_t *ret_client, uint16_t *ret_guest)
{
    for (uint32_t i = 0; i < x->m->pair_count; i++) {
        uint16_t client = x->m->pairs[i].client, guest = x->m->pairs[i].guest;
        if ((x->direction == RDP_TO_GUEST ? client : guest) == channel) {
            *ret_client = client;
            *ret_guest = guest;
            return true;
        }
    }
    return false;
}

/* Replaces the sending side's user id at AT, which lies OFFSET bytes into a fence that C has already checked.
 */
static void map_user(struct mapping *x, const uint8_t *start, size_t offset)
{
    uint8_t *at = x->pdu + (start - x->pdu) + offset;
    if ((at[0] | at[1] << 8) == x->from_user)
        put_u16_le(at, x->to_user);
}

/* Share Data PDU: START is its first byte, C stands behind the share control header. */
static void map_data(struct mapping *x, const uint8_t *start, struct cursor c)
{
    uint32_t share_id = cursor_u32_le(&c);
    cursor_skip(&c, 1 + 1 + 2);
    uint8_t type = cursor_u8(&c);
    uint8_t compressed = cursor_u8(&c);
    cursor_skip(&c, 2);
    if (!cursor_ok(&c)) {
        x->seen.seen |= RDP_SEEN_OTHER;
        return;
    }
    struct rdp_seen_pdu *seen = &x->seen;
    seen->seen |= RDP_SEEN_DATA;
    seen->data_type = type;
    seen->share_id = share_id;
    if (compressed & DATA_COMPRESSED)
        return; /* only updates are ever compressed, and they carry no ids */

    size_t left = cursor_left(&c);
    switch (type) {
    case RDP_DATA_SYNCHRONIZE: /* messageType, targetUser: 2.2.1.14 */
        if (left >= 4)
            map_user(x, start, SHARE_DATA_LEN + 2);
        break;
    case RDP_DATA_CONTROL: /* action, grantId, controlId: 2.2.1.15 */
        if (left >= 4 && cursor_u16_le(&c) == CONTROL_GRANTED)
            map_user(x, start, SHARE_DATA_LEN + 2);
        break;
    case RDP_DATA_SET_ERROR_INFO:
        if (left >= 4) {
            seen->seen |= RDP_SEEN_SET_ERROR_INFO;
            seen->error_info = cursor_u32_le(&c);
        }
        break;
    case RDP_DATA_SAVE_SESSION_INFO:
        if (left >= 4) {
            seen->seen |= RDP_SEEN_SAVE_SESSION_INFO;
            seen->session_info_type = cursor_u32_le(&c);
            /* The client comes back to this gateway, so it keeps this gateway's cookie. */
            if (seen->session_info_type == SESSION_INFO_EXTENDED)
                (void)reconnect_cookie_strip(x->pdu + (c.at - x->pdu), cursor_left(&c));
        }
        break;
    case RDP_DATA_FONT_MAP:
        seen->seen |= RDP_SEEN_FONT_MAP;
        break;
    case RDP_DATA_SHUTDOWN_REQUEST:
        seen->seen |= RDP_SEEN_SHUTDOWN_REQUEST;
        break;
    default:
        break;
    }
}

static void map_share_control(struct mapping *x, struct cursor c)
{
    const uint8_t *start = c.at;
    size_t len = cursor_left(&c);
    cursor_skip(&c, 2);
    uint16_t type = cursor_u16_le(&c);
    if (len >= SHARE_CONTROL_LEN)
        map_user(x, start, SHARE_SOURCE_AT);
    cursor_skip(&c, 2);
    struct rdp_seen_pdu *seen = &x->seen;
    switch ((enum rdp_pdu_type)(type & 0xf)) {
    case RDP_PDU_DEMAND_ACTIVE:
        seen->share_id = cursor_u32_le(&c);
        seen->seen |= cursor_ok(&c) ? RDP_SEEN_DEMAND_ACTIVE : RDP_SEEN_OTHER;
        break;
    case RDP_PDU_CONFIRM_ACTIVE:
        seen->share_id = cursor_u32_le(&c);
        seen->seen |= cursor_ok(&c) ? RDP_SEEN_CONFIRM_ACTIVE : RDP_SEEN_OTHER;
        break;
    case RDP_PDU_DEACTIVATE_ALL:
        seen->seen |= RDP_SEEN_DEACTIVATE_ALL;
        break;
    case RDP_PDU_DATA:
        map_data(x, start, c);
        break;
    case RDP_PDU_SERVER_REDIRECTION:
        seen->seen |= RDP_SEEN_SERVER_REDIRECTION;
        break;
    default:
        seen->seen |= RDP_SEEN_OTHER;
        break;
    }
}

/* Fences the next share control PDU, or says that none starts here. */
static bool next_share_control(struct cursor *c, struct cursor *ret_pdu)
{
    struct cursor peek = *c;
    uint16_t len = cursor_u16_le(&peek);
    uint16_t type = cursor_u16_le(&peek);
    if (!cursor_ok(&peek) || len < SHARE_CONTROL_MIN_LEN || len > cursor_left(c))
        return false;
    /* The version is 1 in all but Windows' Server Redirection PDU. A security header in the same place has
     * flagsHi here, which is 0. */
    if ((type & 0xfff0) != SHARE_VERSION && type != RDP_PDU_SERVER_REDIRECTION)
        return false;
    *ret_pdu = cursor_sub(c, len);
    return true;
}

/* Before activation, licensing comes with a basic security header: 2.2.1.12. */
static void see_licence(struct mapping *x, struct cursor c)
{
    uint16_t flags = cursor_u16_le(&c);
    cursor_skip(&c, 2);
    uint8_t type = cursor_u8(&c);
    if (cursor_ok(&c) && flags & RDP_SEC_LICENSE_PKT) {
        x->seen.seen |= RDP_SEEN_LICENCE;
        x->seen.licence_type = type;
    } else {
        x->seen.seen |= RDP_SEEN_OTHER;
    }
}

static void map_io(struct mapping *x, struct cursor c)
{
    struct cursor pdu, peek = c;
    bool any = false;
    while (cursor_left(&c) > 0) {
        peek = c;
        if (cursor_u16_le(&peek) == FLOW_MARKER && cursor_left(&c) >= FLOW_LEN) {
            map_user(x, c.at, FLOW_SOURCE_AT);
            cursor_skip(&c, FLOW_LEN);
            x->seen.seen |= RDP_SEEN_OTHER;
        } else if (next_share_control(&c, &pdu)) {
            map_share_control(x, pdu);
        } else if (!any) {
            see_licence(x, c);
            return;
        } else {
            /* Something unknown behind a known PDU: it passes as it is. */
            x->seen.seen |= RDP_SEEN_OTHER;
            return;
        }
        any = true;
    }
}

/* The message channel: 2.2.14, 2.2.15, 2.2.16 */
static void see_message(struct mapping *x, struct cursor c)
{
    struct rdp_seen_pdu *seen = &x->seen;
    uint16_t flags = cursor_u16_le(&c);
    cursor_skip(&c, 2);
    if (!cursor_ok(&c)) {
        seen->seen |= RDP_SEEN_OTHER;
    } else if (flags & (RDP_SEC_AUTODETECT_REQ | RDP_SEC_AUTODETECT_RSP)) {
        cursor_skip(&c, 2);
        seen->autodetect_sequence = cursor_u16_le(&c);
        seen->autodetect_type = cursor_u16_le(&c);
        seen->seen |= cursor_ok(&c) ? RDP_SEEN_AUTODETECT : RDP_SEEN_OTHER;
    } else if (flags & (RDP_SEC_TRANSPORT_REQ | RDP_SEC_TRANSPORT_RSP)) {
        seen->seen |= RDP_SEEN_MULTITRANSPORT;
    } else if (flags & RDP_SEC_HEARTBEAT) {
        seen->seen |= RDP_SEEN_HEARTBEAT;
    } else {
        seen->seen |= RDP_SEEN_OTHER;
    }
}

int rdp_map_slow_path(const struct id_map *m, uint8_t *pdu, size_t len, enum rdp_direction direction,
                      struct rdp_seen_pdu *ret_seen)
{
    struct mcs_pdu p;
    if (mcs_parse(pdu, len, &p) != 0)
        return CE_BAD_INPUT;
    if (p.choice == MCS_DISCONNECT_PROVIDER_ULTIMATUM) {
        *ret_seen = (struct rdp_seen_pdu){.seen = RDP_SEEN_DISCONNECT, .reason = p.reason};
        return 0;
    }
    bool to_guest = direction == RDP_TO_GUEST;
    /* A length that disagrees with the packet would be read differently by those who look behind this
     * gateway. */
    if (p.choice != (to_guest ? MCS_SEND_DATA_REQUEST : MCS_SEND_DATA_INDICATION) ||
        p.data + p.data_len != pdu + len)
        return CE_BAD_INPUT;

    struct mapping x = {
        .m = m,
        .direction = direction,
        .from_user = to_guest ? m->client_user : m->guest_user,
        .to_user = to_guest ? m->guest_user : m->client_user,
        .pdu = pdu,
        .seen = {.payload = p.data, .payload_len = p.data_len},
    };
    uint16_t client_channel, guest_channel;
    if (!find_channel(&x, p.channel_id, &client_channel, &guest_channel))
        return CE_NOT_FOUND;
    x.seen.channel_id = client_channel;
    put_u16_be(pdu + MCS_CHANNEL_AT, to_guest ? guest_channel : client_channel);
    /* A client has one user only; a server may speak as itself (1002), which means the same on both sides. */
    if (to_guest || p.user_id == x.from_user)
        put_u16_be(pdu + MCS_INITIATOR_AT, (uint16_t)(x.to_user - MCS_USER_BASE));

    struct cursor payload = cursor_init(p.data, p.data_len);
    if (client_channel == m->client_io)
        map_io(&x, payload);
    else if (client_channel == m->client_message)
        see_message(&x, payload);
    else
        x.seen.seen = RDP_SEEN_CHANNEL;
    *ret_seen = x.seen;
    return 0;
}

const char *rdp_data_type_name(uint8_t type)
{
    switch (type) {
    case RDP_DATA_UPDATE:
        return "Update";
    case RDP_DATA_CONTROL:
        return "Control";
    case RDP_DATA_POINTER:
        return "Pointer";
    case RDP_DATA_INPUT:
        return "Input";
    case RDP_DATA_SYNCHRONIZE:
        return "Synchronize";
    case RDP_DATA_REFRESH_RECT:
        return "Refresh Rect";
    case RDP_DATA_PLAY_SOUND:
        return "Play Sound";
    case RDP_DATA_SUPPRESS_OUTPUT:
        return "Suppress Output";
    case RDP_DATA_SHUTDOWN_REQUEST:
        return "Shutdown Request";
    case RDP_DATA_SHUTDOWN_DENIED:
        return "Shutdown Denied";
    case RDP_DATA_SAVE_SESSION_INFO:
        return "Save Session Info";
    case RDP_DATA_FONT_LIST:
        return "Font List";
    case RDP_DATA_FONT_MAP:
        return "Font Map";
    case RDP_DATA_SET_KEYBOARD_INDICATORS:
        return "Set Keyboard Indicators";
    case RDP_DATA_BITMAP_CACHE_PERSISTENT_LIST:
        return "Bitmap Cache Persistent List";
    case RDP_DATA_SET_ERROR_INFO:
        return "Set Error Info";
    case RDP_DATA_AUTO_RECONNECT_STATUS:
        return "Auto-Reconnect Status";
    case RDP_DATA_STATUS_INFO:
        return "Status Info";
    case RDP_DATA_MONITOR_LAYOUT:
        return "Monitor Layout";
    }
    return "unknown";
}
