#include "suite.h"

#include <stdio.h>
#include <string.h>

#include "store_lab.h"

static struct lab lab;
static struct pool_row pool;
static struct user_row ann, bob;
static struct claim claim;
static struct desktop_row desktop;

static void open_pool(enum pool_kind kind, enum pool_logoff logoff, int64_t after_ms)
{
    lab_open(&lab);
    lab_pool(&lab, "demo", kind, 3, &pool);
    pool.limits.logoff = logoff;
    pool.limits.logoff_after_ms = after_ms;
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_update(lab.db, &pool)), 0);
    lab_user(&lab, "ann", &ann);
    lab_user(&lab, "bob", &bob);
    lab_desktop(&lab, &pool, "demo-1", &desktop);
}

/* Ann works on the desktop and logs off. */
static void work_and_log_off(void)
{
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_connected(lab.db, claim.session.id, claim.session.connection)),
                    0);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_end(lab.db, claim.session.id, FAIL_LOGOFF, "")), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_get(lab.db, desktop.id, &desktop)), 0);
}

static void at_once_is_recycling(void)
{
    open_pool(POOL_FLOATING, LOGOFF_RECYCLE, 0);
    work_and_log_off();
    CU_ASSERT_EQUAL(desktop.state, DESKTOP_RECYCLING);
    CU_ASSERT_EQUAL(desktop.left_ms, 0);
    lab_close(&lab);
}

static void a_kept_desktop_is_its_users_and_nobody_elses(void)
{
    struct claim other;
    open_pool(POOL_FLOATING, LOGOFF_KEEP, 0);
    work_and_log_off();
    CU_ASSERT_EQUAL(desktop.state, DESKTOP_DISCONNECTED);
    CU_ASSERT_TRUE(desktop.left_ms > 0);
    CU_ASSERT_STRING_EQUAL(desktop.owner, "ann");
    CU_ASSERT_EQUAL(lab_claim(&lab, &bob, &pool, &other), 0);
    CU_ASSERT_STRING_EQUAL(other.session.desktop_id, ""); /* he waits for another one */
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_STRING_EQUAL(claim.session.desktop_id, desktop.id); /* and she passes nobody by */
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_get(lab.db, desktop.id, &desktop)), 0);
    CU_ASSERT_STRING_EQUAL(desktop.session_id, claim.session.id);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_connected(lab.db, claim.session.id, claim.session.connection)),
                    0);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_get(lab.db, desktop.id, &desktop)), 0);
    CU_ASSERT_EQUAL(desktop.state, DESKTOP_IN_USE);
    CU_ASSERT_EQUAL(desktop.left_ms, 0);
    CU_ASSERT_EQUAL(lab_count(&lab, "SELECT COUNT(*) FROM events WHERE kind = 'desktop.kept'"), 1);
    lab_close(&lab);
}

/* I2: neither state by which a claim of another could find it can be written. */
static void a_kept_desktop_cannot_become_ready(void)
{
    open_pool(POOL_FLOATING, LOGOFF_RECYCLE, 60000);
    work_and_log_off();
    CU_ASSERT_EQUAL(desktop.state, DESKTOP_DISCONNECTED);
    CU_ASSERT_EQUAL(
        LAB(&lab, store_desktop_set_state(lab.db, desktop.id, DESKTOP_DISCONNECTED, DESKTOP_READY, "")),
        CE_CONFLICT);
    CU_ASSERT_EQUAL(
        LAB(&lab, store_desktop_set_state(lab.db, desktop.id, DESKTOP_DISCONNECTED, DESKTOP_RECYCLING, "")),
        0);
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_STRING_EQUAL(claim.session.desktop_id, "");
    lab_close(&lab);
}

static void who_comes_back_but_is_not_led_there_leaves_it_kept(void)
{
    open_pool(POOL_FLOATING, LOGOFF_KEEP, 0);
    work_and_log_off();
    const int64_t left_ms = desktop.left_ms;
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_end(lab.db, claim.session.id, FAIL_NO_SHOW, "")), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_get(lab.db, desktop.id, &desktop)), 0);
    CU_ASSERT_EQUAL(desktop.state, DESKTOP_DISCONNECTED);
    CU_ASSERT_TRUE(left_ms > 0);
    CU_ASSERT_EQUAL(desktop.left_ms, left_ms);
    lab_close(&lab);
}

