/* Which tiles of a picture changed since they were sent: a fingerprint of each tile instead of a second
 * picture. Pure, the thread of the visit.
 */
#ifndef CARREL_LOBBY_TILES_H
#define CARREL_LOBBY_TILES_H

#include <stdbool.h>
#include <stdint.h>

#include <carrel/error.h>

enum { TILE_SIZE = 64 }; /* pixels; what RDP clients take as one bitmap, uncompressed below 16 KiB */

struct tiles {
    unsigned width, height; /* of the picture, in pixels */
    unsigned columns, rows;
    uint64_t *sent; /* a fingerprint a tile; 0: not sent */
};

struct tile {
    unsigned x, y, width, height;
};

int tiles_init(struct tiles *t, unsigned width, unsigned height) MUST_CHECK;
void tiles_finish(struct tiles *t);
void tiles_forget(struct tiles *t); /* everything is to be sent again */

static inline unsigned tiles_count(const struct tiles *t)
{
    return t->columns * t->rows;
}

/* Whether tile INDEX of PICTURE (32 bits a pixel, STRIDE pixels a row) has to be sent; it counts as sent then. */
bool tiles_changed(struct tiles *t, unsigned index, const uint32_t *picture, unsigned stride,
                   struct tile *ret);

#endif
