#include "ppm_png.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "suite.h"

static uint32_t u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void reads_what_qemu_writes_and_refuses_the_rest(void)
{
    struct ppm ppm;
    static const char good[] = "P6\n# a comment\n2 1\n255\nabcdef";
    CU_ASSERT_EQUAL_FATAL(ppm_parse(good, sizeof good - 1, &ppm), 0);
    CU_ASSERT_EQUAL(ppm.width, 2);
    CU_ASSERT_EQUAL(ppm.height, 1);
    CU_ASSERT_EQUAL(memcmp(ppm.pixels, "abcdef", 6), 0);
    static const char *const bad[] = {"",
                                      "P6",
                                      "P5\n2 1\n255\nabcdef",
                                      "P6\n2 1\n255\nabcde",
                                      "P6\n0 1\n255\n",
                                      "P6\n2 1\n65535\nabcdefabcdef",
                                      "P6\n99999999999 1\n255\nabcdef",
                                      "P6 2 -1 255 abcdef",
                                      "P6\n16384 16384\n255\nabc",
                                      "P6\n2 1\n255"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CU_ASSERT_EQUAL(ppm_parse(bad[i], strlen(bad[i]), &ppm), CE_BAD_INPUT);
}

/* What comes out is taken apart as the standard says, and has the same pixels. */
static void a_png_has_the_pixels_of_the_ppm(void)
{
    enum { W = 37, H = 11, LINE = W * 3 };
    uint8_t pixels[LINE * H], lines[(LINE + 1) * H], *png = NULL;
    size_t len = 0;
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * i / 7);
    const struct ppm ppm = {.width = W, .height = H, .pixels = pixels};
    CU_ASSERT_EQUAL_FATAL(ppm_to_png(&ppm, &png, &len), 0);
    CU_ASSERT_TRUE(png_is(png, len));
    const uint8_t *at = png + 8;
    CU_ASSERT_EQUAL(u32(at), 13);
    CU_ASSERT_EQUAL(memcmp(at + 4, "IHDR", 4), 0);
    CU_ASSERT_EQUAL(u32(at + 8), W);
    CU_ASSERT_EQUAL(u32(at + 12), H);
    for (int chunk = 0; chunk < 3; chunk++) {
        uint32_t size = u32(at);
        CU_ASSERT_EQUAL(u32(at + 8 + size), crc32(0, at + 4, size + 4));
        if (chunk == 1) {
            uLongf room = sizeof lines;
            CU_ASSERT_EQUAL_FATAL(uncompress(lines, &room, at + 8, size), Z_OK);
            CU_ASSERT_EQUAL(room, sizeof lines);
        }
        at += 12 + size;
    }
    CU_ASSERT_EQUAL((size_t)(at - png), len);
    CU_ASSERT_EQUAL(memcmp(png + len - 8, "IEND", 4), 0);
    for (int y = 0; y < H; y++) {
        uint8_t *line = lines + y * (LINE + 1);
        CU_ASSERT_EQUAL(line[0], 1);
        for (int x = 3; x < LINE; x++)
            line[1 + x] = (uint8_t)(line[1 + x] + line[1 + x - 3]);
        CU_ASSERT_EQUAL(memcmp(line + 1, pixels + y * LINE, LINE), 0);
    }
    free(png);
}

SUITE("ppm_png", TEST(reads_what_qemu_writes_and_refuses_the_rest), TEST(a_png_has_the_pixels_of_the_ppm))
