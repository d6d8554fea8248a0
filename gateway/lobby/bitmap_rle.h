/* Interleaved run-length encoding of a bitmap (MS-RDPBCGR 2.2.9.1.1.3.1.2.4), for colour depths of 24, 16 and 15:
 * runs of one colour, runs like the line before, and pixels as they are. FreeRDP 3.10 has an encoder too, but
 * pictures with letters in them come out torn. Pure, any thread.
 */
#ifndef CARREL_LOBBY_BITMAP_RLE_H
#define CARREL_LOBBY_BITMAP_RLE_H

#include <stddef.h>
#include <stdint.h>

#include "tiles.h"

enum {
    BITMAP_RLE_PIXELS_MAX = TILE_SIZE * TILE_SIZE,
    /* Every third pixel could need a new order of three bytes; no picture comes near. */
    BITMAP_RLE_MAX_BYTES = 4 * BITMAP_RLE_PIXELS_MAX + 16,
};

/* PIXELS (blue, green, red, unused) from the top line down, STRIDE pixels a line; WIDTH times HEIGHT at most
 * BITMAP_RLE_PIXELS_MAX. Returns the number of bytes in OUT. */
size_t bitmap_rle_encode(const uint32_t *pixels, unsigned stride, unsigned width, unsigned height,
                         unsigned depth, uint8_t out[BITMAP_RLE_MAX_BYTES]);

#endif
