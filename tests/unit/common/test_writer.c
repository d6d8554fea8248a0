#include "writer.h"

#include "suite.h"

static void writes_numbers_in_both_byte_orders(void)
{
    const uint8_t expected[] = {1, 2, 3, 5, 4, 6, 7, 8, 9, 13, 12, 11, 10};
    uint8_t bytes[sizeof expected];
    struct writer w = writer_init(bytes, sizeof bytes);
    writer_u8(&w, 1);
    writer_u16_be(&w, 0x0203);
    writer_u16_le(&w, 0x0405);
    writer_u32_be(&w, 0x06070809);
    writer_u32_le(&w, 0x0a0b0c0d);
    CU_ASSERT_TRUE(writer_ok(&w));
    CU_ASSERT_EQUAL(writer_len(&w), sizeof expected);
    CU_ASSERT_EQUAL(writer_left(&w), 0);
    CU_ASSERT_EQUAL(memcmp(bytes, expected, sizeof expected), 0);
}

static void an_overrun_is_sticky_and_writes_nothing(void)
{
    uint8_t bytes[4] = {9, 9, 9, 9};
    struct writer w = writer_init(bytes, 3);
    writer_u8(&w, 1);
    writer_u32_le(&w, 0x02020202);
    CU_ASSERT_FALSE(writer_ok(&w));
    writer_u8(&w, 3);
    writer_zero(&w, 1);
    writer_bytes(&w, "x", 1);
    CU_ASSERT_FALSE(writer_ok(&w));
    CU_ASSERT_EQUAL(writer_len(&w), 1);
    CU_ASSERT_EQUAL(memcmp(bytes, "\1\11\11\11", 4), 0);
}

static void each_width_refuses_one_byte_too_few(void)
{
    uint8_t bytes[4];
    struct writer w = writer_init(bytes, 0);
    writer_u8(&w, 1);
    CU_ASSERT_FALSE(writer_ok(&w));
    w = writer_init(bytes, 1);
    writer_u16_be(&w, 1);
    CU_ASSERT_FALSE(writer_ok(&w));
    w = writer_init(bytes, 1);
    writer_u16_le(&w, 1);
    CU_ASSERT_FALSE(writer_ok(&w));
    w = writer_init(bytes, 3);
    writer_u32_be(&w, 1);
    CU_ASSERT_FALSE(writer_ok(&w));
    w = writer_init(bytes, 3);
    CU_ASSERT_PTR_NULL(writer_take(&w, SIZE_MAX));
    CU_ASSERT_FALSE(writer_ok(&w));
}

static void a_length_is_filled_in_after_its_contents(void)
{
    uint8_t bytes[8];
    struct writer w = writer_init(bytes, sizeof bytes);
    uint8_t *len = writer_take(&w, 2);
    writer_bytes(&w, "abc", 3);
    CU_ASSERT_PTR_EQUAL_FATAL(len, bytes);
    put_u16_be(len, (uint16_t)writer_len(&w));
    CU_ASSERT_EQUAL(memcmp(bytes, "\0\5abc", 5), 0);
    put_u16_le(len, 0x0102);
    CU_ASSERT_EQUAL(memcmp(bytes, "\2\1abc", 5), 0);
}

static void zeroes_and_empty_pieces_fit(void)
{
    uint8_t bytes[3] = {9, 9, 9};
    struct writer w = writer_init(bytes, 2);
    writer_zero(&w, 2);
    writer_bytes(&w, NULL, 0);
    writer_zero(&w, 0);
    CU_ASSERT_TRUE(writer_ok(&w));
    CU_ASSERT_EQUAL(memcmp(bytes, "\0\0\11", 3), 0);
}

SUITE("writer", TEST(writes_numbers_in_both_byte_orders), TEST(an_overrun_is_sticky_and_writes_nothing),
      TEST(each_width_refuses_one_byte_too_few), TEST(a_length_is_filled_in_after_its_contents),
      TEST(zeroes_and_empty_pieces_fit))
