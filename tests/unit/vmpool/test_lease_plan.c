#include "lease.h"

#include "suite.h"

static const struct lease_view mine = {.mine = true, .is_host = true};
static const struct lease_view open_host = {.free = true, .is_host = true};
static const struct lease_view others = {.is_host = true};
static const struct lease_view pools = {.free = true};

static void alone_it_takes_everything(void)
{
    const struct lease_view views[] = {mine, open_host, open_host, pools};
    CU_ASSERT_EQUAL(lease_plan(views, 4, 0, 1), LEASE_KEEP);
    CU_ASSERT_EQUAL(lease_plan(views, 4, 1, 1), LEASE_TAKE);
    CU_ASSERT_EQUAL(lease_plan(views, 4, 2, 1), LEASE_TAKE);
    CU_ASSERT_EQUAL(lease_plan(views, 4, 3, 1), LEASE_TAKE);
}

static void what_another_holds_is_left_alone(void)
{
    const struct lease_view views[] = {others, {.is_host = false}};
    CU_ASSERT_EQUAL(lease_plan(views, 2, 0, 2), LEASE_KEEP);
    CU_ASSERT_EQUAL(lease_plan(views, 2, 1, 2), LEASE_KEEP);
}

static void two_take_no_more_than_their_halves(void)
{
    const struct lease_view views[] = {mine, mine, open_host, open_host};
    CU_ASSERT_EQUAL(lease_plan(views, 4, 2, 2), LEASE_KEEP);
    const struct lease_view odd[] = {mine, open_host, open_host};
    CU_ASSERT_EQUAL(lease_plan(odd, 3, 1, 2), LEASE_TAKE);
}

static void one_that_has_more_than_its_share_gives(void)
{
    const struct lease_view views[] = {mine, mine, mine, others};
    CU_ASSERT_EQUAL(lease_plan(views, 4, 0, 2), LEASE_GIVE);
    CU_ASSERT_EQUAL(lease_plan(views, 4, 3, 2), LEASE_KEEP);
    CU_ASSERT_EQUAL(lease_plan(views, 3, 0, 1), LEASE_KEEP);
}

static void no_host_stays_without_a_taker(void)
{
    /* However many live, the shares add up to all hosts. */
    for (unsigned alive = 1; alive <= 6; alive++) {
        struct lease_view views[5] = {open_host, open_host, open_host, open_host, open_host};
        size_t taken = 0;
        for (unsigned process = 0; process < alive; process++) {
            for (size_t i = 0; i < 5; i++) {
                if (lease_plan(views, 5, i, alive) == LEASE_TAKE)
                    views[i] = mine;
            }
            for (size_t i = 0; i < 5; i++) {
                taken += views[i].mine;
                views[i] = views[i].mine ? others : views[i];
            }
        }
        CU_ASSERT_EQUAL(taken, 5);
    }
}

SUITE("lease_plan", TEST(alone_it_takes_everything), TEST(what_another_holds_is_left_alone),
      TEST(two_take_no_more_than_their_halves), TEST(one_that_has_more_than_its_share_gives),
      TEST(no_host_stays_without_a_taker))
