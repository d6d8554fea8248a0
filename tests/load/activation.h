/* The end of RDP's connection sequence as both of the kit's peers speak it (MS-RDPBCGR 1.3.1.1): licence,
 * Demand and Confirm Active, Synchronize, Control, Font List and Font Map, with capabilities that FreeRDP's
 * client and server accept. Pure functions.
 */
#ifndef CARREL_LOAD_ACTIVATION_H
#define CARREL_LOAD_ACTIVATION_H

#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

#include "writer.h"

enum activation_kind {
    ACTIVATION_OTHER,
    ACTIVATION_INFO, /* Client Info */
    ACTIVATION_LICENCE,
    ACTIVATION_DEMAND,  /* share_id */
    ACTIVATION_CONFIRM, /* of the client */
    ACTIVATION_FONT_LIST,
    ACTIVATION_FONT_MAP,
    ACTIVATION_ERROR, /* Set Error Info; code */
    ACTIVATION_END,   /* MCS Disconnect Provider Ultimatum */
};

enum { ACTIVATION_SHARE_ID = 0x000103ea }; /* of the fake guest's Demand Active */

struct activation_pdu {
    enum activation_kind kind;
    uint16_t user_id, channel_id; /* of the Send Data */
    uint32_t share_id, code;
};

/* Looks at one whole slow-path PDU on the way of an activation. */
int activation_parse(const uint8_t *pdu, size_t len, struct activation_pdu *ret_pdu) MUST_CHECK;

/* The guest: licence and Demand Active; and the answer to the client's Font List. */
void activation_write_demand(struct writer *w, uint16_t io_channel);
void activation_write_finish(struct writer *w, uint16_t io_channel, uint16_t client_user);

/* The client's answer to a Demand Active: Confirm Active and all that follows it. */
void activation_write_confirm(struct writer *w, uint16_t user_id, uint16_t io_channel, uint32_t share_id);

#endif
