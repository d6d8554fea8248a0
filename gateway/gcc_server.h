/* The server's GCC settings blocks (MS-RDPBCGR 2.2.1.4.2 to 2.2.1.4.6): built towards the client, read from
 * the guest.
 *
 * Pure functions, any thread.
 */
#ifndef CARREL_GCC_SERVER_H
#define CARREL_GCC_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

#include "gcc.h"
#include "writer.h"

/* earlyCapabilityFlags of SC_CORE, 2.2.1.4.2 */
enum gcc_server_early_flag {
    GCC_SC_EDGE_ACTIONS_V1 = 0x1,
    GCC_SC_DYNAMIC_DST = 0x2,
    GCC_SC_EDGE_ACTIONS_V2 = 0x4,
    GCC_SC_SKIP_CHANNELJOIN = 0x8,
};

enum {
    GCC_SC_VERSION = 0x00080010, /* the version that the gateway states, RDP 10.11 */
};

struct gcc_server {
    uint32_t version;
    uint32_t requested_protocols; /* what the client asked for in its Connection Request */
    uint32_t early_flags;         /* enum gcc_server_early_flag */
    uint32_t encryption_method;   /* 0 under TLS */
    uint32_t encryption_level;
    uint16_t io_channel;
    uint32_t channel_count;
    uint16_t channels[GCC_CHANNELS_MAX]; /* ids; 0 where the guest refused a channel */
    uint16_t message_channel;            /* 0: none */
};

/* Appends SC_CORE, SC_SECURITY (12 bytes, no random), SC_NET and, where message_channel is not 0,
 * SC_MCS_MSGCHANNEL. */
void gcc_server_write(struct writer *w, const struct gcc_server *server);

/* BLOCKS as gcc_parse_response() returns them; SC_CORE and SC_NET are required. Fields that a short block
 * leaves out are 0. */
int gcc_server_parse(struct cursor blocks, struct gcc_server *ret_server) MUST_CHECK;

#endif
