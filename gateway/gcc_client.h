/* The client's GCC settings blocks (MS-RDPBCGR 2.2.1.3.2 to 2.2.1.3.9): read into a struct, and rewritten for
 * the guest from the client's own bytes, so that the guest sees what this client really said.
 *
 * Pure functions, any thread. What the client did not send is zero or false.
 */
#ifndef CARREL_GCC_CLIENT_H
#define CARREL_GCC_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

#include "gcc.h"
#include "writer.h"

enum {
    GCC_CHANNEL_NAME_MAX = 7,
    GCC_MONITORS_MAX = 16,
    GCC_BLOCKS_MAX = 16, /* more blocks than this are refused; clients send up to eight */
    GCC_CLIENT_NAME_MAX = 48,
};

/* earlyCapabilityFlags of CS_CORE, 2.2.1.3.2 */
enum gcc_client_early_flag {
    GCC_CS_SUPPORT_ERRINFO_PDU = 0x0001,
    GCC_CS_SUPPORT_MONITOR_LAYOUT_PDU = 0x0040,
    GCC_CS_SUPPORT_NETCHAR_AUTODETECT = 0x0080,
    GCC_CS_SUPPORT_DYNVC_GFX = 0x0100,
    GCC_CS_SUPPORT_HEARTBEAT_PDU = 0x0400,
    GCC_CS_SUPPORT_SKIP_CHANNELJOIN = 0x0800,
};

/* options of a channel in CS_NET, 2.2.1.3.4.1 */
enum gcc_channel_option {
    GCC_CHANNEL_COMPRESS_RDP = 0x00800000,
    GCC_CHANNEL_COMPRESS = 0x00400000,
    GCC_CHANNEL_SHOW_PROTOCOL = 0x00200000,
};

struct gcc_channel {
    char name[GCC_CHANNEL_NAME_MAX + 1]; /* bytes outside printable ASCII became '?' */
    uint32_t options;
};

struct gcc_monitor {
    int32_t left, top, right, bottom; /* inclusive, in pixels */
    uint32_t flags;                   /* 1: primary */
};

struct gcc_client {
    /* CS_CORE */
    uint32_t version;
    uint16_t desktop_width, desktop_height;
    uint32_t keyboard_layout;
    uint32_t client_build;
    char client_name[GCC_CLIENT_NAME_MAX]; /* UTF-8 */
    uint32_t keyboard_type;
    uint16_t high_color_depth;
    uint16_t supported_color_depths;
    uint16_t early_flags; /* enum gcc_client_early_flag */
    uint8_t connection_type;
    uint32_t desktop_scale;     /* per cent; 0: not said */
    bool has_selected_protocol; /* the block is long enough to hold serverSelectedProtocol */
    uint32_t selected_protocol;
    /* CS_SECURITY */
    uint32_t encryption_methods;
    /* CS_NET */
    uint32_t channel_count;
    struct gcc_channel channels[GCC_CHANNELS_MAX];
    /* CS_CLUSTER */
    bool has_cluster;
    uint32_t cluster_flags, redirected_session_id;
    /* CS_MONITOR */
    uint32_t monitor_count;
    struct gcc_monitor monitors[GCC_MONITORS_MAX];
    /* CS_MCS_MSGCHANNEL, CS_MONITOR_EX, CS_MULTITRANSPORT */
    bool has_message_channel;
    bool has_monitor_ex;
    bool has_multitransport;
    uint32_t multitransport_flags;
    /* Where each block stood in the bytes that were parsed, in the order in which they came. */
    uint32_t block_count;
    struct {
        uint16_t type, len;
        uint32_t offset;
    } blocks[GCC_BLOCKS_MAX];
};

/* BLOCKS as gcc_parse_request() returns them. CS_CORE is required, no block may come twice. */
int gcc_client_parse(struct cursor blocks, struct gcc_client *ret_client) MUST_CHECK;

struct gcc_guest_rules {
    uint32_t selected_protocol;     /* what the guest chose in its Connection Confirm */
    uint32_t denied_channels;       /* bit i: channel i is renamed so that the guest never opens it */
    bool clear_channel_compression; /* clears both compress options, so that a channel filter can read */
    bool one_monitor;               /* drops CS_MONITOR(_EX); the desktop is as large as the primary one */
    bool no_smartcards;             /* CS_CLUSTER: clears REDIRECTED_SMARTCARD */
};

/* Appends the client's blocks for the guest: serverSelectedProtocol patched, CS_MULTITRANSPORT dropped,
 * CS_CLUSTER's REDIRECTED_SESSIONID_FIELD_VALID cleared and its id zeroed, denied channels renamed "xdenyNN";
 * all else as the client sent it. CE_BAD_INPUT where the blocks do not parse, CE_LIMIT where W is full. */
int gcc_rewrite_for_guest(struct cursor blocks, const struct gcc_guest_rules *rules,
                          struct writer *w) MUST_CHECK;

#endif