static void a_kept_desktop_works_in_a_full_pool(void)
{
    struct claim other;
    open_pool(POOL_FLOATING, LOGOFF_KEEP, 0);
    pool.max = 1;
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_update(lab.db, &pool)), 0);
    work_and_log_off();
    CU_ASSERT_EQUAL(lab_claim(&lab, &bob, &pool, &other), CE_REFUSED);
    CU_ASSERT_EQUAL(other.fail, FAIL_NO_DESKTOP);
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_STRING_EQUAL(claim.session.desktop_id, desktop.id);
    lab_close(&lab);
}

static void a_dedicated_desktop_that_goes_is_ready_until_then(void)
{
    open_pool(POOL_DEDICATED, LOGOFF_DELETE, 60000);
    work_and_log_off();
    CU_ASSERT_EQUAL(desktop.state, DESKTOP_READY);
    CU_ASSERT_TRUE(desktop.left_ms > 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_is_left(lab.db, &desktop)), 0);
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0); /* which cancels it */
    CU_ASSERT_STRING_EQUAL(claim.session.desktop_id, desktop.id);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_get(lab.db, desktop.id, &desktop)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_is_left(lab.db, &desktop)), CE_CONFLICT);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_connected(lab.db, claim.session.id, claim.session.connection)),
                    0);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_get(lab.db, desktop.id, &desktop)), 0);
    CU_ASSERT_EQUAL(desktop.left_ms, 0);
    lab_close(&lab);
}

static void whose_owner_waits_is_not_left(void)
{
    open_pool(POOL_DEDICATED, LOGOFF_RECYCLE, 60000);
    work_and_log_off();
    CU_ASSERT_EQUAL(
        LAB(&lab, store_desktop_set_state(lab.db, desktop.id, DESKTOP_READY, DESKTOP_STOPPED, "")), 0);
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_STRING_EQUAL(claim.session.desktop_id, "");
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_get(lab.db, desktop.id, &desktop)), 0);
    CU_ASSERT_TRUE(desktop.wanted && desktop.left_ms > 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_is_left(lab.db, &desktop)), CE_CONFLICT);
    lab_close(&lab);
}

/* What is open on it comes back with its memory, so nobody has left it. */
static void a_desktop_that_is_suspended_is_not_left(void)
{
    open_pool(POOL_DEDICATED, LOGOFF_RECYCLE, 0);
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_connected(lab.db, claim.session.id, claim.session.connection)),
                    0);
    CU_ASSERT_EQUAL(
        LAB(&lab, store_session_end_open(lab.db, claim.session.id, FAIL_DISCONNECT_LIMIT, "away")), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_get(lab.db, desktop.id, &desktop)), 0);
    CU_ASSERT_EQUAL(desktop.state, DESKTOP_READY);
    CU_ASSERT_EQUAL(desktop.left_ms, 0);
    lab_close(&lab);
}

static void a_new_disk_keeps_the_owner(void)
{
    struct image_row image = {.name = "two", .source = "/two.qcow2"};
    open_pool(POOL_DEDICATED, LOGOFF_KEEP, 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_image_insert(lab.db, &image)), 0);
    work_and_log_off();
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_set_renew(lab.db, desktop.id, image.id)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_get(lab.db, desktop.id, &desktop)), 0);
    CU_ASSERT_EQUAL(desktop.renew, RENEW_DISK);
    CU_ASSERT_STRING_EQUAL(desktop.image_id, image.id);
    CU_ASSERT_STRING_EQUAL(desktop.owner, "ann");
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_set_renewed(lab.db, desktop.id, RENEW_FIRST)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_get(lab.db, desktop.id, &desktop)), 0);
    CU_ASSERT_EQUAL(desktop.renew, RENEW_FIRST);
    lab_close(&lab);
}

/* --- limits ----------------------------------------------------------------------------------------------- */

