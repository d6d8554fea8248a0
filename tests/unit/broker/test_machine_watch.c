#include "suite.h"

#include "machine_watch.h"

static void a_machine_that_answers_is_asked_at_the_usual_interval(void)
{
    CU_ASSERT_EQUAL(machine_watch_pause_ms(0, 15000), 15000);
}

static void one_that_does_not_is_asked_soon_and_then_less_and_less(void)
{
    const uint64_t expected_ms[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
    for (uint32_t i = 0; i < 8; i++)
        CU_ASSERT_EQUAL(machine_watch_pause_ms(i + 1, 15000), expected_ms[i]);
    CU_ASSERT_EQUAL(machine_watch_pause_ms(UINT32_MAX, 15000), 60000);
}

static void a_short_interval_bounds_the_pauses_too(void)
{
    CU_ASSERT_EQUAL(machine_watch_pause_ms(1, 200), 800);
    CU_ASSERT_EQUAL(machine_watch_pause_ms(9, 200), 800);
    CU_ASSERT_EQUAL(machine_watch_pause_ms(0, 1), 100); /* nothing goes round without a pause */
}

SUITE("machine_watch", TEST(a_machine_that_answers_is_asked_at_the_usual_interval),
      TEST(one_that_does_not_is_asked_soon_and_then_less_and_less),
      TEST(a_short_interval_bounds_the_pauses_too))
