/* RDP's own slow-path PDUs on the MCS channels (MS-RDPBCGR 2.2.8.1.1, 2.2.1.12, 2.2.5, 2.2.3.1): builders for
 * the few that the gateway says itself, and the in-place mapping of identifiers that the relay needs.
 *
 * Pure functions, any thread; nothing here allocates. rdp_map_slow_path() runs once per relayed slow-path
 * PDU.
 */
#ifndef CARREL_RDP_PDU_H
#define CARREL_RDP_PDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

#include "gcc.h"
#include "writer.h"

enum {
    RDP_SERVER_USER_ID = 1002, /* the initiator and pduSource of what the gateway says as a server */
    RDP_IO_CHANNEL = 1003, /* what every client gets, as from Windows; static channels follow from 1004 on */
    RDP_ID_PAIRS_MAX = GCC_CHANNELS_MAX + 3,
    RDP_REFUSAL_MAX_LEN =
        128, /* room for licence, Set Error Info and Disconnect Provider Ultimatum together */
};

/* flags of the basic security header, 2.2.8.1.1.2.1 */
enum rdp_security_flag {
    RDP_SEC_EXCHANGE_PKT = 0x0001,
    RDP_SEC_TRANSPORT_REQ = 0x0002,
    RDP_SEC_TRANSPORT_RSP = 0x0004,
    RDP_SEC_ENCRYPT = 0x0008,
    RDP_SEC_INFO_PKT = 0x0040,
    RDP_SEC_LICENSE_PKT = 0x0080,
    RDP_SEC_REDIRECTION_PKT = 0x0400,
    RDP_SEC_AUTODETECT_REQ = 0x1000,
    RDP_SEC_AUTODETECT_RSP = 0x2000,
    RDP_SEC_HEARTBEAT = 0x4000,
};

/* The low four bits of pduType, 2.2.8.1.1.1.1 */
enum rdp_pdu_type {
    RDP_PDU_DEMAND_ACTIVE = 1,
    RDP_PDU_CONFIRM_ACTIVE = 3,
    RDP_PDU_DEACTIVATE_ALL = 6,
    RDP_PDU_DATA = 7,
    RDP_PDU_SERVER_REDIRECTION = 10,
};

/* pduType2, 2.2.8.1.1.1.2 */
enum rdp_data_type {
    RDP_DATA_UPDATE = 0x02,
    RDP_DATA_CONTROL = 0x14,
    RDP_DATA_POINTER = 0x1b,
    RDP_DATA_INPUT = 0x1c,
    RDP_DATA_SYNCHRONIZE = 0x1f,
    RDP_DATA_REFRESH_RECT = 0x21,
    RDP_DATA_PLAY_SOUND = 0x22,
    RDP_DATA_SUPPRESS_OUTPUT = 0x23,
    RDP_DATA_SHUTDOWN_REQUEST = 0x24,
    RDP_DATA_SHUTDOWN_DENIED = 0x25,
    RDP_DATA_SAVE_SESSION_INFO = 0x26,
    RDP_DATA_FONT_LIST = 0x27,
    RDP_DATA_FONT_MAP = 0x28,
    RDP_DATA_SET_KEYBOARD_INDICATORS = 0x29,
    RDP_DATA_BITMAP_CACHE_PERSISTENT_LIST = 0x2b,
    RDP_DATA_SET_ERROR_INFO = 0x2f,
    RDP_DATA_AUTO_RECONNECT_STATUS = 0x32,
    RDP_DATA_STATUS_INFO = 0x36,
    RDP_DATA_MONITOR_LAYOUT = 0x37,
};

/* ---- what the gateway says as a server, each a whole TPKT packet ---- */

/* The licence error 'valid client' (STATUS_VALID_CLIENT, ST_NO_TRANSITION): licensing is over. 2.2.1.12.1.3
 */
void rdp_write_licence_valid_client(struct writer *w, uint16_t io_channel);
/* SHARE_ID is 0 before a Demand Active. CODE: enum rdp_error_info of error_info.h. 2.2.5.1.1 */
void rdp_write_set_error_info(struct writer *w, uint16_t io_channel, uint32_t share_id, uint32_t code);
/* The headers of a Share Data PDU, behind mcs_data_begin(); DATA_LEN bytes of its own follow. 2.2.8.1.1.1.2 */
void rdp_write_share_data(struct writer *w, uint32_t share_id, enum rdp_data_type type, size_t data_len);
void rdp_write_deactivate_all(struct writer *w, uint16_t io_channel, uint32_t share_id);

/* ---- what the gateway says as a client towards a guest ---- */

/* A connect-time network auto-detect answer: RTT response to request SEQUENCE. 2.2.14.2.1 */
void rdp_write_autodetect_rtt_response(struct writer *w, uint16_t user_id, uint16_t message_channel,
                                       uint16_t sequence);

struct rdp_area {
    uint16_t left, top, right, bottom; /* inclusive */
};

