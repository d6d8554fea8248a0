#include "suite.h"

#include <stdio.h>
#include <string.h>

#include "store_lab.h"

static struct lab lab;
static struct pool_row pool;
static struct user_row ann, bob;
static struct claim claim;
static struct desktop_row desktop;

/* ann has claimed the one desktop of the pool. */
static void open_claimed(enum pool_kind kind)
{
    lab_open(&lab);
    lab_pool(&lab, "demo", kind, 1, &pool);
    lab_user(&lab, "ann", &ann);
    lab_user(&lab, "bob", &bob);
    lab_desktop(&lab, &pool, "demo-1", &desktop);
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
}

static int connected(uint32_t connection)
{
    return LAB(&lab, store_session_connected(lab.db, claim.session.id, connection));
}

static int closed(uint32_t connection, enum fail code)
{
    return LAB(&lab, store_session_closed(lab.db, claim.session.id, connection, code, "detail", 1000, 2000));
}

static int ended(enum fail code)
{
    return LAB(&lab, store_session_end(lab.db, claim.session.id, code, "detail"));
}

static void read_session(struct session_row *ret)
{
    CU_ASSERT_EQUAL_FATAL(LAB(&lab, store_session_get(lab.db, claim.session.id, ret)), 0);
}

static void goes_its_way_from_claim_to_log_off(void)
{
    struct session_row session;
    open_claimed(POOL_FLOATING);
    CU_ASSERT_EQUAL(connected(1), 0);
    CU_ASSERT_EQUAL(lab_desktop_state(&lab, desktop.id), DESKTOP_IN_USE);
    CU_ASSERT_EQUAL(connected(1), 0); /* told twice */
    CU_ASSERT_EQUAL(closed(1, FAIL_CLIENT_CLOSED), 0);
    CU_ASSERT_EQUAL(lab_desktop_state(&lab, desktop.id), DESKTOP_DISCONNECTED);
    read_session(&session);
    CU_ASSERT_EQUAL(session.state, SESSION_DISCONNECTED);
    CU_ASSERT_STRING_EQUAL(session.end_code, "client-closed");
    CU_ASSERT_TRUE(session.disconnected_ms >= session.connected_ms);
    CU_ASSERT_EQUAL(connected(1), 0);
    CU_ASSERT_EQUAL(ended(FAIL_LOGOFF), 0);
    CU_ASSERT_EQUAL(lab_desktop_state(&lab, desktop.id), DESKTOP_RECYCLING);
    read_session(&session);
    CU_ASSERT_EQUAL(session.state, SESSION_ENDED);
    CU_ASSERT_STRING_EQUAL(session.end_code, "logoff");
    CU_ASSERT_NOT_EQUAL(session.ended_ms, 0);
    CU_ASSERT_EQUAL(ended(FAIL_LOGOFF), CE_CONFLICT);
    CU_ASSERT_EQUAL(connected(1), CE_CONFLICT);
    lab_close(&lab);
}

static void counts_the_bytes_of_all_connections(void)
{
    struct session_row session;
    open_claimed(POOL_FLOATING);
    CU_ASSERT_EQUAL(connected(1), 0);
    CU_ASSERT_EQUAL(closed(1, FAIL_CLIENT_CLOSED), 0);
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_EQUAL(connected(2), 0);
    /* The guest's log-off is often told before the gateway's close. */
    CU_ASSERT_EQUAL(ended(FAIL_LOGOFF), 0);
    CU_ASSERT_EQUAL(closed(2, FAIL_GUEST_CLOSED), 0);
    CU_ASSERT_EQUAL(closed(1, FAIL_GUEST_CLOSED), CE_CONFLICT);
    read_session(&session);
    CU_ASSERT_EQUAL(session.bytes_in, 2000);
    CU_ASSERT_EQUAL(session.bytes_out, 4000);
    CU_ASSERT_EQUAL(session.state, SESSION_ENDED);
    CU_ASSERT_STRING_EQUAL(session.end_code, "logoff");
    lab_close(&lab);
}

static void keeps_the_claim_of_a_client_that_gave_up_early(void)
{
    struct session_row session;
    open_claimed(POOL_FLOATING);
    CU_ASSERT_EQUAL(closed(1, FAIL_DESKTOP_STARTING), 0);
    read_session(&session);
    CU_ASSERT_EQUAL(session.state, SESSION_STARTING);
    CU_ASSERT_EQUAL(lab_desktop_state(&lab, desktop.id), DESKTOP_CLAIMED);
    CU_ASSERT_EQUAL(ended(FAIL_NO_SHOW), 0);
    CU_ASSERT_EQUAL(lab_desktop_state(&lab, desktop.id), DESKTOP_READY);
    lab_close(&lab);
}

