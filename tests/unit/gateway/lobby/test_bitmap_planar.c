#include "bitmap_planar.h"

#include <stdbool.h>
#include <string.h>

#include "suite.h"

enum { WIDTH = 64, HEIGHT = 32 };

/* One plane, decoded as MS-RDPEGDI 3.1.9.2 describes; the bytes that it took, or 0. */
static size_t plane_decode(const uint8_t *in, size_t len, unsigned width, unsigned height, uint8_t *out)
{
    size_t at = 0;
    for (unsigned y = 0; y < height; y++) {
        uint8_t last = 0;
        for (unsigned x = 0; x < width;) {
            if (at >= len)
                return 0;
            unsigned run = in[at] & 15, raw = in[at] >> 4;
            at++;
            if (run == 1 || run == 2) {
                run = 16 * run + raw;
                raw = 0;
            }
            if (x + raw + run > width || at + raw > len || raw + run == 0)
                return 0;
            for (unsigned i = 0; i < raw + run; i++, x++) {
                last = i < raw ? in[at + i] : last;
                uint8_t change = (uint8_t)(last & 1 ? -(last >> 1) - 1 : last >> 1);
                out[y * width + x] = y ? (uint8_t)(out[(y - 1) * width + x] + change) : last;
            }
            at += raw;
        }
    }
    return at;
}

static bool comes_back(const uint32_t *picture, unsigned width, unsigned height)
{
    static uint8_t bytes[BITMAP_PLANAR_MAX_BYTES(HEIGHT)], planes[4][WIDTH * HEIGHT];
    size_t len = bitmap_planar_encode(picture, width, width, height, bytes), at = 1;
    if (bytes[0] != 0x10 || len > sizeof bytes)
        return false;
    for (unsigned i = 0; i < 4; i++) {
        size_t n = plane_decode(bytes + at, len - at, width, height, planes[i]);
        if (!n)
            return false;
        at += n;
    }
    bool same = at == len; /* some clients refuse a byte too many */
    for (unsigned y = 0; y < height; y++)
        for (unsigned x = 0; x < width; x++) {
            unsigned k = (height - 1 - y) * width + x;
            uint32_t got = (uint32_t)planes[1][k] << 16 | (uint32_t)planes[2][k] << 8 | planes[3][k];
            same = same && planes[0][k] == 0xff && got == (picture[y * width + x] & 0xffffff);
        }
    return same;
}

static unsigned next_number(void)
{
    static uint32_t state = 11;
    state = state * 1664525 + 1013904223;
    return state >> 16;
}

static void any_picture_comes_back_as_it_was(void)
{
    static uint32_t picture[WIDTH * HEIGHT];
    for (unsigned round = 0; round < 400; round++) {
        unsigned width = 4 * (1 + next_number() % 16), height = 1 + next_number() % HEIGHT;
        for (unsigned i = 0; i < width * height; i++)
            picture[i] = next_number() % (1 + round % 60) && i
                             ? picture[i - 1]
                             : (uint32_t)next_number() << 16 | next_number();
        CU_ASSERT_TRUE_FATAL(comes_back(picture, width, height));
    }
}

static void every_length_of_a_run_comes_back(void)
{
    static uint32_t picture[WIDTH];
    for (unsigned run = 0; run <= WIDTH; run++) {
        for (unsigned x = 0; x < WIDTH; x++)
            picture[x] = x < run ? 0xffffff : x * 0x30507;
        CU_ASSERT_TRUE(comes_back(picture, WIDTH, 1));
    }
}

static void one_colour_takes_few_bytes(void)
{
    static uint32_t picture[WIDTH * HEIGHT];
    static uint8_t bytes[BITMAP_PLANAR_MAX_BYTES(HEIGHT)];
    memset(picture, 0xee, sizeof picture);
    CU_ASSERT_TRUE(bitmap_planar_encode(picture, WIDTH, WIDTH, HEIGHT, bytes) < 4 * (2 * HEIGHT + 4));
}

SUITE("bitmap_planar", TEST(any_picture_comes_back_as_it_was), TEST(every_length_of_a_run_comes_back),
      TEST(one_colour_takes_few_bytes))
