#include "base64.h"

#include <string.h>

#include "suite.h"

static void every_length_comes_back(void)
{
    uint8_t bytes[64], again[64];
    for (size_t len = 0; len <= sizeof bytes; len++) {
        char text[BASE64_SIZE(sizeof bytes)];
        size_t n = 99;
        for (size_t i = 0; i < len; i++)
            bytes[i] = (uint8_t)(i * 37);
        base64_encode(bytes, len, text);
        CU_ASSERT_EQUAL(strlen(text) + 1, BASE64_SIZE(len));
        CU_ASSERT_EQUAL(base64_decode(text, again, sizeof again, &n), 0);
        CU_ASSERT_EQUAL(n, len);
        CU_ASSERT_EQUAL(memcmp(bytes, again, len), 0);
    }
}

static void refuses_what_is_none(void)
{
    uint8_t bytes[64];
    size_t n;
    CU_ASSERT_EQUAL(base64_decode("AAA", bytes, sizeof bytes, &n), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(base64_decode("AA A", bytes, sizeof bytes, &n), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(base64_decode("AAAA====", bytes, sizeof bytes, &n), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(base64_decode("-_-_", bytes, sizeof bytes, &n), CE_BAD_INPUT);
}

static void writes_no_further_than_it_may(void)
{
    uint8_t bytes[5] = {0, 0, 0, 0, 0x5a};
    size_t n;
    CU_ASSERT_EQUAL(base64_decode("AQIDBA==", bytes, 4, &n), 0);
    CU_ASSERT_EQUAL(n, 4);
    CU_ASSERT_NOT_EQUAL(base64_decode("AQIDBAU=", bytes, 4, &n), 0);
    CU_ASSERT_EQUAL(base64_decode("AQIDBAUGBwgJCgsM", bytes, 4, &n), CE_LIMIT);
    CU_ASSERT_EQUAL(bytes[4], 0x5a);
}

SUITE("base64", TEST(every_length_comes_back), TEST(refuses_what_is_none),
      TEST(writes_no_further_than_it_may))
