#include "visit_state.h"

#include <string.h>

#include "config.h"
#include "suite.h"

static bool can_reach(enum visit_state from, enum visit_state to, unsigned without)
{
    unsigned seen = 1u << from | without, before;
    do {
        before = seen;
        for (unsigned a = 0; a < VISIT_STATE_COUNT; a++)
            for (unsigned b = 0; (seen & ~without & 1u << a) && b < VISIT_STATE_COUNT; b++)
                if (!(without & 1u << b) && visit_state_may_follow((enum visit_state)a, (enum visit_state)b))
                    seen |= 1u << b;
    } while (seen != before);
    return (seen & ~without & 1u << to) != 0;
}

static void every_state_reaches_closing_in_one_step(void)
{
    for (unsigned s = VISIT_PREAMBLE; s < VISIT_CLOSING; s++)
        CU_ASSERT_TRUE(visit_state_may_follow((enum visit_state)s, VISIT_CLOSING));
    CU_ASSERT_TRUE(visit_state_may_follow(VISIT_CLOSING, VISIT_GONE));
}

static void relaying_cannot_be_reached_without_a_log_in(void)
{
    CU_ASSERT_TRUE(can_reach(VISIT_PREAMBLE, VISIT_RELAYING, 0));
    CU_ASSERT_FALSE(can_reach(VISIT_PREAMBLE, VISIT_RELAYING, 1u << VISIT_LOGIN));
    CU_ASSERT_FALSE(can_reach(VISIT_PREAMBLE, VISIT_RELAYING, 1u << VISIT_TLS));
    CU_ASSERT_FALSE(can_reach(VISIT_PREAMBLE, VISIT_RELAYING, 1u << VISIT_DIALLING));
}

static void nothing_comes_back_from_the_end(void)
{
    for (unsigned s = 0; s < VISIT_STATE_COUNT; s++) {
        CU_ASSERT_FALSE(visit_state_may_follow(VISIT_GONE, (enum visit_state)s));
        if (s != VISIT_GONE)
            CU_ASSERT_FALSE(visit_state_may_follow(VISIT_CLOSING, (enum visit_state)s));
        CU_ASSERT_FALSE(visit_state_may_follow((enum visit_state)s, (enum visit_state)s));
        CU_ASSERT_FALSE(visit_state_may_follow((enum visit_state)s, VISIT_PREAMBLE));
    }
    CU_ASSERT_FALSE(visit_state_may_follow(VISIT_STATE_COUNT, VISIT_CLOSING));
    CU_ASSERT_FALSE(visit_state_may_follow(VISIT_LOGIN, VISIT_STATE_COUNT));
}

static void every_waiting_state_has_a_deadline_and_an_outcome(void)
{
    struct config config;
    config_init(&config);
    for (unsigned s = 0; s < VISIT_STATE_COUNT; s++) {
        bool waits = s != VISIT_RELAYING && s != VISIT_GONE;
        CU_ASSERT_EQUAL(visit_state_deadline_ms((enum visit_state)s, &config) != 0, waits);
        if (waits && s != VISIT_CLOSING)
            CU_ASSERT_NOT_EQUAL(visit_state_timeout((enum visit_state)s), FAIL_NONE);
        CU_ASSERT_STRING_NOT_EQUAL(visit_state_name((enum visit_state)s), "unknown");
    }
    CU_ASSERT_EQUAL(visit_state_deadline_ms(VISIT_PREAMBLE, &config), config.gateway_preamble_timeout_ms);
    CU_ASSERT_EQUAL(visit_state_deadline_ms(VISIT_WAITING, &config), config.gateway_desktop_wait_ms);
}

static void a_configured_zero_is_not_for_ever(void)
{
    struct config config;
    config_init(&config);
    config.gateway_tls_timeout_ms = 0;
    CU_ASSERT_EQUAL(visit_state_deadline_ms(VISIT_TLS, &config), 1);
}

SUITE("visit_state", TEST(every_state_reaches_closing_in_one_step),
      TEST(relaying_cannot_be_reached_without_a_log_in), TEST(nothing_comes_back_from_the_end),
      TEST(every_waiting_state_has_a_deadline_and_an_outcome), TEST(a_configured_zero_is_not_for_ever))
