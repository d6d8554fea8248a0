#include "pool_sizing.h"

#include "suite.h"

static struct pool_row floating(uint32_t spare, uint32_t max)
{
    return (struct pool_row){.kind = POOL_FLOATING, .enabled = true, .spare = spare, .max = max};
}

static void an_empty_pool_starts_its_spare(void)
{
    struct pool_row pool = floating(2, 10);
    struct pool_plan plan = pool_sizing_plan(&pool, &(struct pool_count){0}, 1000);
    CU_ASSERT_EQUAL(plan.create, 2);
    CU_ASSERT_EQUAL(plan.remove, 0);
}

static void guests_on_their_way_count_as_spare(void)
{
    struct pool_row pool = floating(3, 10);
    struct pool_plan plan =
        pool_sizing_plan(&pool, &(struct pool_count){.total = 3, .free_ready = 1, .coming = 2}, 1000);
    CU_ASSERT_EQUAL(plan.create, 0);
    CU_ASSERT_EQUAL(plan.remove, 0);
}

static void sessions_that_wait_are_demand_beyond_the_spare(void)
{
    struct pool_row pool = floating(1, 10);
    pool.waiting = 3;
    struct pool_plan plan = pool_sizing_plan(&pool, &(struct pool_count){.total = 2, .coming = 1}, 1000);
    CU_ASSERT_EQUAL(plan.create, 3);
}

static void every_row_counts_against_the_maximum(void)
{
    struct pool_row pool = floating(2, 4);
    pool.waiting = 5;
    struct pool_plan plan = pool_sizing_plan(&pool, &(struct pool_count){.total = 3}, 1000);
    CU_ASSERT_EQUAL(plan.create, 1);
    plan = pool_sizing_plan(&pool, &(struct pool_count){.total = 4}, 1000);
    CU_ASSERT_EQUAL(plan.create, 0);
    plan = pool_sizing_plan(&pool, &(struct pool_count){.total = 6}, 1000);
    CU_ASSERT_EQUAL(plan.create, 0);
}

static void too_many_ready_guests_are_given_back(void)
{
    struct pool_row pool = floating(1, 10);
    struct pool_plan plan = pool_sizing_plan(&pool, &(struct pool_count){.total = 4, .free_ready = 3}, 1000);
    CU_ASSERT_EQUAL(plan.create, 0);
    CU_ASSERT_EQUAL(plan.remove, 2);
    pool.max = 2;
    plan = pool_sizing_plan(&pool, &(struct pool_count){.total = 5, .free_ready = 1}, 1000);
    CU_ASSERT_EQUAL(plan.remove, 1);
}

static void guests_of_an_older_image_go_when_fresh_ones_stand(void)
{
    struct pool_row pool = floating(2, 10);
    struct pool_plan plan =
        pool_sizing_plan(&pool, &(struct pool_count){.total = 2, .free_ready = 2, .stale = 2}, 1000);
    CU_ASSERT_EQUAL(plan.create, 2);
    CU_ASSERT_EQUAL(plan.remove, 0);
    plan = pool_sizing_plan(&pool, &(struct pool_count){.total = 4, .free_ready = 4, .stale = 2}, 1000);
    CU_ASSERT_EQUAL(plan.create, 0);
    CU_ASSERT_EQUAL(plan.remove, 2);
}

static void guests_of_an_older_image_make_room_in_a_full_pool(void)
{
    struct pool_row pool = floating(2, 2);
    struct pool_plan plan =
        pool_sizing_plan(&pool, &(struct pool_count){.total = 2, .free_ready = 2, .stale = 2}, 1000);
    CU_ASSERT_EQUAL(plan.create, 0);
    CU_ASSERT_EQUAL(plan.remove, 2);
}

