#include "pool_roll.h"

#include "suite.h"

#define NOW_MS 1000000

static struct roll_row roll_in(enum roll_phase phase)
{
    return (struct roll_row){.phase = phase, .max_unavailable = 25, .rolling_ms = NOW_MS};
}

static void nothing_begins_before_its_time(void)
{
    struct roll_row roll = roll_in(ROLL_SCHEDULED);
    roll.at_ms = NOW_MS + 5;
    struct roll_plan plan = pool_roll_plan(&roll, &(struct roll_count){.total = 4, .max = 9}, NOW_MS);
    CU_ASSERT_EQUAL(plan.phase, ROLL_SCHEDULED);
    CU_ASSERT_EQUAL(plan.look_at_ms, NOW_MS + 5);
    CU_ASSERT_FALSE(plan.canary);
    plan = pool_roll_plan(&roll, &(struct roll_count){.total = 4, .max = 9}, NOW_MS + 5);
    CU_ASSERT_EQUAL(plan.phase, ROLL_CANARY);
}

static void one_desktop_goes_ahead_and_nothing_else_happens_until_it_stands(void)
{
    const struct roll_row roll = roll_in(ROLL_CANARY);
    struct roll_count count = {
        .wanted = 4, .total = 4, .max = 9, .free_ready = 4, .old_free = 4, .old_left = 4};
    struct roll_plan plan = pool_roll_plan(&roll, &count, NOW_MS);
    CU_ASSERT_TRUE(plan.canary);
    CU_ASSERT_EQUAL(plan.remove, 0);
    count.total = 5;
    count.new_coming = 1;
    plan = pool_roll_plan(&roll, &count, NOW_MS);
    CU_ASSERT_FALSE(plan.canary);
    CU_ASSERT_EQUAL(plan.remove, 0);
    CU_ASSERT_EQUAL(plan.phase, ROLL_CANARY);
    count.new_coming = 0;
    count.new_stands = 1;
    CU_ASSERT_EQUAL(pool_roll_plan(&roll, &count, NOW_MS).phase, ROLL_ROLLING);
}

static void in_a_full_pool_a_free_desktop_makes_room_for_it(void)
{
    const struct roll_row roll = roll_in(ROLL_CANARY);
    struct roll_count count = {
        .wanted = 4, .total = 9, .max = 9, .free_ready = 2, .old_free = 2, .old_left = 9};
    struct roll_plan plan = pool_roll_plan(&roll, &count, NOW_MS);
    CU_ASSERT_FALSE(plan.canary);
    CU_ASSERT_EQUAL(plan.remove, 1);
    count.free_ready = count.old_free = 0; /* all have a user: one has to log off */
    CU_ASSERT_EQUAL(pool_roll_plan(&roll, &count, NOW_MS).remove, 0);
}

static void a_closed_pool_waits_with_it(void)
{
    const struct roll_row roll = roll_in(ROLL_CANARY);
    struct roll_count count = {
        .closed = true, .total = 4, .max = 4, .free_ready = 4, .old_free = 4, .old_left = 4};
    struct roll_plan plan = pool_roll_plan(&roll, &count, NOW_MS);
    CU_ASSERT_FALSE(plan.canary || plan.remove);
    count.max = 9;
    CU_ASSERT_FALSE(pool_roll_plan(&roll, &count, NOW_MS).canary);
    count.closed = false;
    CU_ASSERT_TRUE(pool_roll_plan(&roll, &count, NOW_MS).canary);
}

