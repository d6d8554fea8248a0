/* A banner as the lobby hands it to the gateway: tiles that are encoded for the client already, so that the gateway
 * only puts headers around them.
 *
 *     "CBP1" width height depth count | count times: x y width height flags length, length bytes
 *            u16   u16    u16   u16                  u16 ..         u16   u16        (little endian)
 *
 * Pure functions, any thread. The gateway does not trust the bytes: every tile lies inside the picture.
 */
#ifndef CARREL_BANNER_PICTURE_H
#define CARREL_BANNER_PICTURE_H

#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

#include "writer.h"

enum {
    BANNER_TILE_WIDTH = 64,
    BANNER_TILE_HEIGHT = 32, /* uncompressed at 32 bits a tile has 8 KiB, which any update can carry */
    BANNER_TILE_MAX_BYTES = BANNER_TILE_WIDTH * BANNER_TILE_HEIGHT * 4,
    BANNER_WIDTH_MAX = 2048,
    BANNER_HEIGHT_MAX = 1024,
    BANNER_TILES_MAX = (BANNER_WIDTH_MAX / BANNER_TILE_WIDTH) * (BANNER_HEIGHT_MAX / BANNER_TILE_HEIGHT),
    BANNER_TILE_COMPRESSED = 1, /* flags */
    /* A longer answer is not taken. Real ones have some 20 KiB. */
    BANNER_PICTURE_MAX_BYTES = 2 * 1024 * 1024,
};

struct banner_tile {
    uint16_t x, y, width, height; /* inside the picture; the width is a multiple of four */
    uint16_t flags;
    uint16_t len;
    const uint8_t *bytes; /* borrowed */
};

struct banner_picture {
    uint16_t width, height, depth;
    uint16_t count;
    size_t at; /* of the first tile in the bytes */
};

void banner_picture_write(struct writer *w, const struct banner_picture *picture);
void banner_tile_write(struct writer *w, const struct banner_tile *tile);

/* Reads BYTES as a whole: picture, and its tiles in the order in which they come, COUNT of them. CE_BAD_INPUT. */
int banner_picture_parse(const uint8_t *bytes, size_t len, struct banner_picture *ret_picture) MUST_CHECK;
/* The tile at *AT of bytes that banner_picture_parse() took, which begins at picture.at; *AT is the next one's
 * then. */
int banner_tile_next(const uint8_t *bytes, size_t len, size_t *at, struct banner_tile *ret) MUST_CHECK;

#endif
