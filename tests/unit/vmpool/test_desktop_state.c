#include "desktop_state.h"

#include "suite.h"

static struct config config;

static struct desktop_deadline deadline_of(enum desktop_state state)
{
    struct desktop_row row = {.state = state, .state_since_ms = 1000000};
    config_init(&config);
    return desktop_deadline_of(&row, &config);
}

static void every_state_that_waits_for_a_guest_has_a_deadline(void)
{
    const enum desktop_state waiting[] = {DESKTOP_CLONING, DESKTOP_BOOTING, DESKTOP_RECYCLING};
    for (size_t i = 0; i < sizeof waiting / sizeof waiting[0]; i++) {
        CU_ASSERT_TRUE(desktop_state_waits(waiting[i]));
        struct desktop_deadline deadline = deadline_of(waiting[i]);
        CU_ASSERT_TRUE(deadline.at_ms > 1000000);
        CU_ASSERT_TRUE(deadline.reason[0] != 0);
    }
    for (int s = 0; s < DESKTOP_STATE_COUNT; s++)
        CU_ASSERT_EQUAL(deadline_of((enum desktop_state)s).at_ms != 0,
                        desktop_state_waits((enum desktop_state)s));
}

static void deadlines_lead_where_the_store_allows(void)
{
    for (int s = 0; s < DESKTOP_STATE_COUNT; s++) {
        struct desktop_deadline deadline = deadline_of((enum desktop_state)s);
        if (deadline.at_ms)
            CU_ASSERT_TRUE(desktop_state_may_follow((enum desktop_state)s, deadline.to));
    }
}

static void deadlines_count_from_the_row_and_so_survive_a_restart(void)
{
    struct desktop_row row = {.state = DESKTOP_BOOTING, .state_since_ms = 500};
    config_init(&config);
    config.vmpool_boot_timeout_ms = 7000;
    CU_ASSERT_EQUAL(desktop_deadline_of(&row, &config).at_ms, 7500);
}

static void recycling_has_its_grace_on_top(void)
{
    struct desktop_row row = {.state = DESKTOP_RECYCLING, .state_since_ms = 0};
    config_init(&config);
    config.vmpool_logoff_grace_ms = 300;
    config.vmpool_recycle_timeout_ms = 20;
    CU_ASSERT_EQUAL(desktop_deadline_of(&row, &config).at_ms, 320);
}

/* From every state there is a way to recycling, after which the row is gone. */
static void every_state_has_a_way_out(void)
{
    for (int s = 0; s < DESKTOP_STATE_COUNT; s++) {
        if (s != DESKTOP_RECYCLING)
            CU_ASSERT_TRUE(desktop_state_may_follow((enum desktop_state)s, DESKTOP_RECYCLING));
    }
    CU_ASSERT_TRUE(desktop_state_may_follow(DESKTOP_RECYCLING, DESKTOP_FAILED));
    CU_ASSERT_TRUE(desktop_state_may_follow(DESKTOP_FAILED, DESKTOP_RECYCLING));
}

static void users_are_only_where_a_guest_is_expected(void)
{
    for (int s = 0; s < DESKTOP_STATE_COUNT; s++) {
        if (desktop_state_is_lent((enum desktop_state)s))
            CU_ASSERT_TRUE(desktop_state_has_guest((enum desktop_state)s));
    }
    CU_ASSERT_FALSE(desktop_state_has_guest(DESKTOP_STOPPED));
    CU_ASSERT_FALSE(desktop_state_has_guest(DESKTOP_RECYCLING));
}

SUITE("vmpool desktop_state", TEST(every_state_that_waits_for_a_guest_has_a_deadline),
      TEST(deadlines_lead_where_the_store_allows),
      TEST(deadlines_count_from_the_row_and_so_survive_a_restart), TEST(recycling_has_its_grace_on_top),
      TEST(every_state_has_a_way_out), TEST(users_are_only_where_a_guest_is_expected))