static void closed_stopped_and_deleted_pools_start_nothing(void)
{
    struct pool_row pool = floating(2, 10);
    pool.enabled = false;
    CU_ASSERT_EQUAL(pool_sizing_plan(&pool, &(struct pool_count){0}, 1000).create, 0);
    pool.enabled = true;
    pool.stopped = true;
    CU_ASSERT_EQUAL(pool_sizing_plan(&pool, &(struct pool_count){0}, 1000).create, 0);
    pool.stopped = false;
    pool.deleting = true;
    CU_ASSERT_EQUAL(pool_sizing_plan(&pool, &(struct pool_count){0}, 1000).create, 0);
}

static void nothing_starts_before_the_pause_is_over(void)
{
    struct pool_row pool = floating(3, 10);
    pool.failures = 2;
    pool.retry_at_ms = 5000;
    struct pool_plan plan = pool_sizing_plan(&pool, &(struct pool_count){0}, 4999);
    CU_ASSERT_EQUAL(plan.create, 0);
    CU_ASSERT_EQUAL(plan.wait_until_ms, 5000);
}

static void after_a_failure_one_guest_goes_ahead(void)
{
    struct pool_row pool = floating(3, 10);
    pool.failures = 2;
    pool.retry_at_ms = 5000;
    struct pool_plan plan = pool_sizing_plan(&pool, &(struct pool_count){0}, 5000);
    CU_ASSERT_EQUAL(plan.create, 1);
    plan = pool_sizing_plan(&pool, &(struct pool_count){.total = 1, .coming = 1}, 5001);
    CU_ASSERT_EQUAL(plan.create, 0);
}

static void pauses_double_up_to_the_longest(void)
{
    struct pool_row pool = floating(1, 1);
    const int64_t expected[] = {5000, 10000, 20000, 40000, 60000, 60000};
    int64_t now_ms = 1000000;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        struct pool_backoff next = pool_backoff_next(&pool, now_ms, 5000, 60000, 100);
        CU_ASSERT_EQUAL(next.failures, i + 1);
        CU_ASSERT_EQUAL(next.retry_at_ms - now_ms, expected[i]);
        CU_ASSERT_FALSE(next.stopped);
        pool.failures = next.failures;
        pool.retry_at_ms = next.retry_at_ms;
        now_ms = next.retry_at_ms;
    }
}

static void guests_that_fail_together_are_one_failure(void)
{
    struct pool_row pool = floating(4, 4);
    pool.failures = 1;
    pool.retry_at_ms = 9000;
    struct pool_backoff next = pool_backoff_next(&pool, 8000, 5000, 60000, 8);
    CU_ASSERT_EQUAL(next.failures, 1);
    CU_ASSERT_EQUAL(next.retry_at_ms, 9000);
}

static void a_pool_stops_at_the_limit(void)
{
    struct pool_row pool = floating(1, 1);
    pool.failures = 7;
    pool.retry_at_ms = 1000;
    CU_ASSERT_TRUE(pool_backoff_next(&pool, 2000, 5000, 60000, 8).stopped);
    CU_ASSERT_FALSE(pool_backoff_next(&pool, 2000, 5000, 60000, 9).stopped);
    CU_ASSERT_FALSE(pool_backoff_next(&pool, 2000, 5000, 60000, 0).stopped);
}

SUITE("pool_sizing", TEST(an_empty_pool_starts_its_spare), TEST(guests_on_their_way_count_as_spare),
      TEST(sessions_that_wait_are_demand_beyond_the_spare), TEST(every_row_counts_against_the_maximum),
      TEST(too_many_ready_guests_are_given_back), TEST(guests_of_an_older_image_go_when_fresh_ones_stand),
      TEST(guests_of_an_older_image_make_room_in_a_full_pool),
      TEST(closed_stopped_and_deleted_pools_start_nothing), TEST(nothing_starts_before_the_pause_is_over),
      TEST(after_a_failure_one_guest_goes_ahead), TEST(pauses_double_up_to_the_longest),
      TEST(guests_that_fail_together_are_one_failure), TEST(a_pool_stops_at_the_limit))