static void a_close_after_the_hand_out_keeps_the_desktop_for_its_user(void)
{
    struct desktop_row led;
    open_claimed(POOL_FLOATING);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_hand_out(lab.db, claim.session.id, &led)), 0);
    CU_ASSERT_EQUAL(closed(1, FAIL_GUEST_UNREACHABLE), 0);
    CU_ASSERT_EQUAL(lab_session_state(&lab, claim.session.id), SESSION_DISCONNECTED);
    CU_ASSERT_EQUAL(lab_desktop_state(&lab, desktop.id), DESKTOP_DISCONNECTED);
    CU_ASSERT_EQUAL(ended(FAIL_ADMIN_LOGOFF), 0);
    CU_ASSERT_EQUAL(lab_desktop_state(&lab, desktop.id), DESKTOP_RECYCLING);
    lab_close(&lab);
}

static void a_dedicated_desktop_is_ready_after_log_off(void)
{
    open_claimed(POOL_DEDICATED);
    CU_ASSERT_EQUAL(connected(1), 0);
    CU_ASSERT_EQUAL(closed(1, FAIL_CLIENT_CLOSED), 0);
    CU_ASSERT_EQUAL(ended(FAIL_LOGOFF), 0);
    CU_ASSERT_EQUAL(lab_desktop_state(&lab, desktop.id), DESKTOP_READY);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_get(lab.db, desktop.id, &desktop)), 0);
    CU_ASSERT_STRING_EQUAL(desktop.owner, "ann");
    lab_close(&lab);
}

static void leaves_a_failed_desktop_where_it_is(void)
{
    open_claimed(POOL_FLOATING);
    CU_ASSERT_EQUAL(connected(1), 0);
    CU_ASSERT_EQUAL(
        LAB(&lab, store_desktop_set_state(lab.db, desktop.id, DESKTOP_IN_USE, DESKTOP_FAILED, "crashed")), 0);
    CU_ASSERT_EQUAL(closed(1, FAIL_GUEST_CLOSED), 0);
    CU_ASSERT_EQUAL(lab_session_state(&lab, claim.session.id), SESSION_DISCONNECTED);
    CU_ASSERT_EQUAL(connected(1), CE_CONFLICT);
    CU_ASSERT_EQUAL(ended(FAIL_GUEST_FAILED), 0);
    CU_ASSERT_EQUAL(lab_desktop_state(&lab, desktop.id), DESKTOP_FAILED);
    lab_close(&lab);
}

static void lapses_when_nobody_comes(void)
{
    struct claim waiting;
    uint32_t count = 99;
    int64_t future = store_now_ms() + 60000;
    open_claimed(POOL_FLOATING);
    pool.max = 2;
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_update(lab.db, &pool)), 0);
    CU_ASSERT_EQUAL(lab_claim(&lab, &bob, &pool, &waiting), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_expire(lab.db, 1, 1, &count)), 0);
    CU_ASSERT_EQUAL(count, 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_expire(lab.db, future, 1, &count)), 0);
    CU_ASSERT_EQUAL(count, 1);
    CU_ASSERT_EQUAL(lab_session_state(&lab, waiting.session.id), SESSION_ENDED);
    CU_ASSERT_EQUAL(lab_session_state(&lab, claim.session.id), SESSION_STARTING);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_expire(lab.db, 1, future, &count)), 0);
    CU_ASSERT_EQUAL(count, 1);
    CU_ASSERT_EQUAL(lab_desktop_state(&lab, desktop.id), DESKTOP_READY);
    /* An active one never lapses. */
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_EQUAL(connected(1), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_expire(lab.db, future, future, &count)), 0);
    CU_ASSERT_EQUAL(count, 0);
    lab_close(&lab);
}

static int count_session(void *arg, const struct session_row *row)
{
    ++*(unsigned *)arg;
    return 0;
}

static unsigned listed(const struct session_filter *filter)
{
    unsigned n = 0;
    CU_ASSERT_EQUAL(LAB(&lab, store_session_list(lab.db, filter, count_session, &n)), 0);
    return n;
}

static void lists_by_user_pool_gateway_and_state(void)
{
    open_claimed(POOL_FLOATING);
    CU_ASSERT_EQUAL(connected(1), 0);
    CU_ASSERT_EQUAL(ended(FAIL_LOGOFF), 0);
    pool.max = 5;
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_update(lab.db, &pool)), 0);
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_EQUAL(lab_claim(&lab, &bob, &pool, &claim), 0);
    CU_ASSERT_EQUAL(listed(NULL), 2);
    CU_ASSERT_EQUAL(listed(&(struct session_filter){.state = -1, .ended = true}), 3);
    CU_ASSERT_EQUAL(listed(&(struct session_filter){.state = -1, .ended = true, .limit = 2}), 2);
    CU_ASSERT_EQUAL(listed(&(struct session_filter){.state = SESSION_ENDED}), 1);
    CU_ASSERT_EQUAL(listed(&(struct session_filter){.state = SESSION_STARTING, .pool_id = pool.id}), 2);
    CU_ASSERT_EQUAL(listed(&(struct session_filter){.state = -1, .user_id = ann.id}), 1);
    CU_ASSERT_EQUAL(listed(&(struct session_filter){.state = -1, .user_id = ann.id, .ended = true}), 2);
    CU_ASSERT_EQUAL(listed(&(struct session_filter){.state = SESSION_ENDED, .user_id = ann.id}), 1);
    CU_ASSERT_EQUAL(listed(&(struct session_filter){.state = -1, .gateway = "gw1"}), 2);
    CU_ASSERT_EQUAL(listed(&(struct session_filter){.state = -1, .gateway = "gw2", .ended = true}), 0);
    lab_close(&lab);
}