static int claim_limited(const struct user_row *user, const struct pool_row *of, uint32_t user_max,
                         uint32_t max, struct claim *ret)
{
    struct session_request request = {.user_id = user->id,
                                      .pool_id = of->id,
                                      .gateway = "gw1",
                                      .client_address = "192.0.2.7",
                                      .client_name = "",
                                      .user_sessions_max = user_max,
                                      .sessions_max = max};
    return LAB(&lab, store_claim(lab.db, &request, ret));
}

static void a_users_sessions_are_limited_over_all_pools(void)
{
    struct pool_row second;
    struct claim other;
    open_pool(POOL_FLOATING, LOGOFF_RECYCLE, 0);
    lab_pool(&lab, "second", POOL_FLOATING, 3, &second);
    CU_ASSERT_EQUAL(claim_limited(&ann, &pool, 1, 0, &claim), 0);
    CU_ASSERT_EQUAL(claim_limited(&ann, &second, 1, 0, &other), CE_REFUSED);
    CU_ASSERT_EQUAL(other.fail, FAIL_USER_SESSIONS);
    CU_ASSERT_STRING_EQUAL(store_error(lab.db),
                           "You have 1 of at most 1. Log off from another desktop first.");
    CU_ASSERT_EQUAL(claim_limited(&ann, &pool, 1, 0, &other), 0); /* the one that is there already */
    CU_ASSERT_EQUAL(claim_limited(&bob, &second, 1, 0, &other), 0);
    CU_ASSERT_EQUAL(claim_limited(&ann, &second, 2, 0, &other), 0);
    lab_close(&lab);
}

static void a_pools_sessions_and_its_queue_are_limited(void)
{
    struct claim other;
    struct user_row cid;
    open_pool(POOL_FLOATING, LOGOFF_RECYCLE, 0);
    lab_user(&lab, "cid", &cid);
    pool.limits.waiting_max = 1;
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_update(lab.db, &pool)), 0);
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0); /* has the one desktop */
    CU_ASSERT_EQUAL(lab_claim(&lab, &bob, &pool, &other), 0);
    CU_ASSERT_EQUAL(lab_claim(&lab, &cid, &pool, &other), CE_REFUSED);
    CU_ASSERT_EQUAL(other.fail, FAIL_POOL_WAITING);
    CU_ASSERT_STRING_EQUAL(store_error(lab.db), "1 of at most 1 wait. Try again in a minute.");
    pool.limits.waiting_max = 0;
    pool.limits.sessions_max = 2;
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_update(lab.db, &pool)), 0);
    CU_ASSERT_EQUAL(lab_claim(&lab, &cid, &pool, &other), CE_REFUSED);
    CU_ASSERT_EQUAL(other.fail, FAIL_POOL_SESSIONS);
    CU_ASSERT_STRING_EQUAL(store_error(lab.db), "It has 2 of at most 2. Try again later.");
    lab_close(&lab);
}

static void all_sessions_are_limited(void)
{
    struct claim other;
    open_pool(POOL_FLOATING, LOGOFF_RECYCLE, 0);
    CU_ASSERT_EQUAL(claim_limited(&ann, &pool, 0, 1, &claim), 0);
    CU_ASSERT_EQUAL(claim_limited(&bob, &pool, 0, 1, &other), CE_REFUSED);
    CU_ASSERT_EQUAL(other.fail, FAIL_ALL_SESSIONS);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_end(lab.db, claim.session.id, FAIL_LOGOFF, "")), 0);
    CU_ASSERT_EQUAL(claim_limited(&bob, &pool, 0, 1, &other), 0);
    lab_close(&lab);
}

SUITE("store_logoff", TEST(at_once_is_recycling), TEST(a_kept_desktop_is_its_users_and_nobody_elses),
      TEST(a_kept_desktop_cannot_become_ready), TEST(who_comes_back_but_is_not_led_there_leaves_it_kept),
      TEST(a_kept_desktop_works_in_a_full_pool), TEST(a_dedicated_desktop_that_goes_is_ready_until_then),
      TEST(whose_owner_waits_is_not_left), TEST(a_desktop_that_is_suspended_is_not_left),
      TEST(a_new_disk_keeps_the_owner), TEST(a_users_sessions_are_limited_over_all_pools),
      TEST(a_pools_sessions_and_its_queue_are_limited), TEST(all_sessions_are_limited))
