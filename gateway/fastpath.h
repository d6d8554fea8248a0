/* Fast-path PDUs from the inside (MS-RDPBCGR 2.2.8.1.2 input, 2.2.9.1.2 output). The relay needs only their
 * frame (tpkt.h); what looks into them (idle detection, the lobby's input, tests) reads them with this.
 *
 * Pure functions, any thread.
 */
#ifndef CARREL_FASTPATH_H
#define CARREL_FASTPATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

#include "cursor.h"

/* fpInputHeader and fpOutputHeader flags: bits 6 and 7 */
enum fastpath_flag {
    FASTPATH_SECURE_CHECKSUM = 0x1,
    FASTPATH_ENCRYPTED = 0x2,
};

/* eventCode, 2.2.8.1.2.2 */
enum fastpath_event_code {
    FASTPATH_INPUT_SCANCODE = 0,
    FASTPATH_INPUT_MOUSE = 1,
    FASTPATH_INPUT_MOUSEX = 2,
    FASTPATH_INPUT_SYNC = 3,
    FASTPATH_INPUT_UNICODE = 4,
    FASTPATH_INPUT_RELMOUSE = 5,
    FASTPATH_INPUT_QOE_TIMESTAMP = 6,
};

struct fastpath_input {
    uint8_t flags; /* enum fastpath_flag; encrypted ones are refused, there is TLS */
    uint8_t event_count;
    struct cursor events; /* for fastpath_next_event() */
};

struct fastpath_event {
    enum fastpath_event_code code;
    uint8_t flags;                /* eventFlags, five bits */
    uint16_t key_code;            /* of scan codes and Unicode */
    uint16_t pointer_flags, x, y; /* of mice */
    uint32_t timestamp;           /* of FASTPATH_INPUT_QOE_TIMESTAMP */
};

/* updateCode, 2.2.9.1.2.1 */
enum fastpath_update_code {
    FASTPATH_UPDATE_ORDERS = 0x0,
    FASTPATH_UPDATE_BITMAP = 0x1,
    FASTPATH_UPDATE_PALETTE = 0x2,
    FASTPATH_UPDATE_SYNCHRONIZE = 0x3,
    FASTPATH_UPDATE_SURFCMDS = 0x4,
    FASTPATH_UPDATE_PTR_NULL = 0x5,
    FASTPATH_UPDATE_PTR_DEFAULT = 0x6,
    FASTPATH_UPDATE_PTR_POSITION = 0x8,
    FASTPATH_UPDATE_COLOR = 0x9,
    FASTPATH_UPDATE_CACHED = 0xa,
    FASTPATH_UPDATE_POINTER = 0xb,
    FASTPATH_UPDATE_LARGE_POINTER = 0xc,
};

/* 2.2.9.1.2.1 */
enum fastpath_fragmentation {
    FASTPATH_FRAGMENT_SINGLE = 0,
    FASTPATH_FRAGMENT_LAST = 1,
    FASTPATH_FRAGMENT_FIRST = 2,
    FASTPATH_FRAGMENT_NEXT = 3,
};

struct fastpath_update {
    uint8_t code;              /* enum fastpath_update_code, or one that is not known */
    uint8_t fragmentation;     /* enum fastpath_fragmentation */
    uint8_t compression_flags; /* 0 where the update carries none */
    const uint8_t *data;       /* borrowed */
    size_t data_len;
};

/* PDU is one whole frame of kind PDU_FAST_PATH. */
int fastpath_parse_input(const uint8_t *pdu, size_t len, struct fastpath_input *ret_input) MUST_CHECK;

/* The next event; CE_NOT_FOUND when all event_count were taken, CE_BAD_INPUT where one is cut short or
 * unknown. */
int fastpath_next_event(struct fastpath_input *input, struct fastpath_event *ret_event) MUST_CHECK;

/* Whether a whole output PDU ends within an update that is sent in fragments: nothing may come between those. What
 * is not understood is no such end. */
bool fastpath_output_is_torn(const uint8_t *pdu, size_t len);

int fastpath_parse_output(const uint8_t *pdu, size_t len, struct cursor *ret_updates) MUST_CHECK;

/* The next update; CE_NOT_FOUND at the end. */
int fastpath_next_update(struct cursor *updates, struct fastpath_update *ret_update) MUST_CHECK;

#endif
