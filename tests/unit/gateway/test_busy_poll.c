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

/* Soon events until it looks again. */
static unsigned events_asleep(struct busy_poll *p)
{
    unsigned events = 0;
    while (!busy_poll_ns(p) && events < 10000) {
        busy_poll_learn(p, SOON_NS);
        events++;
    }
    return events;
}

static void a_core_that_others_want_is_left_to_them(void)
{
    struct busy_poll p = {.score = BUSY_POLL_SCORE_MAX, .strikes = BUSY_POLL_STRIKES_FREE};
    CU_ASSERT_FALSE(busy_poll_yielded(&p, BUSY_POLL_SHARED_NS / 4));
    CU_ASSERT_EQUAL(busy_poll_ns(&p), BUSY_POLL_NS);
    CU_ASSERT_TRUE(busy_poll_yielded(&p, BUSY_POLL_SHARED_NS * 4));
    CU_ASSERT_EQUAL(events_asleep(&p), BUSY_POLL_EVENTS_FIRST + BUSY_POLL_SCORE_STAYS);
}

static void one_look_in_vain_is_forgiven(void)
{
    struct busy_poll p = {.score = BUSY_POLL_SCORE_MAX};
    busy_poll_in_vain(&p);
    CU_ASSERT_EQUAL(events_asleep(&p), 0);
    for (unsigned i = 0; i < BUSY_POLL_MET_FORGIVES; i++)
        busy_poll_met(&p);
    busy_poll_in_vain(&p);
    CU_ASSERT_EQUAL(events_asleep(&p), 0);
}

static void what_repeats_itself_is_left_alone_longer_and_longer(void)
{
    struct busy_poll vain = {.score = BUSY_POLL_SCORE_MAX, .strikes = BUSY_POLL_STRIKES_FREE}, shared = vain;
    unsigned before = 0, asleep = 0;
    for (unsigned i = 0; i < 20; i++, before = asleep) {
        busy_poll_in_vain(&vain);
        asleep = events_asleep(&vain);
        CU_ASSERT(asleep > before || asleep == BUSY_POLL_EVENTS_VAIN + BUSY_POLL_SCORE_STAYS);
    }
    CU_ASSERT_EQUAL(asleep, BUSY_POLL_EVENTS_VAIN + BUSY_POLL_SCORE_STAYS);
    for (unsigned i = 0; i < 20; i++)
        CU_ASSERT_TRUE(busy_poll_yielded(&shared, BUSY_POLL_SHARED_NS * 4));
    CU_ASSERT_EQUAL(events_asleep(&shared), BUSY_POLL_EVENTS_SHARED + BUSY_POLL_SCORE_STAYS);
}

static void looks_that_meet_their_events_make_good_for_it(void)
{
    struct busy_poll p = {.score = BUSY_POLL_SCORE_MAX, .strikes = BUSY_POLL_STRIKES_MAX};
    for (unsigned i = 0; i < BUSY_POLL_STRIKES_MAX * BUSY_POLL_MET_FORGIVES; i++)
        busy_poll_met(&p);
    CU_ASSERT_EQUAL(p.strikes, 0);
    for (unsigned i = 0; i < BUSY_POLL_MET_FORGIVES; i++)
        busy_poll_met(&p);
    CU_ASSERT_EQUAL(p.strikes, 0);
}

SUITE("busy_poll", TEST(one_look_in_vain_is_forgiven),
      TEST(what_repeats_itself_is_left_alone_longer_and_longer),
      TEST(looks_that_meet_their_events_make_good_for_it), TEST(a_core_that_others_want_is_left_to_them),
      TEST(a_quiet_worker_sleeps_at_once), TEST(questions_and_answers_keep_it_awake),
      TEST(a_pause_does_not_undo_a_conversation_but_three_do),
      TEST(it_sleeps_where_only_every_other_event_is_soon))
