#include "bitmap_rle.h"

/* Orders in their short form (a length below 32 in the same byte, or that plus the next byte) and their long
 * one (a length of two bytes). */
enum {
    LIKE_ABOVE = 0x00,
    LIKE_ABOVE_LONG = 0xf0,
    ONE_COLOUR = 0x60,
    ONE_COLOUR_LONG = 0xf3,
    PIXELS = 0x80,
    PIXELS_LONG = 0xf4,

    SHORT_BELOW = 32,
    MIDDLE_BELOW = SHORT_BELOW + 256,
    RUN_MIN = 3, /* a shorter run is cheaper as pixels */
};

static uint32_t at_depth(uint32_t pixel, unsigned depth)
{
    uint32_t red = pixel >> 16 & 0xff, green = pixel >> 8 & 0xff, blue = pixel & 0xff;
    if (depth == 16)
        return red >> 3 << 11 | green >> 2 << 5 | blue >> 3;
    if (depth == 15)
        return red >> 3 << 10 | green >> 3 << 5 | blue >> 3;
    return pixel & 0xffffff;
}

static uint8_t *put_order(uint8_t *out, uint8_t order, uint8_t order_long, unsigned len)
{
    if (len < SHORT_BELOW) {
        *out++ = (uint8_t)(order | len);
    } else if (len < MIDDLE_BELOW) {
        *out++ = order;
        *out++ = (uint8_t)(len - SHORT_BELOW);
    } else {
        *out++ = order_long;
        *out++ = (uint8_t)len;
        *out++ = (uint8_t)(len >> 8);
    }
    return out;
}

static uint8_t *put_pixel(uint8_t *out, uint32_t pixel, unsigned depth)
{
    *out++ = (uint8_t)pixel;
    *out++ = (uint8_t)(pixel >> 8);
    if (depth == 24)
        *out++ = (uint8_t)(pixel >> 16);
    return out;
}

static unsigned run_of_one_colour(const uint32_t *p, unsigned at, unsigned end)
{
    unsigned i = at + 1;
    while (i < end && p[i] == p[at])
        i++;
    return i - at;
}

static unsigned run_like_above(const uint32_t *p, unsigned at, unsigned end, unsigned width)
{
    unsigned i = at;
    while (at >= width && i < end && p[i] == p[i - width])
        i++;
    return i - at;
}

size_t bitmap_rle_encode(const uint32_t *pixels, unsigned stride, unsigned width, unsigned height,
                         unsigned depth, uint8_t out[BITMAP_RLE_MAX_BYTES])
{
    uint32_t p[BITMAP_RLE_PIXELS_MAX];
    uint8_t *to = out;
    unsigned n = 0, at = 0;
    for (unsigned y = height; y-- > 0;) /* the wire has the bottom line first */
        for (unsigned x = 0; x < width; x++)
            p[n++] = at_depth(pixels[(size_t)y * stride + x], depth);
    while (at < n) {
        /* Two runs like the line above never follow one another (a decoder would put a pixel of the foreground
         * colour between): each is as long as it can be. */
        unsigned above = run_like_above(p, at, n, width), same = run_of_one_colour(p, at, n);
        if (above >= RUN_MIN && above >= same) {
            to = put_order(to, LIKE_ABOVE, LIKE_ABOVE_LONG, above);
            at += above;
        } else if (same >= RUN_MIN) {
            to = put_order(to, ONE_COLOUR, ONE_COLOUR_LONG, same);
            to = put_pixel(to, p[at], depth);
            at += same;
        } else {
            unsigned end = at;
            while (end < n && run_of_one_colour(p, end, n) < RUN_MIN &&
                   run_like_above(p, end, n, width) < RUN_MIN)
                end++;
            to = put_order(to, PIXELS, PIXELS_LONG, end - at);
            for (; at < end; at++)
                to = put_pixel(to, p[at], depth);
        }
    }
    return (size_t)(to - out);
}