static void keeps_the_history_of_what_is_gone(void)
{
    struct session_row session;
    open_claimed(POOL_FLOATING);
    CU_ASSERT_EQUAL(connected(1), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_user_delete(lab.db, ann.id)), CE_CONFLICT);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_delete(lab.db, desktop.id, FAIL_GUEST_FAILED)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_user_delete(lab.db, ann.id)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_delete(lab.db, pool.id)), 0);
    read_session(&session);
    CU_ASSERT_EQUAL(session.state, SESSION_ENDED);
    CU_ASSERT_STRING_EQUAL(session.end_code, "guest-failed");
    CU_ASSERT_STRING_EQUAL(session.user, "ann");
    CU_ASSERT_STRING_EQUAL(session.pool, "demo");
    CU_ASSERT_STRING_EQUAL(session.desktop, "demo-1");
    CU_ASSERT_STRING_EQUAL(session.user_id, "");
    CU_ASSERT_STRING_EQUAL(session.desktop_id, "");
    CU_ASSERT_EQUAL(LAB(&lab, store_session_forget(lab.db, session.ended_ms)), 0);
    CU_ASSERT_EQUAL(listed(&(struct session_filter){.state = -1, .ended = true}), 1);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_forget(lab.db, session.ended_ms + 1)), 0);
    CU_ASSERT_EQUAL(listed(&(struct session_filter){.state = -1, .ended = true}), 0);
    lab_close(&lab);
}

static void seen(const char *boot)
{
    struct gateway_row row = {.name = "gw1", .address = "192.0.2.1:3389", .version = "1", .sessions = 1};
    snprintf(row.boot_id, sizeof row.boot_id, "%s", boot);
    CU_ASSERT_EQUAL(LAB(&lab, store_gateway_seen(lab.db, &row)), 0);
}

static void a_restarted_gateway_disconnects_what_it_had(void)
{
    struct session_row session;
    open_claimed(POOL_FLOATING);
    seen("boot-1");
    CU_ASSERT_EQUAL(connected(1), 0);
    seen("boot-1");
    CU_ASSERT_EQUAL(lab_session_state(&lab, claim.session.id), SESSION_ACTIVE);
    seen("boot-2");
    read_session(&session);
    CU_ASSERT_EQUAL(session.state, SESSION_DISCONNECTED);
    CU_ASSERT_STRING_EQUAL(session.end_code, "gateway-lost");
    CU_ASSERT_EQUAL(lab_desktop_state(&lab, desktop.id), DESKTOP_DISCONNECTED);
    lab_close(&lab);
}

static void a_silent_gateway_loses_its_sessions_and_may_report_them_again(void)
{
    struct gateway_row gateway;
    struct claim again;
    uint32_t count = 99;
    open_claimed(POOL_FLOATING);
    seen("boot-1");
    CU_ASSERT_EQUAL(connected(1), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_gateway_expire(lab.db, 1, &count)), 0);
    CU_ASSERT_EQUAL(count, 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_gateway_expire(lab.db, store_now_ms() + 1, &count)), 0);
    CU_ASSERT_EQUAL(count, 1);
    CU_ASSERT_EQUAL(LAB(&lab, store_gateway_get(lab.db, "gw1", &gateway)), 0);
    CU_ASSERT_FALSE(gateway.up);
    CU_ASSERT_EQUAL(lab_session_state(&lab, claim.session.id), SESSION_DISCONNECTED);
    CU_ASSERT_EQUAL(connected(1), 0);
    seen("boot-1");
    CU_ASSERT_EQUAL(lab_session_state(&lab, claim.session.id), SESSION_ACTIVE);
    /* The older connection may still run on a gateway that was only cut off: it is to be closed. */
    CU_ASSERT_EQUAL(LAB(&lab, store_gateway_expire(lab.db, store_now_ms() + 1, &count)), 0);
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &again), 0);
    CU_ASSERT_EQUAL(again.replaced, 1);
    lab_close(&lab);
}

SUITE("store_session", TEST(goes_its_way_from_claim_to_log_off), TEST(counts_the_bytes_of_all_connections),
      TEST(keeps_the_claim_of_a_client_that_gave_up_early),
      TEST(a_close_after_the_hand_out_keeps_the_desktop_for_its_user),
      TEST(a_dedicated_desktop_is_ready_after_log_off), TEST(leaves_a_failed_desktop_where_it_is),
      TEST(lapses_when_nobody_comes), TEST(lists_by_user_pool_gateway_and_state),
      TEST(keeps_the_history_of_what_is_gone), TEST(a_restarted_gateway_disconnects_what_it_had),
      TEST(a_silent_gateway_loses_its_sessions_and_may_report_them_again))
