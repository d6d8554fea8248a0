#include "pool_demand.h"

#include "suite.h"

#define NOW_S 1700000100 /* a quarter of an hour begins at 1700000100 */
#define SLOT_S 900

#define KNOWN(n)                                                                                             \
    {                                                                                                        \
        n, n, n, n                                                                                           \
    }
#define UNKNOWN KNOWN(-1)

static struct demand_question question(const struct demand_slot *slots, unsigned count, int64_t now_s)
{
    return (struct demand_question){
        .slots = slots, .count = count, .parallel = 4, .boot_ms = 40000, .now_s = now_s};
}

static void one_odd_week_changes_nothing(void)
{
    CU_ASSERT_EQUAL(pool_demand_usual((int32_t[]){12, 11, 90, 12}), 12);
    CU_ASSERT_EQUAL(pool_demand_usual((int32_t[]){12, 11, 0, 13}), 12);
    CU_ASSERT_EQUAL(pool_demand_usual((int32_t[]){5, -1, 9, 7}), 7);
}

static void with_few_weeks_known_the_highest_counts(void)
{
    CU_ASSERT_EQUAL(pool_demand_usual((int32_t[]){-1, -1, -1, -1}), -1);
    CU_ASSERT_EQUAL(pool_demand_usual((int32_t[]){-1, 4, -1, -1}), 4);
    CU_ASSERT_EQUAL(pool_demand_usual((int32_t[]){2, 4, -1, -1}), 4);
}

static void without_history_nothing_is_usual(void)
{
    const struct demand_slot slots[] = {{NOW_S, 0, UNKNOWN}, {NOW_S + SLOT_S, 1, UNKNOWN}};
    const struct demand_question q = question(slots, 2, NOW_S);
    const struct demand_answer answer = pool_demand_at(&q);
    CU_ASSERT_EQUAL(answer.demand, 0);
    CU_ASSERT_EQUAL(answer.look_at_s, NOW_S + SLOT_S);
}

static void a_storm_is_prepared_for_as_long_as_its_boots_take(void)
{
    /* 12 desktops, 4 at once, 40 s each: three times 40 s, half of that again, and a minute. */
    const int64_t storm_s = NOW_S + 2 * SLOT_S, lead_s = 120 + 60 + 60;
    const struct demand_slot slots[] = {
        {NOW_S, 0, KNOWN(1)}, {NOW_S + SLOT_S, 1, KNOWN(1)}, {storm_s, 2, KNOWN(12)}};
    struct demand_question q = question(slots, 3, NOW_S);
    struct demand_answer answer = pool_demand_at(&q);
    CU_ASSERT_EQUAL(answer.demand, 1);
    CU_ASSERT_EQUAL(answer.slot, 0);
    q.now_s = storm_s - lead_s - 1;
    answer = pool_demand_at(&q);
    CU_ASSERT_EQUAL(answer.demand, 1);
    CU_ASSERT_EQUAL(answer.look_at_s, storm_s - lead_s);
    q.now_s = storm_s - lead_s;
    answer = pool_demand_at(&q);
    CU_ASSERT_EQUAL(answer.demand, 12);
    CU_ASSERT_EQUAL(answer.slot, 2);
}

static void slow_boots_and_few_at_once_need_more_time(void)
{
    const struct demand_slot slots[] = {{NOW_S, 0, KNOWN(0)}, {NOW_S + SLOT_S, 1, KNOWN(12)}};
    struct demand_question q = question(slots, 2, NOW_S);
    CU_ASSERT_EQUAL(pool_demand_at(&q).demand, 0);
    q.parallel = 1;
    CU_ASSERT_EQUAL(pool_demand_at(&q).demand, 0);
    q.boot_ms = 50000;
    CU_ASSERT_EQUAL(pool_demand_at(&q).demand, 12);
}

static void it_counts_until_its_quarter_is_over(void)
{
    const struct demand_slot slots[] = {{NOW_S, 0, KNOWN(12)}, {NOW_S + SLOT_S, 1, KNOWN(3)}};
    const struct demand_question q = question(slots, 2, NOW_S + SLOT_S - 1);
    const struct demand_answer answer = pool_demand_at(&q);
    CU_ASSERT_EQUAL(answer.demand, 12);
    CU_ASSERT_EQUAL(answer.look_at_s, NOW_S + SLOT_S);
}

SUITE("pool_demand", TEST(one_odd_week_changes_nothing), TEST(with_few_weeks_known_the_highest_counts),
      TEST(without_history_nothing_is_usual), TEST(a_storm_is_prepared_for_as_long_as_its_boots_take),
      TEST(slow_boots_and_few_at_once_need_more_time), TEST(it_counts_until_its_quarter_is_over))
