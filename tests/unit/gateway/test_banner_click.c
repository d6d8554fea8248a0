#include "banner_click.h"

#include <string.h>

#include "suite.h"
#include "writer.h"

enum { MOVE = 0x0800, DOWN = 0x9000, UP = 0x1000, RIGHT_DOWN = 0xa000 };

static const struct banner_click fresh = {.left = 100, .top = 16, .width = 600, .height = 60};

/* One mouse event in fast path, and what it is afterwards. */
static uint16_t fast(struct banner_click *click, uint16_t flags, uint16_t x, uint16_t y)
{
    uint8_t pdu[16];
    struct writer w = writer_init(pdu, sizeof pdu);
    writer_u8(&w, 2 << 2); /* two events */
    writer_u8(&w, 2 + 2 + 7);
    writer_u8(&w, 0x01); /* a key goes up */
    writer_u8(&w, 0x1e);
    writer_u8(&w, 1 << 5);
    writer_u16_le(&w, flags);
    writer_u16_le(&w, x);
    writer_u16_le(&w, y);
    uint8_t before[16];
    memcpy(before, pdu, sizeof before);
    banner_click_fast_path(click, pdu, writer_len(&w));
    uint16_t after = (uint16_t)(pdu[5] | pdu[6] << 8);
    memcpy(before + 5, pdu + 5, 2);
    CU_ASSERT_EQUAL(memcmp(before, pdu, writer_len(&w)), 0); /* nothing else has changed */
    return after;
}

static uint16_t slow(struct banner_click *click, uint16_t flags, uint16_t x, uint16_t y)
{
    uint8_t payload[64] = {0};
    struct writer w = writer_init(payload, sizeof payload);
    writer_zero(&w, 18);
    writer_u16_le(&w, 1);
    writer_u16_le(&w, 0);
    writer_u32_le(&w, 0);
    writer_u16_le(&w, 0x8001);
    writer_u16_le(&w, flags);
    writer_u16_le(&w, x);
    writer_u16_le(&w, y);
    banner_click_slow_path(click, payload, writer_len(&w));
    return (uint16_t)(payload[28] | payload[29] << 8);
}

static void a_click_on_it_becomes_a_movement(void)
{
    struct banner_click click = fresh;
    CU_ASSERT_EQUAL(fast(&click, MOVE, 300, 40), MOVE);
    CU_ASSERT_FALSE(click.clicked);
    CU_ASSERT_EQUAL(fast(&click, DOWN, 100, 16), MOVE);
    CU_ASSERT_TRUE(click.clicked);
    CU_ASSERT_EQUAL(fast(&click, UP, 900, 700), MOVE); /* let go elsewhere: the guest never saw it go down */
    CU_ASSERT_EQUAL(click.held, 0);
    click = fresh;
    CU_ASSERT_EQUAL(slow(&click, DOWN, 699, 75), MOVE);
    CU_ASSERT_TRUE(click.clicked);
    CU_ASSERT_EQUAL(slow(&click, UP, 699, 75), MOVE);
}

static void what_is_beside_it_passes(void)
{
    struct banner_click click = fresh;
    CU_ASSERT_EQUAL(fast(&click, DOWN, 99, 40), DOWN);
    CU_ASSERT_EQUAL(fast(&click, UP, 300, 40), UP); /* a button that went down elsewhere */
    CU_ASSERT_EQUAL(fast(&click, DOWN, 700, 40), DOWN);
    CU_ASSERT_EQUAL(fast(&click, DOWN, 300, 76), DOWN);
    CU_ASSERT_EQUAL(slow(&click, DOWN, 300, 15), DOWN);
    CU_ASSERT_FALSE(click.clicked);
    CU_ASSERT_EQUAL(fast(&click, RIGHT_DOWN, 300, 40), MOVE);
    CU_ASSERT_EQUAL(fast(&click, UP, 300, 40), UP); /* of another button */
}

static void an_empty_one_takes_none_but_the_release(void)
{
    struct banner_click click = {.held = UP};
    CU_ASSERT_EQUAL(fast(&click, DOWN, 0, 0), DOWN);
    CU_ASSERT_EQUAL(fast(&click, UP, 0, 0), MOVE);
    CU_ASSERT_EQUAL(fast(&click, UP, 0, 0), UP);
}

static void a_cut_pdu_changes_nothing_behind_its_end(void)
{
    uint8_t payload[40];
    memset(payload, 0x80, sizeof payload);
    payload[18] = 3;
    payload[19] = 0;
    for (size_t cut = 0; cut < sizeof payload; cut++) {
        struct banner_click click = {.left = 0, .top = 0, .width = 65535, .height = 65535};
        uint8_t copy[sizeof payload];
        memcpy(copy, payload, sizeof payload);
        banner_click_slow_path(&click, copy, cut);
        CU_ASSERT_EQUAL(memcmp(copy + cut, payload + cut, sizeof payload - cut), 0);
    }
}

SUITE("banner_click", TEST(a_click_on_it_becomes_a_movement), TEST(what_is_beside_it_passes),
      TEST(an_empty_one_takes_none_but_the_release), TEST(a_cut_pdu_changes_nothing_behind_its_end))
