/* Framing of an RDP byte stream: slow-path PDUs in TPKT packets (T.123 section 8) mixed with fast-path PDUs
 * (MS-RDPBCGR 2.2.8.1.2 and 2.2.9.1.2), which start with a length of their own.
 *
 * Pure functions on the caller's bytes, any thread. pdu_frame() runs once per relayed PDU and is inline.
 */
#ifndef CARREL_TPKT_H
#define CARREL_TPKT_H

#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

#include "writer.h"

enum {
    TPKT_VERSION = 3,
    TPKT_HEADER_LEN = 4,
    TPKT_MIN_LEN = 7,      /* the header and the smallest TPDU; a shorter packet is refused */
    TPKT_MAX_LEN = 0xffff, /* what its length field can say; nothing longer can be asked for */
    PDU_MAX_LEN = TPKT_MAX_LEN,
    FASTPATH_MAX_LEN = 0x7fff,
};

enum pdu_kind {
    PDU_SLOW_PATH, /* TPKT, X.224 Data, MCS */
    PDU_FAST_PATH,
};

struct pdu_frame {
    enum pdu_kind kind;
    uint32_t len; /* of the whole PDU with its header, in bytes */
};

/* Frames the first PDU of the N bytes at P.
 *
 * 0: the whole PDU is there. CE_NEED_MORE: its beginning is; ret_frame->len then says how long it will be, or
 * is 0 while that is not known yet. CE_BAD_INPUT: no RDP PDU starts here, the stream cannot go on (ret_frame
 * is untouched). */
static inline int pdu_frame(const uint8_t *p, size_t n, struct pdu_frame *ret_frame) MUST_CHECK;

/* The same for the phase in which only TPKT packets may come, none longer than MAX_LEN bytes. A beginning
 * that cannot become such a packet is CE_BAD_INPUT at its first wrong byte. RET_LEN as in pdu_frame(). */
int tpkt_frame(const uint8_t *p, size_t n, size_t max_len, size_t *ret_len) MUST_CHECK;

/* Writes a TPKT header of unknown length and returns where it starts, for tpkt_end() to fill. */
size_t tpkt_begin(struct writer *w);
void tpkt_end(struct writer *w, size_t start);

static inline int pdu_frame(const uint8_t *p, size_t n, struct pdu_frame *ret_frame)
{
    if (n == 0) {
        ret_frame->kind = PDU_SLOW_PATH;
        ret_frame->len = 0;
        return CE_NEED_MORE;
    }
    uint32_t len = 0;
    enum pdu_kind kind;
    if (p[0] == TPKT_VERSION) {
        kind = PDU_SLOW_PATH;
        if (n >= TPKT_HEADER_LEN) {
            len = (uint32_t)p[2] << 8 | p[3];
            if (len < TPKT_MIN_LEN)
                return CE_BAD_INPUT;
        }
    } else if ((p[0] & 3) == 0) {
        kind = PDU_FAST_PATH;
        if (n >= 2 && !(p[1] & 0x80)) {
            len = p[1];
            if (len < 2)
                return CE_BAD_INPUT;
        } else if (n >= 3) {
            len = (uint32_t)(p[1] & 0x7f) << 8 | p[2];
            if (len < 3)
                return CE_BAD_INPUT;
        }
    } else {
        return CE_BAD_INPUT;
    }
    ret_frame->kind = kind;
    ret_frame->len = len;
    return len && len <= n ? 0 : CE_NEED_MORE;
}

#endif
