#include "suite.h"

#include <stdio.h>
#include <string.h>

#include "store_lab.h"

static const char digest[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static struct lab lab;
static struct claim claim;

/* ann is connected to the one desktop of the pool and could come back. */
static void open_active(void)
{
    struct pool_row pool;
    struct user_row ann;
    struct desktop_row desktop;
    lab_open(&lab);
    lab_pool(&lab, "demo", POOL_FLOATING, 1, &pool);
    lab_user(&lab, "ann", &ann);
    lab_desktop(&lab, &pool, "demo-1", &desktop);
    CU_ASSERT_EQUAL_FATAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_EQUAL_FATAL(LAB(&lab, store_session_connected(lab.db, claim.session.id, 1)), 0);
    CU_ASSERT_EQUAL_FATAL(LAB(&lab, store_session_set_reconnect(lab.db, claim.session.id, digest)), 0);
}

static int take(const char *what, int64_t after_ms, struct session_row *ret)
{
    return LAB(&lab, store_session_take_reconnect(lab.db, what, after_ms, ret));
}

static int closed(enum fail code)
{
    return LAB(&lab, store_session_closed(lab.db, claim.session.id, 1, code, "", 0, 0));
}

static void a_cookie_is_good_once(void)
{
    struct session_row session;
    open_active();
    CU_ASSERT_EQUAL(take(digest, 0, &session), 0);
    CU_ASSERT_STRING_EQUAL(session.id, claim.session.id);
    CU_ASSERT_EQUAL(take(digest, 0, &session), CE_NOT_FOUND);
    lab_close(&lab);
}

static void it_outlives_a_broken_network_for_a_while(void)
{
    struct session_row session;
    open_active();
    CU_ASSERT_EQUAL(closed(FAIL_CLIENT_CLOSED), 0);
    CU_ASSERT_EQUAL(take(digest, store_now_ms() + 1000, &session), CE_NOT_FOUND); /* too long ago */
    CU_ASSERT_EQUAL(take(digest, store_now_ms() - 60000, &session), 0);
    lab_close(&lab);
}

static void who_was_sent_away_does_not_come_back(void)
{
    static const enum fail codes[] = {FAIL_TAKEN_OVER, FAIL_ADMIN_DISCONNECT, FAIL_IDLE_LIMIT};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        struct session_row session;
        open_active();
        CU_ASSERT_EQUAL(closed(codes[i]), 0);
        CU_ASSERT_EQUAL(take(digest, 0, &session), CE_NOT_FOUND);
        lab_close(&lab);
    }
}

static void an_ended_session_and_an_empty_digest_are_nobodys(void)
{
    struct session_row session;
    open_active();
    CU_ASSERT_EQUAL(LAB(&lab, store_session_end(lab.db, claim.session.id, FAIL_LOGOFF, "")), 0);
    CU_ASSERT_EQUAL(take(digest, 0, &session), CE_NOT_FOUND);
    CU_ASSERT_EQUAL(take("", 0, &session), CE_NOT_FOUND);
    lab_close(&lab);
}

SUITE("store_reconnect", TEST(a_cookie_is_good_once), TEST(it_outlives_a_broken_network_for_a_while),
      TEST(who_was_sent_away_does_not_come_back), TEST(an_ended_session_and_an_empty_digest_are_nobodys))
