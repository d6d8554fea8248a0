/* Bitmap updates that the gateway itself says to a client (MS-RDPBCGR 2.2.9.1.1.3.1.2): whole PDUs of bitmaps that
 * somebody else encoded, in fast path (2.2.9.1.2.1.2), or in slow path for a client that takes no other. They carry no
 * flag of bulk compression and are in one piece, so nothing of the server's stream depends on them.
 *
 * Pure functions, any thread; nothing here allocates.
 */
#ifndef CARREL_FP_BITMAP_H
#define CARREL_FP_BITMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "writer.h"

enum {
    /* What every client takes as one update without having said how much it can put together (2.2.7.2.6). */
    FP_BITMAP_PDU_MAX_LEN = 0x3fff,
    FP_BITMAP_COST = 64, /* headers of one PDU with one bitmap, at most */
    FP_BITMAP_DATA_MAX_LEN = FP_BITMAP_PDU_MAX_LEN - FP_BITMAP_COST,
};

struct fp_bitmap {
    uint16_t x, y, width, height; /* pixels; the width is a multiple of four */
    bool compressed;
    const uint8_t *bytes; /* borrowed */
    uint16_t len;         /* at most FP_BITMAP_DATA_MAX_LEN */
};

struct fp_bitmap_share {
    uint16_t left, top; /* added to each place */
    uint16_t depth;     /* bits a pixel */
    bool fast_path;
    bool no_header;    /* compressed bitmaps come without TS_CD_HEADER */
    uint32_t share_id; /* of slow path */
};

/* Appends one PDU of the first of COUNT bitmaps: as many as fit. Returns how many; 0: not even one fits into W or
 * into a PDU. */
size_t fp_bitmap_write(struct writer *w, const struct fp_bitmap_share *share, const struct fp_bitmap *bitmaps,
                       size_t count);

#endif