static void never_more_than_the_allowed_part_is_missing(void)
{
    const struct roll_row roll = roll_in(ROLL_ROLLING);
    struct roll_count count = {
        .wanted = 8, .total = 8, .max = 20, .free_ready = 8, .old_free = 7, .old_left = 7, .new_stands = 1};
    CU_ASSERT_EQUAL(pool_roll_plan(&roll, &count, NOW_MS).remove, 2);
    count.free_ready = 6; /* two are on their way */
    CU_ASSERT_EQUAL(pool_roll_plan(&roll, &count, NOW_MS).remove, 0);
    count.free_ready = 7;
    CU_ASSERT_EQUAL(pool_roll_plan(&roll, &count, NOW_MS).remove, 1);
    count.free_ready = 9; /* the canary came on top */
    CU_ASSERT_EQUAL(pool_roll_plan(&roll, &count, NOW_MS).remove, 3);
    count.old_free = 1;
    CU_ASSERT_EQUAL(pool_roll_plan(&roll, &count, NOW_MS).remove, 1);
}

static void one_at_least_may_be_missing(void)
{
    const struct roll_row roll = roll_in(ROLL_ROLLING);
    struct roll_count count = {
        .wanted = 1, .total = 1, .max = 4, .free_ready = 1, .old_free = 1, .old_left = 1};
    CU_ASSERT_EQUAL(pool_roll_plan(&roll, &count, NOW_MS).remove, 1);
    count.free_ready = 0;
    count.old_free = 0;
    CU_ASSERT_EQUAL(pool_roll_plan(&roll, &count, NOW_MS).remove, 0);
}

static void users_are_left_alone_without_force(void)
{
    const struct roll_row roll = roll_in(ROLL_ROLLING);
    const struct roll_count count = {
        .wanted = 1, .total = 4, .max = 4, .old_left = 3, .old_lent = 3, .free_ready = 1};
    const struct roll_plan plan = pool_roll_plan(&roll, &count, NOW_MS + 1000000000);
    CU_ASSERT_EQUAL(plan.phase, ROLL_ROLLING);
    CU_ASSERT_FALSE(plan.warn);
    CU_ASSERT_FALSE(plan.force);
    CU_ASSERT_EQUAL(plan.look_at_ms, 0);
}

static void with_force_they_are_warned_first(void)
{
    struct roll_row roll = roll_in(ROLL_ROLLING);
    roll.force_after_ms = 2 * ROLL_WARN_MS;
    const struct roll_count count = {
        .wanted = 1, .total = 4, .max = 4, .old_left = 3, .old_lent = 3, .free_ready = 1};
    struct roll_plan plan = pool_roll_plan(&roll, &count, NOW_MS);
    CU_ASSERT_FALSE(plan.warn);
    CU_ASSERT_EQUAL(plan.look_at_ms, NOW_MS + ROLL_WARN_MS);
    plan = pool_roll_plan(&roll, &count, NOW_MS + ROLL_WARN_MS);
    CU_ASSERT_TRUE(plan.warn);
    CU_ASSERT_FALSE(plan.force);
    /* vmpool was away all the time: nobody is logged off unannounced. */
    plan = pool_roll_plan(&roll, &count, NOW_MS + 9 * ROLL_WARN_MS);
    CU_ASSERT_TRUE(plan.warn);
    CU_ASSERT_FALSE(plan.force);
    roll.warned = true;
    plan = pool_roll_plan(&roll, &count, NOW_MS + ROLL_WARN_MS);
    CU_ASSERT_FALSE(plan.force);
    CU_ASSERT_EQUAL(plan.look_at_ms, NOW_MS + 2 * ROLL_WARN_MS);
    CU_ASSERT_TRUE(pool_roll_plan(&roll, &count, NOW_MS + 2 * ROLL_WARN_MS).force);
}

static void a_pause_holds_everything(void)
{
    struct roll_count count = {.wanted = 4,
                               .total = 4,
                               .max = 9,
                               .free_ready = 4,
                               .old_free = 4,
                               .old_left = 4,
                               .old_lent = 1,
                               .new_stands = 1};
    for (int phase = ROLL_SCHEDULED; phase <= ROLL_DONE; phase++) {
        struct roll_row roll = roll_in((enum roll_phase)phase);
        roll.paused = true;
        roll.warned = true;
        roll.force_after_ms = 1;
        const struct roll_plan plan = pool_roll_plan(&roll, &count, NOW_MS + 1000);
        CU_ASSERT_EQUAL(plan.phase, (enum roll_phase)phase);
        CU_ASSERT_FALSE(plan.canary || plan.remove || plan.warn || plan.force);
    }
}

