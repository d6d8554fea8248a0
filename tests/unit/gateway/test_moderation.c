#include "moderation.h"

#include "suite.h"

enum { SOON_NS = MODERATION_GAP_NS / 4, LITTLE_BYTES = 400 };

/* COUNT wake-ups in a row, each after GAP_NS with so many BYTES; whether it rests after the last one. */
static bool wake(struct moderation *m, unsigned count, uint64_t gap_ns, uint64_t bytes)
{
    bool rests = false;
    while (count--)
        rests = moderation_read(m, m->latest_ns + gap_ns, bytes);
    return rests;
}

static void a_stream_of_little_rests_after_some_wake_ups(void)
{
    struct moderation m = {0};
    CU_ASSERT_FALSE(wake(&m, MODERATION_STREAK - 1, SOON_NS, LITTLE_BYTES));
    CU_ASSERT_TRUE(wake(&m, 1, SOON_NS, LITTLE_BYTES));
    CU_ASSERT_TRUE(m.resting);
}

static void it_rests_on_while_each_look_brings_something(void)
{
    struct moderation m = {0};
    CU_ASSERT_TRUE(wake(&m, MODERATION_STREAK, SOON_NS, LITTLE_BYTES));
    CU_ASSERT_TRUE(wake(&m, 1, SOON_NS, MODERATION_MUCH_BYTES * 2));
    CU_ASSERT_TRUE(wake(&m, 1, MODERATION_GAP_NS * 5, LITTLE_BYTES)); /* the worker was busy with others */
    CU_ASSERT_FALSE(wake(&m, 1, SOON_NS, 0));
    CU_ASSERT_FALSE(m.resting);
    CU_ASSERT_FALSE(wake(&m, MODERATION_STREAK - 1, SOON_NS, LITTLE_BYTES));
}

static void what_comes_with_pauses_is_read_at_once(void)
{
    struct moderation m = {0};
    CU_ASSERT_FALSE(wake(&m, 1000, MODERATION_GAP_NS + 1, LITTLE_BYTES));
    CU_ASSERT_FALSE(wake(&m, MODERATION_STREAK - 1, SOON_NS, LITTLE_BYTES));
    CU_ASSERT_FALSE(wake(&m, 1, MODERATION_GAP_NS + 1, LITTLE_BYTES));
}

static void wake_ups_that_bring_much_are_left_as_they_are(void)
{
    struct moderation m = {0};
    CU_ASSERT_FALSE(wake(&m, 1000, SOON_NS, MODERATION_MUCH_BYTES));
}

static void a_byte_of_the_other_side_ends_it(void)
{
    struct moderation m = {0};
    CU_ASSERT_TRUE(wake(&m, MODERATION_STREAK, SOON_NS, LITTLE_BYTES));
    moderation_end(&m);
    CU_ASSERT_FALSE(m.resting);
    for (unsigned i = 0; i < 100; i++) { /* questions and answers never get there */
        CU_ASSERT_FALSE(wake(&m, 1, SOON_NS, LITTLE_BYTES));
        moderation_end(&m);
    }
}

SUITE("moderation", TEST(a_stream_of_little_rests_after_some_wake_ups),
      TEST(it_rests_on_while_each_look_brings_something), TEST(what_comes_with_pauses_is_read_at_once),
      TEST(wake_ups_that_bring_much_are_left_as_they_are), TEST(a_byte_of_the_other_side_ends_it))
