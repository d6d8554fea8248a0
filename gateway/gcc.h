/* GCC Conference Create Request and Response (T.124 section 8.7, PER): the envelope inside the MCS connect
 * PDUs around the settings blocks of gcc_client.h and gcc_server.h (MS-RDPBCGR 2.2.1.3, 2.2.1.4).
 *
 * Pure functions, any thread. Every block starts with its type and its length, both 16 bits, little endian.
 */
#ifndef CARREL_GCC_H
#define CARREL_GCC_H

#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

#include "cursor.h"
#include "writer.h"

enum {
    GCC_CHANNELS_MAX = 31, /* MS-RDPBCGR 2.2.1.3.4 */
    GCC_BLOCK_HEADER_LEN = 4,
};

enum gcc_block_type {
    GCC_CS_CORE = 0xc001,
    GCC_CS_SECURITY = 0xc002,
    GCC_CS_NET = 0xc003,
    GCC_CS_CLUSTER = 0xc004,
    GCC_CS_MONITOR = 0xc005,
    GCC_CS_MCS_MSGCHANNEL = 0xc006,
    GCC_CS_MONITOR_EX = 0xc008,
    GCC_CS_MULTITRANSPORT = 0xc00a,
    GCC_SC_CORE = 0x0c01,
    GCC_SC_SECURITY = 0x0c02,
    GCC_SC_NET = 0x0c03,
    GCC_SC_MCS_MSGCHANNEL = 0x0c04,
    GCC_SC_MULTITRANSPORT = 0x0c08,
};

/* One block, as gcc_next_block() finds it. */
struct gcc_block {
    uint16_t type;        /* enum gcc_block_type, or one that this gateway does not know */
    const uint8_t *bytes; /* borrowed; with its header */
    uint16_t len;         /* with its header */
};

/* The settings blocks inside the user data of Connect-Initial, or of Connect-Response. */
int gcc_parse_request(const uint8_t *user_data, size_t len, struct cursor *ret_blocks) MUST_CHECK;
int gcc_parse_response(const uint8_t *user_data, size_t len, struct cursor *ret_blocks) MUST_CHECK;

/* The envelope with BLOCKS copied into it. */
void gcc_write_request(struct writer *w, const uint8_t *blocks, size_t len);
void gcc_write_response(struct writer *w, const uint8_t *blocks, size_t len);

/* Steps over one block. 0, CE_NOT_FOUND at the end, or CE_BAD_INPUT. */
int gcc_next_block(struct cursor *blocks, struct gcc_block *ret_block) MUST_CHECK;

#endif
