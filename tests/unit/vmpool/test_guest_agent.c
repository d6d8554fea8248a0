#include "guest_agent.h"

#include "suite.h"

static void counts_sessions_of_people_only(void)
{
    CU_ASSERT_TRUE(guest_agent_line_is_session("c1 1000 desktop - 1234 user - no -"));
    CU_ASSERT_TRUE(guest_agent_line_is_session("     3 1001 jane seat0 tty2"));
    CU_ASSERT_FALSE(guest_agent_line_is_session("c1 0 root - - -"));
    CU_ASSERT_FALSE(guest_agent_line_is_session("c2 110 lightdm seat0 -"));
    CU_ASSERT_FALSE(guest_agent_line_is_session(""));
    CU_ASSERT_FALSE(guest_agent_line_is_session("No sessions."));
}

SUITE("guest_agent", TEST(counts_sessions_of_people_only))
