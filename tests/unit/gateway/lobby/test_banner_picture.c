#include "banner_picture.h"

#include <string.h>

#include "suite.h"

static uint8_t bytes[4096];

/* A picture of one raw tile and one compressed one. */
static size_t picture_write(uint16_t depth, struct banner_tile second)
{
    static const uint8_t data[64 * 4] = {9};
    struct writer w = writer_init(bytes, sizeof bytes);
    const struct banner_picture p = {.width = 68, .height = 20, .depth = depth, .count = 2};
    const struct banner_tile raw = {
        .width = 4, .height = 2, .len = (uint16_t)(8 * ((depth + 7) / 8)), .bytes = data};
    second.bytes = data;
    banner_picture_write(&w, &p);
    banner_tile_write(&w, &raw);
    banner_tile_write(&w, &second);
    return writer_len(&w);
}

static const struct banner_tile good = {.x = 64, .y = 2, .width = 4, .height = 18, .flags = 1, .len = 30};

static void comes_back_as_it_was(void)
{
    struct banner_picture p;
    struct banner_tile t;
    size_t len = picture_write(24, good);
    CU_ASSERT_EQUAL_FATAL(banner_picture_parse(bytes, len, &p), 0);
    CU_ASSERT_TRUE(p.width == 68 && p.height == 20 && p.depth == 24 && p.count == 2);
    size_t at = p.at;
    CU_ASSERT_EQUAL(banner_tile_next(bytes, len, &at, &t), 0);
    CU_ASSERT_TRUE(t.flags == 0 && t.len == 24);
    CU_ASSERT_EQUAL(banner_tile_next(bytes, len, &at, &t), 0);
    CU_ASSERT_TRUE(t.x == 64 && t.height == 18 && t.flags == 1 && t.len == 30);
    CU_ASSERT_EQUAL(at, len);
    CU_ASSERT_EQUAL(banner_tile_next(bytes, len, &at, &t), CE_BAD_INPUT);
}

static void refuses_every_cut_and_a_byte_too_many(void)
{
    struct banner_picture p;
    size_t len = picture_write(24, good);
    for (size_t cut = 0; cut < len; cut++)
        CU_ASSERT_EQUAL(banner_picture_parse(bytes, cut, &p), CE_BAD_INPUT);
    bytes[len] = 0;
    CU_ASSERT_EQUAL(banner_picture_parse(bytes, len + 1, &p), CE_BAD_INPUT);
}

static void refuses_tiles_outside_and_other_depths(void)
{
    struct banner_tile bad[] = {good, good, good, good, good};
    struct banner_picture p;
    bad[0].x = 68;
    bad[1].y = 3;
    bad[2].width = 3;
    bad[3].flags = 0; /* then the length must be that of the pixels */
    bad[4].flags = 2;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CU_ASSERT_EQUAL(banner_picture_parse(bytes, picture_write(24, bad[i]), &p), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(banner_picture_parse(bytes, picture_write(8, good), &p), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(banner_picture_parse(bytes, picture_write(32, good), &p), 0);
}

SUITE("banner_picture", TEST(comes_back_as_it_was), TEST(refuses_every_cut_and_a_byte_too_many),
      TEST(refuses_tiles_outside_and_other_depths))
