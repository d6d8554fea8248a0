#include "clock_watch.h"

#include "suite.h"

static void a_clock_that_runs_is_no_step(void)
{
    struct clock_watch watch = {0};
    CU_ASSERT_EQUAL(clock_watch_step(&watch, 1000000, 50), 0);
    CU_ASSERT_EQUAL(clock_watch_step(&watch, 1005000, 5050), 0);
    CU_ASSERT_EQUAL(clock_watch_step(&watch, 1011900, 10050), 0); /* disciplined */
    CU_ASSERT_EQUAL(clock_watch_step(&watch, 1015400, 15050), 0);
}

static void a_step_is_told_once_with_its_length(void)
{
    struct clock_watch watch = {0};
    CU_ASSERT_EQUAL(clock_watch_step(&watch, 90000000, 50), 0);
    CU_ASSERT_EQUAL(clock_watch_step(&watch, 3605000, 5050), 3600000 - 90000000);
    CU_ASSERT_EQUAL(clock_watch_step(&watch, 3610000, 10050), 0);
    CU_ASSERT_EQUAL(clock_watch_step(&watch, 90000000, 15050), 90000000 - 3615000);
}

static void a_pause_longer_than_any_is_over(void)
{
    CU_ASSERT_EQUAL(clock_watch_bound(1500, 1000, 600), 1500);
    CU_ASSERT_EQUAL(clock_watch_bound(1600, 1000, 600), 1600);
    CU_ASSERT_EQUAL(clock_watch_bound(1601, 1000, 600), 1000);
    CU_ASSERT_EQUAL(clock_watch_bound(0, 1000, 600), 0);
}

SUITE("clock_watch", TEST(a_clock_that_runs_is_no_step), TEST(a_step_is_told_once_with_its_length),
      TEST(a_pause_longer_than_any_is_over))
