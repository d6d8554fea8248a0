/* RDP 6.0 bitmap compression (MS-RDPEGDI 2.2.2.5.1, 3.1.9): what bitmaps of 32 bits a pixel are sent in. Four planes,
 * each line as runs and differences from the line before. With an alpha plane and without padding, because some
 * clients know no other form. Pure, any thread.
 */
#ifndef CARREL_LOBBY_BITMAP_PLANAR_H
#define CARREL_LOBBY_BITMAP_PLANAR_H

#include <stddef.h>
#include <stdint.h>

enum {
    BITMAP_PLANAR_WIDTH_MAX = 64,
    /* A control byte in front of every fifteen bytes, at the worst. */
    BITMAP_PLANAR_LINE_MAX = BITMAP_PLANAR_WIDTH_MAX + (BITMAP_PLANAR_WIDTH_MAX + 14) / 15,
};

/* Room that a picture needs at most. */
#define BITMAP_PLANAR_MAX_BYTES(height) (1 + 4 * (height)*BITMAP_PLANAR_LINE_MAX)

/* PIXELS (blue, green, red, unused) from the top line down, STRIDE pixels a line; at most BITMAP_PLANAR_WIDTH_MAX
 * wide. Returns the number of bytes in OUT. */
size_t bitmap_planar_encode(const uint32_t *pixels, unsigned stride, unsigned width, unsigned height,
                            uint8_t *out);

#endif
