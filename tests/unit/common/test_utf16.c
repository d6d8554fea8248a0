#include "utf16.h"

#include <string.h>

#include "suite.h"

static int there(const char *text, uint8_t *out, size_t capacity, size_t *ret_len)
{
    return utf16_from_utf8(text, strlen(text), out, capacity, ret_len);
}

static void every_plane_survives_the_way_there_and_back(void)
{
    static const char *const texts[] = {"",
                                        "a",
                                        "A-z 09 ~",
                                        "\xc3\xab",
                                        "\xdf\xbf",
                                        "\xe0\xa0\x80",
                                        "\xe2\x82\xac",
                                        "\xed\x9f\xbf",
                                        "\xee\x80\x80",
                                        "\xef\xbf\xbf",
                                        "\xf0\x90\x80\x80",
                                        "\xf4\x8f\xbf\xbf",
                                        "\x7f\xc2\x80 \xf0\x9f\x93\x96 x"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        uint8_t utf16[64];
        char back[64];
        size_t len = 99, back_len = 99;
        CU_ASSERT_EQUAL(there(texts[i], utf16, sizeof utf16, &len), 0);
        CU_ASSERT_EQUAL(utf16_to_utf8(utf16, len, back, sizeof back, &back_len), 0);
        CU_ASSERT_STRING_EQUAL(back, texts[i]);
        CU_ASSERT_EQUAL(back_len, strlen(texts[i]));
    }
}

static void writes_little_endian_units_and_surrogate_pairs(void)
{
    uint8_t out[8];
    size_t len;
    CU_ASSERT_EQUAL(there("\xe2\x82\xac\xf0\x9f\x93\x96", out, sizeof out, &len), 0);
    CU_ASSERT_EQUAL(len, 6);
    CU_ASSERT_EQUAL(memcmp(out, "\xac\x20\x3d\xd8\xd6\xdc", 6), 0);
}

static void refuses_what_is_no_utf8(void)
{
    static const char *const bad[] = {"\x80",
                                      "\xc3",
                                      "\xc3(",
                                      "\xe2\x82",
                                      "\xe2(\xa1",
                                      "\xf0\x9f\x93",
                                      "\xff",
                                      "\xfe",
                                      "\xc0\xaf",
                                      "\xc1\xbf",
                                      "\xe0\x80\xaf",
                                      "\xf0\x80\x80\xaf",
                                      "\xed\xa0\x80",
                                      "\xed\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf8\x88\x80\x80\x80",
                                      "ok\xc3"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t out[32];
        size_t len = 4711;
        CU_ASSERT_EQUAL(there(bad[i], out, sizeof out, &len), CE_BAD_INPUT);
        CU_ASSERT_EQUAL(len, 4711);
    }
    uint8_t out[8];
    size_t len;
    CU_ASSERT_EQUAL(utf16_from_utf8("a\0b", 3, out, sizeof out, &len), CE_BAD_INPUT);
}

static void refuses_what_is_no_utf16(void)
{
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {{"a", 1},        {"\x00\x00", 2},         {"a\0\0\0", 4},         {"\x00\xd8", 2},
               {"\x00\xdc", 2}, {"\x00\xd8\x41\x00", 4}, {"\x00\xd8\x00\xd8", 4}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char out[16];
        size_t len = 4711;
        CU_ASSERT_EQUAL(utf16_to_utf8((const uint8_t *)bad[i].bytes, bad[i].len, out, sizeof out, &len),
                        CE_BAD_INPUT);
        CU_ASSERT_EQUAL(len, 4711);
    }
}

static void a_buffer_too_small_is_a_limit(void)
{
    uint8_t out[8];
    char text[8];
    size_t len;
    CU_ASSERT_EQUAL(there("abc", out, 6, &len), 0);
    CU_ASSERT_EQUAL(there("abc", out, 5, &len), CE_LIMIT);
    CU_ASSERT_EQUAL(there("\xf0\x9f\x93\x96", out, 3, &len), CE_LIMIT);
    CU_ASSERT_EQUAL(utf16_to_utf8((const uint8_t *)"a\0b\0", 4, text, 3, &len), 0);
    CU_ASSERT_EQUAL(utf16_to_utf8((const uint8_t *)"a\0b\0", 4, text, 2, &len), CE_LIMIT);
    CU_ASSERT_EQUAL(utf16_to_utf8((const uint8_t *)"", 0, text, 0, &len), CE_LIMIT);
    CU_ASSERT_EQUAL(utf16_to_utf8((const uint8_t *)"", 0, text, 1, &len), 0);
}

SUITE("utf16", TEST(every_plane_survives_the_way_there_and_back),
      TEST(writes_little_endian_units_and_surrogate_pairs), TEST(refuses_what_is_no_utf8),
      TEST(refuses_what_is_no_utf16), TEST(a_buffer_too_small_is_a_limit))