static void it_is_done_when_nothing_old_is_left(void)
{
    const struct roll_row roll = roll_in(ROLL_ROLLING);
    CU_ASSERT_EQUAL(
        pool_roll_plan(&roll, &(struct roll_count){.total = 4, .max = 9, .new_stands = 4}, NOW_MS).phase,
        ROLL_DONE);
}

static void owned_desktops_get_new_disks_some_at_a_time(void)
{
    struct roll_row roll = roll_in(ROLL_ROLLING);
    struct roll_count count = {.total = 8, .max = 20, .owned = 8, .owned_idle = 6, .old_left = 8};
    CU_ASSERT_EQUAL(pool_roll_plan(&roll, &count, NOW_MS).renew, 0); /* not a roll that may */
    roll.renew = true;
    CU_ASSERT_EQUAL(pool_roll_plan(&roll, &count, NOW_MS).renew, 2);
    count.renewing = 1;
    CU_ASSERT_EQUAL(pool_roll_plan(&roll, &count, NOW_MS).renew, 1);
    count.renewing = 2;
    CU_ASSERT_EQUAL(pool_roll_plan(&roll, &count, NOW_MS).renew, 0);
    count = (struct roll_count){.owned = 2, .owned_idle = 2, .old_left = 2};
    CU_ASSERT_EQUAL(pool_roll_plan(&roll, &count, NOW_MS).renew, 1); /* one at least */
    count = (struct roll_count){.owned = 2, .old_left = 2};
    CU_ASSERT_EQUAL(pool_roll_plan(&roll, &count, NOW_MS).renew, 0); /* their users are on them */
}

static void in_a_pool_full_of_owned_ones_one_of_them_goes_ahead(void)
{
    const struct roll_row roll = roll_in(ROLL_CANARY);
    struct roll_count count = {.total = 4, .max = 4, .owned = 4, .owned_idle = 3, .old_left = 4};
    struct roll_plan plan = pool_roll_plan(&roll, &count, NOW_MS);
    CU_ASSERT_EQUAL(plan.renew, 1);
    CU_ASSERT_FALSE(plan.canary);
    count.new_coming = 1;
    CU_ASSERT_EQUAL(pool_roll_plan(&roll, &count, NOW_MS).renew, 0);
}

static void one_that_stopped_touches_nothing(void)
{
    const struct roll_row roll = roll_in(ROLL_STOPPED);
    const struct roll_plan plan =
        pool_roll_plan(&roll,
                       &(struct roll_count){
                           .wanted = 1, .total = 2, .max = 9, .free_ready = 2, .old_free = 1, .old_left = 1},
                       NOW_MS);
    CU_ASSERT_EQUAL(plan.phase, ROLL_STOPPED);
    CU_ASSERT_FALSE(plan.canary || plan.remove);
}

SUITE("pool_roll", TEST(nothing_begins_before_its_time),
      TEST(one_desktop_goes_ahead_and_nothing_else_happens_until_it_stands),
      TEST(in_a_full_pool_a_free_desktop_makes_room_for_it), TEST(a_closed_pool_waits_with_it),
      TEST(never_more_than_the_allowed_part_is_missing), TEST(one_at_least_may_be_missing),
      TEST(users_are_left_alone_without_force), TEST(with_force_they_are_warned_first),
      TEST(a_pause_holds_everything), TEST(it_is_done_when_nothing_old_is_left),
      TEST(owned_desktops_get_new_disks_some_at_a_time),
      TEST(in_a_pool_full_of_owned_ones_one_of_them_goes_ahead), TEST(one_that_stopped_touches_nothing))