/* Asks the server to paint AREA anew. 2.2.11.2.1 */
void rdp_write_refresh_rect(struct writer *w, uint16_t user_id, uint16_t io_channel, uint32_t share_id,
                            const struct rdp_area *area);
/* AREA is to be painted from here on; NULL: nothing is. 2.2.11.3.1 */
void rdp_write_suppress_output(struct writer *w, uint16_t user_id, uint16_t io_channel, uint32_t share_id,
                               const struct rdp_area *area);

/* ---- the relay ---- */

enum rdp_direction {
    RDP_TO_GUEST,
    RDP_TO_CLIENT,
};

/* Which id on the client's side is which on the guest's. Channels only; the user ids stand apart, because the
 * two sides draw channels and users from one space and an initiator is never a channel. */
struct id_map {
    uint16_t client_user, guest_user;
    uint16_t client_io, guest_io;
    uint16_t client_message, guest_message; /* 0: that side has none */
    uint32_t pair_count;
    struct {
        uint16_t client, guest;
    } pairs[RDP_ID_PAIRS_MAX]; /* filled by id_map_init(): io, message, static channels */
};

/* CLIENT_CHANNELS and GUEST_CHANNELS are in the order of CS_NET; a channel whose guest id is 0 is not mapped.
 */
void id_map_init(struct id_map *m, uint16_t client_user, uint16_t guest_user, uint16_t client_io,
                 uint16_t guest_io, uint16_t client_message, uint16_t guest_message,
                 const uint16_t *client_channels, const uint16_t *guest_channels, size_t channel_count);

/* What a slow-path PDU was: a set, because one Send Data PDU may carry several RDP PDUs. */
enum rdp_seen {
    RDP_SEEN_CHANNEL = 1 << 0,       /* data of a static virtual channel */
    RDP_SEEN_DATA = 1 << 1,          /* data_type */
    RDP_SEEN_DEMAND_ACTIVE = 1 << 2, /* share_id */
    RDP_SEEN_CONFIRM_ACTIVE = 1 << 3,
    RDP_SEEN_DEACTIVATE_ALL = 1 << 4,
    RDP_SEEN_SERVER_REDIRECTION = 1 << 5,
    RDP_SEEN_SET_ERROR_INFO = 1 << 6,    /* error_info */
    RDP_SEEN_SAVE_SESSION_INFO = 1 << 7, /* session_info_type */
    RDP_SEEN_FONT_MAP = 1 << 8,          /* the server's: the connection is active from here on */
    RDP_SEEN_SHUTDOWN_REQUEST = 1 << 9,
    RDP_SEEN_LICENCE = 1 << 10,    /* licence_type */
    RDP_SEEN_AUTODETECT = 1 << 11, /* autodetect_sequence, autodetect_type */
    RDP_SEEN_HEARTBEAT = 1 << 12,
    RDP_SEEN_MULTITRANSPORT =
        1 << 13,                   /* asks for (or answers) UDP, which the gateway does not carry: drop it */
    RDP_SEEN_DISCONNECT = 1 << 14, /* MCS Disconnect Provider Ultimatum; reason */
    RDP_SEEN_OTHER = 1 << 15,      /* well-formed and not known */
};

struct rdp_seen_pdu {
    uint32_t seen;        /* enum rdp_seen, a set; of several PDUs of one kind the last one's details hold */
    uint16_t channel_id;  /* on the client's side; 0 for RDP_SEEN_DISCONNECT */
    uint8_t data_type;    /* enum rdp_data_type, or one that is not known */
    uint8_t licence_type; /* 0xff error alert (valid client), 1 request, 2 platform challenge, 3 new licence
                             ... */
    uint8_t reason;       /* enum mcs_reason */
    uint32_t share_id;
    uint32_t error_info;        /* enum rdp_error_info */
    uint32_t session_info_type; /* 0 logon, 1 logon long, 2 plain notify, 3 extended */
    uint16_t autodetect_sequence, autodetect_type;
    const uint8_t *payload; /* borrowed from the PDU: what the channel carries */
    size_t payload_len;
};

/* Rewrites the ids in one whole slow-path PDU that travels in DIRECTION: initiator, channelId,
 * ShareControlHeader.pduSource, Synchronize.targetUser, Control(Granted).grantId. The guest's cookie of
 * automatic reconnection is taken out of its Save Session Info. The length never changes.
 *
 * 0; CE_NOT_FOUND: a channel that the other side does not have, drop the PDU (it is unchanged); CE_BAD_INPUT:
 * not what may travel in this direction once MCS is joined, close. RET_SEEN is filled when 0 is returned. */
int rdp_map_slow_path(const struct id_map *m, uint8_t *pdu, size_t len, enum rdp_direction direction,
                      struct rdp_seen_pdu *ret_seen) MUST_CHECK;

/* The data PDU's name ("Synchronize"), or "unknown". */
const char *rdp_data_type_name(uint8_t type);

#endif
