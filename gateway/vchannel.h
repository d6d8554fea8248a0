/* Static virtual channels (MS-RDPBCGR 2.2.6.1 and 3.1.5.2): a message travels as one or more chunks, each in a
 * Send Data PDU of its own behind a header of eight bytes.
 *
 *   0               4       8
 *   length of the   flags   the chunk's bytes
 *   whole message
 *
 * Pure functions, any thread.
 */
#ifndef CARREL_VCHANNEL_H
#define CARREL_VCHANNEL_H

#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

#include "mcs.h"
#include "writer.h"

enum {
    VCHANNEL_HEADER_LEN = 8,
    VCHANNEL_CHUNK_LEN = 1600, /* what everybody takes, 2.2.7.1.10 */
    /* What the headers of one more chunk cost. */
    VCHANNEL_CHUNK_COST = MCS_DATA_HEADER_LEN + VCHANNEL_HEADER_LEN,
};

enum vchannel_flag {
    VCHANNEL_FIRST = 0x00000001,
    VCHANNEL_LAST = 0x00000002,
    VCHANNEL_SHOW_PROTOCOL = 0x00000010,
    VCHANNEL_COMPRESSED = 0x00200000,
};

struct vchannel_chunk {
    uint32_t total_len;
    uint32_t flags;      /* enum vchannel_flag, a set */
    const uint8_t *data; /* borrowed */
    size_t data_len;
};

int vchannel_parse(const uint8_t *payload, size_t len, struct vchannel_chunk *ret) MUST_CHECK;

/* Appends MESSAGE as chunks, each a whole TPKT packet; FLAGS are added to FIRST and LAST. */
void vchannel_write(struct writer *w, enum mcs_choice choice, uint16_t user, uint16_t channel, uint32_t flags,
                    const uint8_t *message, size_t len);

#endif
