#include "health.h"

#include "suite.h"

static const struct health_rules rules = {.check_ms = 30000, .failures = 5, .time_ms = 120000, .rate = 20};

/* One that fails COUNT times, as often as it is asked. */
static struct health failing(unsigned count)
{
    struct health health = {0};
    int64_t now_ms = 1000000;
    for (unsigned i = 0; i < count; i++) {
        health_note(&health, false, now_ms);
        now_ms += (int64_t)health_pause_ms(&health, &rules, 10);
    }
    return health;
}

static void so_many_failures_over_so_long_make_it_sick_and_not_fewer(void)
{
    const struct health_peers fine = {.others = 3, .answered = 1};
    for (unsigned i = 0; i < 5; i++) {
        struct health health = failing(i);
        CU_ASSERT_EQUAL(health_judge(&health, &fine, &rules), HEALTH_WAIT);
    }
    struct health health = failing(5);
    CU_ASSERT_EQUAL(health_judge(&health, &fine, &rules), HEALTH_SICK);
    CU_ASSERT_EQUAL(health.last_ms - health.first_ms, 120000);
    /* Many in a short time are no better than one. */
    struct health hasty = {0};
    for (int i = 0; i < 50; i++)
        health_note(&hasty, false, 1000000 + i * 1000);
    CU_ASSERT_EQUAL(health_judge(&hasty, &fine, &rules), HEALTH_WAIT);
}

static void one_answer_forgives_all_failures(void)
{
    struct health health = failing(4);
    health_note(&health, true, 2000000);
    CU_ASSERT_EQUAL(health.failures, 0);
    health_note(&health, false, 2030000);
    CU_ASSERT_EQUAL(health.first_ms, 2030000);
}

static void when_nobody_on_the_host_answers_it_is_the_host(void)
{
    struct health health = failing(6);
    struct health_peers peers = {.others = 7, .failing = 7};
    CU_ASSERT_EQUAL(health_judge(&health, &peers, &rules), HEALTH_HOST);
    peers.failing = 6; /* one of them was not asked since */
    CU_ASSERT_EQUAL(health_judge(&health, &peers, &rules), HEALTH_ASK_OTHERS);
    peers.answered = 1;
    CU_ASSERT_EQUAL(health_judge(&health, &peers, &rules), HEALTH_SICK);
    peers = (struct health_peers){0};
    CU_ASSERT_EQUAL(health_judge(&health, &peers, &rules), HEALTH_SICK);
}

static void the_rate_bounds_what_many_desktops_cost(void)
{
    const struct health well = {0};
    CU_ASSERT_EQUAL(health_pause_ms(&well, &rules, 10), 30000);
    CU_ASSERT_EQUAL(health_pause_ms(&well, &rules, 600), 30000);
    CU_ASSERT_EQUAL(health_pause_ms(&well, &rules, 20000), 1000000);
    struct health health = failing(2); /* who is suspected is asked in time, however many there are */
    CU_ASSERT_EQUAL(health_pause_ms(&health, &rules, 20000), 30000);
    const struct health_rules one = {.check_ms = 1000, .failures = 1, .time_ms = 0, .rate = 0};
    CU_ASSERT_EQUAL(health_pause_ms(&health, &one, 1), 1);
}

static void a_clock_that_was_set_back_begins_anew(void)
{
    struct health health = failing(4);
    health_note(&health, false, 5000);
    CU_ASSERT_EQUAL(health.failures, 1);
    CU_ASSERT_EQUAL(health.first_ms, 5000);
}

static void a_pool_is_not_replaced_as_a_whole(void)
{
    struct health_budget budget = {0};
    for (int i = 0; i < 3; i++)
        CU_ASSERT_TRUE(health_spend(&budget, 2, 5000000));
    CU_ASSERT_FALSE(health_spend(&budget, 2, 5000000 + HEALTH_BUDGET_MS - 1));
    CU_ASSERT_TRUE(health_spend(&budget, 2, 5000000 + HEALTH_BUDGET_MS));
    budget = (struct health_budget){0};
    unsigned replaced = 0;
    while (health_spend(&budget, 100, 5000000))
        replaced++;
    CU_ASSERT_EQUAL(replaced, 25);
}

SUITE("health", TEST(so_many_failures_over_so_long_make_it_sick_and_not_fewer),
      TEST(one_answer_forgives_all_failures), TEST(when_nobody_on_the_host_answers_it_is_the_host),
      TEST(the_rate_bounds_what_many_desktops_cost), TEST(a_clock_that_was_set_back_begins_anew),
      TEST(a_pool_is_not_replaced_as_a_whole))
