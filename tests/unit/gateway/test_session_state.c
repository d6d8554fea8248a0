#include "session_state.h"

#include <string.h>

#include "config.h"
#include "suite.h"

static bool can_reach(enum session_state from, enum session_state to, unsigned without)
{
    unsigned seen = 1u << from | without, before;
    do {
        before = seen;
        for (unsigned a = 0; a < SESSION_STATE_COUNT; a++)
            for (unsigned b = 0; (seen & ~without & 1u << a) && b < SESSION_STATE_COUNT; b++)
                if (!(without & 1u << b) &&
                    session_state_may_follow((enum session_state)a, (enum session_state)b))
                    seen |= 1u << b;
    } while (seen != before);
    return (seen & ~without & 1u << to) != 0;
}

static void every_state_reaches_closing_in_one_step(void)
{
    for (unsigned s = SESSION_PREAMBLE; s < SESSION_CLOSING; s++)
        CU_ASSERT_TRUE(session_state_may_follow((enum session_state)s, SESSION_CLOSING));
    CU_ASSERT_TRUE(session_state_may_follow(SESSION_CLOSING, SESSION_GONE));
}

static void relaying_cannot_be_reached_without_a_log_in(void)
{
    CU_ASSERT_TRUE(can_reach(SESSION_PREAMBLE, SESSION_RELAYING, 0));
    CU_ASSERT_FALSE(can_reach(SESSION_PREAMBLE, SESSION_RELAYING, 1u << SESSION_LOGIN));
    CU_ASSERT_FALSE(can_reach(SESSION_PREAMBLE, SESSION_RELAYING, 1u << SESSION_TLS));
    CU_ASSERT_FALSE(can_reach(SESSION_PREAMBLE, SESSION_RELAYING, 1u << SESSION_DIALLING));
}

static void nothing_comes_back_from_the_end(void)
{
    for (unsigned s = 0; s < SESSION_STATE_COUNT; s++) {
        CU_ASSERT_FALSE(session_state_may_follow(SESSION_GONE, (enum session_state)s));
        if (s != SESSION_GONE)
            CU_ASSERT_FALSE(session_state_may_follow(SESSION_CLOSING, (enum session_state)s));
        CU_ASSERT_FALSE(session_state_may_follow((enum session_state)s, (enum session_state)s));
        CU_ASSERT_FALSE(session_state_may_follow((enum session_state)s, SESSION_PREAMBLE));
    }
    CU_ASSERT_FALSE(session_state_may_follow(SESSION_STATE_COUNT, SESSION_CLOSING));
    CU_ASSERT_FALSE(session_state_may_follow(SESSION_LOGIN, SESSION_STATE_COUNT));
}

static void every_waiting_state_has_a_deadline_and_an_outcome(void)
{
    struct config config;
    config_init(&config);
    for (unsigned s = 0; s < SESSION_STATE_COUNT; s++) {
        bool waits = s != SESSION_RELAYING && s != SESSION_GONE;
        CU_ASSERT_EQUAL(session_state_deadline_ms((enum session_state)s, &config) != 0, waits);
        if (waits && s != SESSION_CLOSING)
            CU_ASSERT_NOT_EQUAL(session_state_timeout((enum session_state)s), FAIL_NONE);
        CU_ASSERT_STRING_NOT_EQUAL(session_state_name((enum session_state)s), "unknown");
    }
    CU_ASSERT_EQUAL(session_state_deadline_ms(SESSION_PREAMBLE, &config), config.gateway_preamble_timeout_ms);
    CU_ASSERT_EQUAL(session_state_deadline_ms(SESSION_WAITING, &config), config.gateway_desktop_wait_ms);
}

static void a_configured_zero_is_not_for_ever(void)
{
    struct config config;
    config_init(&config);
    config.gateway_tls_timeout_ms = 0;
    CU_ASSERT_EQUAL(session_state_deadline_ms(SESSION_TLS, &config), 1);
}

SUITE("session_state", TEST(every_state_reaches_closing_in_one_step),
      TEST(relaying_cannot_be_reached_without_a_log_in), TEST(nothing_comes_back_from_the_end),
      TEST(every_waiting_state_has_a_deadline_and_an_outcome), TEST(a_configured_zero_is_not_for_ever))
