#include "bitmap_rle.h"

#include <string.h>

#include "suite.h"

/* The three orders, decoded as MS-RDPBCGR describes; -1 for anything else. */
static long decode(const uint8_t *in, size_t len, unsigned width, uint32_t *out, size_t room)
{
    size_t at = 0, n = 0;
    bool was_above = false;
    while (at < len) {
        uint8_t head = in[at++];
        unsigned order = head >> 5, run = head & 31;
        if (head >= 0xf0) {
            order = head == 0xf0 ? 0 : head == 0xf3 ? 3 : head == 0xf4 ? 4 : 7;
            run = in[at] | (unsigned)in[at + 1] << 8;
            at += 2;
        } else if (!run) {
            run = in[at++] + 32u;
        }
        if ((order != 0 && order != 3 && order != 4) || n + run > room ||
            (order == 0 && (n < width || was_above)))
            return -1;
        was_above = order == 0;
        for (unsigned i = 0; i < run; i++, n++) {
            if (order == 0)
                out[n] = out[n - width];
            else
                out[n] = in[at] | (uint32_t)in[at + 1] << 8 | (uint32_t)in[at + 2] << 16;
            at += order == 4 ? 3 : 0;
        }
        at += order == 3 ? 3 : 0;
    }
    return (long)n;
}

/* The same pictures in each run. */
static unsigned next_number(void)
{
    static uint32_t state = 7;
    state = state * 1664525 + 1013904223;
    return state >> 16;
}

static void any_picture_comes_back_as_it_was(void)
{
    static uint32_t picture[BITMAP_RLE_PIXELS_MAX], back[BITMAP_RLE_PIXELS_MAX];
    static uint8_t bytes[BITMAP_RLE_MAX_BYTES];
    for (unsigned round = 0; round < 400; round++) {
        unsigned width = 4 * (1 + next_number() % 16), height = 1 + next_number() % 64;
        unsigned colours = 1 + round % 9;
        bool wrong = false;
        for (unsigned i = 0; i < width * height; i++)
            picture[i] =
                next_number() % 4 && i ? picture[i - 1] : 0xab000000u + 0x10305 * (next_number() % colours);
        size_t len = bitmap_rle_encode(picture, width, width, height, 24, bytes);
        CU_ASSERT_EQUAL_FATAL(decode(bytes, len, width, back, BITMAP_RLE_PIXELS_MAX), (long)(width * height));
        for (unsigned y = 0; y < height; y++)
            for (unsigned x = 0; x < width; x++)
                wrong |= back[(height - 1 - y) * width + x] != (picture[y * width + x] & 0xffffff);
        CU_ASSERT_FALSE(wrong);
    }
}

static void one_colour_takes_few_bytes(void)
{
    static uint32_t picture[BITMAP_RLE_PIXELS_MAX];
    static uint8_t bytes[BITMAP_RLE_MAX_BYTES];
    CU_ASSERT_TRUE(bitmap_rle_encode(picture, 64, 64, 64, 24, bytes) < 16);
    CU_ASSERT_TRUE(bitmap_rle_encode(picture, 64, 64, 64, 16, bytes) < 16);
}

SUITE("bitmap_rle", TEST(any_picture_comes_back_as_it_was), TEST(one_colour_takes_few_bytes))
