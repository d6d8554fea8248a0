#include <carrel/desktop_state.h>

#include <string.h>

#include "suite.h"

#define FOR_EACH(state) for (enum desktop_state state = 0; state < DESKTOP_STATE_COUNT; state++)

static unsigned reachable_from(enum desktop_state start, unsigned without)
{
    unsigned seen = 1u << start, before = 0;
    while (seen != before) {
        before = seen;
        FOR_EACH(from)
        {
            FOR_EACH(to)
            {
                if (seen & 1u << from && !(without & 1u << to) && desktop_state_may_follow(from, to))
                    seen |= 1u << to;
            }
        }
    }
    return seen;
}

static void every_state_is_found_by_its_name(void)
{
    FOR_EACH(state)
    {
        CU_ASSERT_EQUAL(desktop_state_parse(desktop_state_name(state)), (int)state);
    }
    CU_ASSERT_EQUAL(desktop_state_parse("gone"), -1);
    CU_ASSERT_EQUAL(desktop_state_parse(""), -1);
    CU_ASSERT_STRING_EQUAL(desktop_state_name(DESKTOP_STATE_COUNT), "unknown");
}

static void every_state_reaches_recycling(void)
{
    FOR_EACH(state)
    {
        CU_ASSERT_TRUE(reachable_from(state, 0) & 1u << DESKTOP_RECYCLING);
    }
}

static void nobody_uses_a_desktop_that_nobody_claimed(void)
{
    unsigned seen = reachable_from(DESKTOP_CLONING, 1u << DESKTOP_CLAIMED);
    CU_ASSERT_FALSE(seen & 1u << DESKTOP_IN_USE);
    CU_ASSERT_FALSE(seen & 1u << DESKTOP_DISCONNECTED);
    FOR_EACH(from)
    {
        CU_ASSERT_EQUAL(desktop_state_may_follow(from, DESKTOP_CLAIMED), from == DESKTOP_READY);
    }
}

/* I2: what was recycled is lent again only after it was made anew. */
static void a_recycled_desktop_is_made_anew_before_it_is_lent(void)
{
    unsigned seen = reachable_from(DESKTOP_RECYCLING, 1u << DESKTOP_CLONING | 1u << DESKTOP_BOOTING);
    FOR_EACH(state)
    {
        if (desktop_state_is_lent(state) || state == DESKTOP_READY)
            CU_ASSERT_FALSE(seen & 1u << state);
    }
}

static void a_desktop_becomes_ready_only_by_booting_or_from_its_user(void)
{
    FOR_EACH(from)
    {
        bool may = from == DESKTOP_BOOTING || desktop_state_is_lent(from);
        CU_ASSERT_EQUAL(desktop_state_may_follow(from, DESKTOP_READY), may);
    }
}

static void no_state_follows_itself_and_nothing_follows_a_bad_one(void)
{
    FOR_EACH(state)
    {
        CU_ASSERT_FALSE(desktop_state_may_follow(state, state));
        CU_ASSERT_FALSE(desktop_state_may_follow(DESKTOP_STATE_COUNT, state));
        CU_ASSERT_FALSE(desktop_state_may_follow((enum desktop_state) - 1, state));
        CU_ASSERT_FALSE(desktop_state_may_follow(state, DESKTOP_STATE_COUNT));
    }
    CU_ASSERT_FALSE(desktop_state_is_lent(DESKTOP_STATE_COUNT));
}

static void three_states_have_a_user(void)
{
    FOR_EACH(state)
    {
        bool lent = state == DESKTOP_CLAIMED || state == DESKTOP_IN_USE || state == DESKTOP_DISCONNECTED;
        CU_ASSERT_EQUAL(desktop_state_is_lent(state), lent);
    }
}

SUITE("desktop_state", TEST(every_state_is_found_by_its_name), TEST(every_state_reaches_recycling),
      TEST(nobody_uses_a_desktop_that_nobody_claimed),
      TEST(a_recycled_desktop_is_made_anew_before_it_is_lent),
      TEST(a_desktop_becomes_ready_only_by_booting_or_from_its_user),
      TEST(no_state_follows_itself_and_nothing_follows_a_bad_one), TEST(three_states_have_a_user))
