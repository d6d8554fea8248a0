/* MCS domain PDUs (T.125 section 7, PER), MS-RDPBCGR 2.2.1.5 to 2.2.1.9 and 2.2.2.3: joining channels and
 * carrying data on them, in both directions.
 *
 * Pure functions, any thread. mcs_parse() takes one whole TPKT packet, writers append one. User ids are the
 * full ones (1001 and up); the wire's offset of 1001 never leaves mcs.c and rdp_pdu.c.
 */
#ifndef CARREL_MCS_H
#define CARREL_MCS_H

#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

#include "writer.h"

enum {
    MCS_USER_BASE = 1001,
    MCS_DATA_HEADER_LEN =
        15, /* TPKT, X.224 and Send Data with a length of two bytes, as the writers make them */
    MCS_DATA_MAX_LEN = 0x7fff, /* payload of one Send Data PDU */
};

/* The choice's number stands in the upper six bits of the first byte. */
enum mcs_choice {
    MCS_ERECT_DOMAIN_REQUEST = 1,
    MCS_DISCONNECT_PROVIDER_ULTIMATUM = 8,
    MCS_ATTACH_USER_REQUEST = 10,
    MCS_ATTACH_USER_CONFIRM = 11,
    MCS_CHANNEL_JOIN_REQUEST = 14,
    MCS_CHANNEL_JOIN_CONFIRM = 15,
    MCS_SEND_DATA_REQUEST = 25,    /* client to server */
    MCS_SEND_DATA_INDICATION = 26, /* server to client */
};

/* T.125 Reason, of Disconnect Provider Ultimatum */
enum mcs_reason {
    MCS_REASON_DOMAIN_DISCONNECTED = 0,
    MCS_REASON_PROVIDER_INITIATED = 1,
    MCS_REASON_TOKEN_PURGED = 2,
    MCS_REASON_USER_REQUESTED = 3,
    MCS_REASON_CHANNEL_PURGED = 4,
};

struct mcs_pdu {
    enum mcs_choice choice;
    uint16_t user_id;      /* the initiator: of confirms, joins and data */
    uint16_t channel_id;   /* of joins and data; in a join confirm what was granted */
    uint16_t requested_id; /* of a join confirm */
    uint8_t result;        /* of confirms: 0 is rt-successful */
    uint8_t reason;        /* of Disconnect Provider Ultimatum: enum mcs_reason */
    const uint8_t *data;   /* of data: borrowed from the PDU */
    size_t data_len;
};

/* Parses any of enum mcs_choice; every other choice is CE_BAD_INPUT. */
int mcs_parse(const uint8_t *pdu, size_t len, struct mcs_pdu *ret_pdu) MUST_CHECK;

void mcs_write_erect_domain_request(struct writer *w);
void mcs_write_attach_user_request(struct writer *w);
void mcs_write_attach_user_confirm(struct writer *w, uint8_t result, uint16_t user_id);
void mcs_write_channel_join_request(struct writer *w, uint16_t user_id, uint16_t channel_id);
void mcs_write_channel_join_confirm(struct writer *w, uint8_t result, uint16_t user_id, uint16_t channel_id);
void mcs_write_disconnect_ultimatum(struct writer *w, enum mcs_reason reason);

/* Headers of Send Data Request or Indication; the payload follows; mcs_data_end() fills in the lengths. */
size_t mcs_data_begin(struct writer *w, enum mcs_choice choice, uint16_t user_id, uint16_t channel_id);
void mcs_data_end(struct writer *w, size_t start);

#endif
