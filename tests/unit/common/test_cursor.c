#include "cursor.h"

#include <string.h>

#include "suite.h"

static void reads_numbers_in_both_byte_orders(void)
{
    const uint8_t bytes[] = {1, 2, 3, 4, 5, 1, 2, 3, 4, 0xff, 0xfe, 0xfd, 0xfc};
    struct cursor c = cursor_init(bytes, sizeof bytes);
    CU_ASSERT_EQUAL(cursor_u8(&c), 1);
    CU_ASSERT_EQUAL(cursor_u16_be(&c), 0x0203);
    CU_ASSERT_EQUAL(cursor_u16_le(&c), 0x0504);
    CU_ASSERT_EQUAL(cursor_u32_be(&c), 0x01020304);
    CU_ASSERT_EQUAL(cursor_u32_le(&c), 0xfcfdfeffu);
    CU_ASSERT_EQUAL(cursor_left(&c), 0);
    CU_ASSERT_TRUE(cursor_ok(&c));
}

static void an_overrun_is_sticky_and_reads_zero(void)
{
    const uint8_t bytes[] = {0xaa, 0xbb, 0xcc};
    struct cursor c = cursor_init(bytes, sizeof bytes);
    CU_ASSERT_EQUAL(cursor_u32_le(&c), 0);
    CU_ASSERT_FALSE(cursor_ok(&c));
    CU_ASSERT_EQUAL(cursor_u8(&c), 0);
    CU_ASSERT_EQUAL(cursor_u16_be(&c), 0);
    CU_ASSERT_EQUAL(cursor_left(&c), 0);
    CU_ASSERT_PTR_NULL(cursor_take(&c, 0));
}

static void each_width_refuses_one_byte_too_few(void)
{
    const uint8_t bytes[] = {1, 2, 3};
    struct cursor c = cursor_init(bytes, 0);
    CU_ASSERT_EQUAL(cursor_u8(&c), 0);
    CU_ASSERT_FALSE(cursor_ok(&c));
    c = cursor_init(bytes, 1);
    CU_ASSERT_EQUAL(cursor_u16_be(&c), 0);
    CU_ASSERT_FALSE(cursor_ok(&c));
    c = cursor_init(bytes, 1);
    CU_ASSERT_EQUAL(cursor_u16_le(&c), 0);
    CU_ASSERT_FALSE(cursor_ok(&c));
    c = cursor_init(bytes, 3);
    CU_ASSERT_EQUAL(cursor_u32_be(&c), 0);
    CU_ASSERT_FALSE(cursor_ok(&c));
}

static void a_length_near_the_top_of_size_t_is_refused(void)
{
    const uint8_t bytes[] = {1, 2, 3};
    struct cursor c = cursor_init(bytes, sizeof bytes);
    cursor_skip(&c, 1);
    CU_ASSERT_PTR_NULL(cursor_take(&c, SIZE_MAX));
    CU_ASSERT_FALSE(cursor_ok(&c));
}

static void takes_exactly_what_is_left(void)
{
    const uint8_t bytes[] = {1, 2, 3};
    struct cursor c = cursor_init(bytes, sizeof bytes);
    const uint8_t *p = cursor_take(&c, 3);
    CU_ASSERT_PTR_EQUAL(p, bytes);
    CU_ASSERT_TRUE(cursor_ok(&c));
    CU_ASSERT_PTR_NOT_NULL(cursor_take(&c, 0));
    CU_ASSERT_TRUE(cursor_ok(&c));
}

static void a_fence_keeps_the_inner_reader_in(void)
{
    const uint8_t bytes[] = {1, 2, 3, 4};
    struct cursor c = cursor_init(bytes, sizeof bytes);
    struct cursor sub = cursor_sub(&c, 2);
    CU_ASSERT_EQUAL(cursor_u32_be(&sub), 0);
    CU_ASSERT_FALSE(cursor_ok(&sub));
    CU_ASSERT_TRUE(cursor_ok(&c));
    CU_ASSERT_EQUAL(cursor_u16_be(&c), 0x0304);
}

static void refuses_an_inner_length_past_its_parent(void)
{
    const uint8_t bytes[] = {1, 2};
    struct cursor c = cursor_init(bytes, sizeof bytes);
    struct cursor sub = cursor_sub(&c, 3);
    CU_ASSERT_FALSE(cursor_ok(&sub));
    CU_ASSERT_FALSE(cursor_ok(&c));
    CU_ASSERT_EQUAL(cursor_left(&sub), 0);
    CU_ASSERT_EQUAL(cursor_u8(&sub), 0);
}

static void peeking_moves_nothing_and_never_overruns(void)
{
    const uint8_t bytes[] = {7};
    struct cursor c = cursor_init(bytes, sizeof bytes);
    CU_ASSERT_EQUAL(cursor_peek_u8(&c), 7);
    CU_ASSERT_EQUAL(cursor_u8(&c), 7);
    CU_ASSERT_EQUAL(cursor_peek_u8(&c), 0);
    CU_ASSERT_TRUE(cursor_ok(&c));
}

static void no_bytes_at_all_are_fine(void)
{
    struct cursor c = cursor_init(NULL, 0);
    CU_ASSERT_EQUAL(cursor_left(&c), 0);
    cursor_skip(&c, 0);
    CU_ASSERT_TRUE(cursor_ok(&c));
    struct cursor sub = cursor_sub(&c, 0);
    CU_ASSERT_TRUE(cursor_ok(&sub));
    CU_ASSERT_EQUAL(cursor_u8(&c), 0);
    CU_ASSERT_FALSE(cursor_ok(&c));
}

SUITE("cursor", TEST(reads_numbers_in_both_byte_orders), TEST(an_overrun_is_sticky_and_reads_zero),
      TEST(each_width_refuses_one_byte_too_few), TEST(a_length_near_the_top_of_size_t_is_refused),
      TEST(takes_exactly_what_is_left), TEST(a_fence_keeps_the_inner_reader_in),
      TEST(refuses_an_inner_length_past_its_parent), TEST(peeking_moves_nothing_and_never_overruns),
      TEST(no_bytes_at_all_are_fine))
