#include "banner_paint.h"

#include <stdlib.h>
#include <string.h>

#include "banner_picture.h"
#include "suite.h"

static struct banner_request request_of(unsigned width, unsigned height, unsigned scale, unsigned depth)
{
    struct banner_request r = {.width = width, .height = height, .scale = scale, .depth = depth};
    strcpy(r.text, "The desktops are switched off at 18:00. Please save your work.");
    return r;
}

/* The picture's size; 0 where it is none. */
static struct banner_picture paint(const struct banner_request *r)
{
    uint8_t *bytes = NULL;
    size_t len;
    struct banner_picture p = {.width = 0};
    CU_ASSERT_EQUAL_FATAL(banner_paint(r, &bytes, &len), 0);
    CU_ASSERT_EQUAL(banner_picture_parse(bytes, len, &p), 0);
    CU_ASSERT_EQUAL(p.depth, r->depth);
    size_t at = p.at, pixels = 0;
    for (unsigned i = 0; i < p.count; i++) {
        struct banner_tile t;
        CU_ASSERT_EQUAL_FATAL(banner_tile_next(bytes, len, &at, &t), 0);
        pixels += (size_t)t.width * t.height;
    }
    CU_ASSERT_EQUAL(pixels, (size_t)p.width * p.height); /* the tiles are all of it */
    CU_ASSERT_EQUAL(at, len);
    free(bytes);
    return p;
}

static void fits_every_screen_and_depth(void)
{
    static const unsigned sizes[][3] = {{200, 200, 100},   {640, 480, 100},   {1280, 800, 100},
                                        {1920, 1080, 200}, {3840, 2160, 200}, {8192, 8192, 500},
                                        {200, 8192, 500},  {8192, 200, 500}};
    static const unsigned depths[] = {15, 16, 24, 32};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct banner_request r = request_of(sizes[i][0], sizes[i][1], sizes[i][2], depths[i % 4]);
        struct banner_picture p = paint(&r);
        CU_ASSERT_TRUE(p.width > 0 && p.width <= r.width && p.height <= r.height);
        CU_ASSERT_EQUAL(p.width % 4, 0);
    }
}

static void grows_with_the_scale_and_the_text(void)
{
    struct banner_request small = request_of(1920, 1080, 100, 24), large = request_of(1920, 1080, 200, 24);
    struct banner_picture a = paint(&small), b = paint(&large);
    CU_ASSERT_TRUE(b.width > a.width && b.height > a.height);
    memset(small.text, 'w', sizeof small.text - 1);
    struct banner_picture c = paint(&small);
    CU_ASSERT_TRUE(c.width == a.width && c.height > a.height);
}

static void a_request_comes_through_as_it_was(void)
{
    char bytes[BANNER_MESSAGE_MAX_BYTES];
    size_t len;
    struct banner_request r = request_of(1280, 800, 125, 16), back = {.width = 0};
    memset(r.text, 1, sizeof r.text - 1); /* the longest that JSON can make of a text */
    CU_ASSERT_EQUAL_FATAL(banner_request_write(&r, bytes, &len), 0);
    CU_ASSERT_EQUAL(banner_request_read(bytes, len, &back), 0);
    CU_ASSERT_STRING_EQUAL(back.text, r.text);
    CU_ASSERT_TRUE(back.width == 1280 && back.height == 800 && back.scale == 125 && back.depth == 16);
}

static void refuses_what_is_no_request(void)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"text\":\"\",\"width\":800,\"height\":600,\"scale\":100,\"depth\":24}",
        "{\"text\":\"a\",\"width\":80,\"height\":600,\"scale\":100,\"depth\":24}",
        "{\"text\":\"a\",\"width\":800,\"height\":600,\"scale\":1000,\"depth\":24}",
        "{\"text\":\"a\",\"width\":800,\"height\":600,\"scale\":100,\"depth\":8}",
        "{\"text\":\"a\",\"width\":\"800\",\"height\":600,\"scale\":100,\"depth\":24}"};
    struct banner_request r;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CU_ASSERT_EQUAL(banner_request_read(bad[i], strlen(bad[i]), &r), CE_BAD_INPUT);
}

SUITE("banner_paint", TEST(fits_every_screen_and_depth), TEST(grows_with_the_scale_and_the_text),
      TEST(a_request_comes_through_as_it_was), TEST(refuses_what_is_no_request))
