#include "logoff_policy.h"

#include <stdio.h>

#include "suite.h"

#define NOW_MS 1000000

static struct pool_row pool_with(enum pool_kind kind, enum pool_logoff logoff, int64_t after_ms)
{
    return (struct pool_row){
        .kind = kind, .image_id = "i-1", .limits = {.logoff = logoff, .logoff_after_ms = after_ms}};
}

static struct desktop_row left(enum pool_kind kind)
{
    return (struct desktop_row){.kind = kind, .image_id = "i-1", .owner_id = "u-1", .left_ms = NOW_MS};
}

static enum logoff_act act(const struct pool_row *pool, const struct desktop_row *desktop, int64_t now_ms)
{
    return logoff_policy_plan(pool, desktop, now_ms).act;
}

static void one_that_nobody_left_stays(void)
{
    struct pool_row pool = pool_with(POOL_FLOATING, LOGOFF_RECYCLE, 0);
    struct desktop_row desktop = left(POOL_FLOATING);
    desktop.left_ms = 0;
    CU_ASSERT_EQUAL(act(&pool, &desktop, NOW_MS), LOGOFF_STAYS);
    desktop = left(POOL_FLOATING);
    snprintf(desktop.session_id, sizeof desktop.session_id, "s-1"); /* its user is back */
    CU_ASSERT_EQUAL(act(&pool, &desktop, NOW_MS), LOGOFF_STAYS);
    desktop = left(POOL_DEDICATED);
    desktop.wanted = true; /* ... and waits for its start */
    CU_ASSERT_EQUAL(act(&pool, &desktop, NOW_MS), LOGOFF_STAYS);
}

static void a_floating_one_is_recycled_after_the_pools_time(void)
{
    struct pool_row pool = pool_with(POOL_FLOATING, LOGOFF_RECYCLE, 60000);
    struct desktop_row desktop = left(POOL_FLOATING);
    struct logoff_plan plan = logoff_policy_plan(&pool, &desktop, NOW_MS + 59999);
    CU_ASSERT_EQUAL(plan.act, LOGOFF_WAITS);
    CU_ASSERT_EQUAL(plan.at_ms, NOW_MS + 60000);
    CU_ASSERT_EQUAL(act(&pool, &desktop, NOW_MS + 60000), LOGOFF_GOES);
    pool.limits.logoff_after_ms = 0; /* as the pool has it now, not as it was */
    CU_ASSERT_EQUAL(act(&pool, &desktop, NOW_MS), LOGOFF_GOES);
}

static void a_kept_one_stays_until_it_is_of_no_use(void)
{
    struct pool_row pool = pool_with(POOL_FLOATING, LOGOFF_KEEP, 0);
    struct desktop_row desktop = left(POOL_FLOATING);
    CU_ASSERT_EQUAL(act(&pool, &desktop, INT64_MAX), LOGOFF_STAYS);
    snprintf(pool.image_id, sizeof pool.image_id, "i-2");
    CU_ASSERT_EQUAL(act(&pool, &desktop, NOW_MS), LOGOFF_GOES);
    snprintf(pool.image_id, sizeof pool.image_id, "i-1");
    desktop.owner_id[0] = 0;
    CU_ASSERT_EQUAL(act(&pool, &desktop, NOW_MS), LOGOFF_GOES);
}

static void a_dedicated_one_goes_or_is_renewed(void)
{
    struct desktop_row desktop = left(POOL_DEDICATED);
    struct pool_row pool = pool_with(POOL_DEDICATED, LOGOFF_DELETE, 5000);
    CU_ASSERT_EQUAL(act(&pool, &desktop, NOW_MS), LOGOFF_WAITS);
    CU_ASSERT_EQUAL(act(&pool, &desktop, NOW_MS + 5000), LOGOFF_GOES);
    pool = pool_with(POOL_DEDICATED, LOGOFF_RECYCLE, 0);
    CU_ASSERT_EQUAL(act(&pool, &desktop, NOW_MS), LOGOFF_RENEWS);
    pool = pool_with(POOL_DEDICATED, LOGOFF_KEEP, 0);
    snprintf(pool.image_id, sizeof pool.image_id, "i-2"); /* it keeps its version, too */
    CU_ASSERT_EQUAL(act(&pool, &desktop, INT64_MAX), LOGOFF_STAYS);
}

static void whatever_goes_says_why(void)
{
    struct pool_row pool = pool_with(POOL_FLOATING, LOGOFF_RECYCLE, 0);
    struct desktop_row desktop = left(POOL_FLOATING);
    CU_ASSERT_STRING_EQUAL(logoff_policy_plan(&pool, &desktop, NOW_MS).reason, "its user has logged off");
}

SUITE("logoff_policy", TEST(one_that_nobody_left_stays),
      TEST(a_floating_one_is_recycled_after_the_pools_time), TEST(a_kept_one_stays_until_it_is_of_no_use),
      TEST(a_dedicated_one_goes_or_is_renewed), TEST(whatever_goes_says_why))
