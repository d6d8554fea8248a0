#include "busy_poll.h"

#include "suite.h"

enum { SOON_NS = BUSY_POLL_SOON_NS / 2, LATE_NS = BUSY_POLL_SOON_NS * 10 };

static void a_quiet_worker_sleeps_at_once(void)
{
    struct busy_poll p = {0};
    CU_ASSERT_EQUAL(busy_poll_ns(&p), 0);
    for (unsigned i = 0; i < 100; i++)
        busy_poll_learn(&p, LATE_NS);
    CU_ASSERT_EQUAL(busy_poll_ns(&p), 0);
}

static void questions_and_answers_keep_it_awake(void)
{
    struct busy_poll p = {0};
    for (unsigned i = 0; i < BUSY_POLL_SCORE_STAYS; i++)
        busy_poll_learn(&p, SOON_NS);
    CU_ASSERT_EQUAL(busy_poll_ns(&p), BUSY_POLL_NS);
}

static void a_pause_does_not_undo_a_conversation_but_three_do(void)
{
    struct busy_poll p = {0};
    for (unsigned i = 0; i < 1000; i++)
        busy_poll_learn(&p, SOON_NS);
    busy_poll_learn(&p, LATE_NS);
    CU_ASSERT_EQUAL(busy_poll_ns(&p), BUSY_POLL_NS);
    busy_poll_learn(&p, LATE_NS);
    busy_poll_learn(&p, LATE_NS);
    CU_ASSERT_EQUAL(busy_poll_ns(&p), 0);
}

static void it_sleeps_where_only_every_other_event_is_soon(void)
{
    struct busy_poll p = {0};
    unsigned awake = 0;
    for (unsigned i = 0; i < 1000; i++) {
        busy_poll_learn(&p, i % 2 ? SOON_NS : LATE_NS);
        awake += busy_poll_ns(&p) != 0;
    }
    CU_ASSERT_EQUAL(awake, 0);
}

static void a_core_that_others_want_is_left_to_them_for_a_while(void)
{
    struct busy_poll p = {.score = BUSY_POLL_SCORE_MAX};
    busy_poll_yielded(&p, BUSY_POLL_SHARED_NS / 4);
    CU_ASSERT_EQUAL(busy_poll_ns(&p), BUSY_POLL_NS);
    busy_poll_yielded(&p, BUSY_POLL_SHARED_NS * 4);
    unsigned events = 0;
    while (!busy_poll_ns(&p) && events < 10000) {
        busy_poll_learn(&p, SOON_NS);
        events++;
    }
    CU_ASSERT_EQUAL(events, BUSY_POLL_SCORE_STAYS - BUSY_POLL_SCORE_SHARED);
}

static void a_look_in_vain_is_not_repeated_soon(void)
{
    struct busy_poll p = {.score = BUSY_POLL_SCORE_MAX};
    unsigned events = 0;
    busy_poll_in_vain(&p);
    while (!busy_poll_ns(&p) && events < 10000) {
        busy_poll_learn(&p, SOON_NS);
        events++;
    }
    CU_ASSERT_EQUAL(events, BUSY_POLL_SCORE_STAYS - BUSY_POLL_SCORE_VAIN);
}

SUITE("busy_poll", TEST(a_look_in_vain_is_not_repeated_soon),
      TEST(a_core_that_others_want_is_left_to_them_for_a_while), TEST(a_quiet_worker_sleeps_at_once),
      TEST(questions_and_answers_keep_it_awake), TEST(a_pause_does_not_undo_a_conversation_but_three_do),
      TEST(it_sleeps_where_only_every_other_event_is_soon))
