#include "golden_state.h"

#include "suite.h"

static void every_state_comes_to_an_end(void)
{
    for (int s = 0; s < GOLDEN_STATE_COUNT; s++) {
        bool way_out = s == GOLDEN_REMOVING;
        for (int to = 0; to < GOLDEN_STATE_COUNT; to++)
            way_out = way_out || golden_state_may_follow((enum golden_state)s, (enum golden_state)to);
        CU_ASSERT_TRUE(way_out);
    }
}

static void whatever_has_a_guest_may_fail_and_has_a_deadline(void)
{
    struct config config;
    config_init(&config);
    for (int s = 0; s < GOLDEN_STATE_COUNT; s++) {
        enum golden_state state = (enum golden_state)s;
        if (!golden_state_has_guest(state))
            continue;
        CU_ASSERT_TRUE(golden_state_may_follow(state, GOLDEN_FAILED));
        CU_ASSERT_TRUE(golden_state_patience_ms(state, &config) > 0);
    }
}

static void nothing_is_forked_before_the_files_are_sealed(void)
{
    for (int s = 0; s < GOLDEN_STATE_COUNT; s++)
        CU_ASSERT_EQUAL(golden_state_may_follow((enum golden_state)s, GOLDEN_READY), s == GOLDEN_SEALING);
}

static void a_guest_is_booted_again_only_after_its_failure(void)
{
    for (int s = 0; s < GOLDEN_STATE_COUNT; s++)
        CU_ASSERT_EQUAL(golden_state_may_follow((enum golden_state)s, GOLDEN_BOOTING), s == GOLDEN_FAILED);
}

static void names_are_known_and_bounded(void)
{
    CU_ASSERT_STRING_EQUAL(golden_state_name(GOLDEN_SEALING), "sealing");
    CU_ASSERT_STRING_EQUAL(golden_state_name(GOLDEN_STATE_COUNT), "unknown");
}

SUITE("vmpool golden_state", TEST(every_state_comes_to_an_end),
      TEST(whatever_has_a_guest_may_fail_and_has_a_deadline),
      TEST(nothing_is_forked_before_the_files_are_sealed),
      TEST(a_guest_is_booted_again_only_after_its_failure), TEST(names_are_known_and_bounded))
