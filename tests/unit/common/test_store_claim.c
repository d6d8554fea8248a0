#include "suite.h"

#include <stdio.h>
#include <string.h>

#include "store_lab.h"

static struct lab lab;
static struct pool_row pool;
static struct user_row ann, bob, cid;
static struct claim claim;
static struct desktop_row desktop;

static void open_floating(uint32_t max)
{
    lab_open(&lab);
    lab_pool(&lab, "demo", POOL_FLOATING, max, &pool);
    lab_user(&lab, "ann", &ann);
    lab_user(&lab, "bob", &bob);
    lab_user(&lab, "cid", &cid);
}

static void open_dedicated(uint32_t max)
{
    lab_open(&lab);
    lab_pool(&lab, "own", POOL_DEDICATED, max, &pool);
    lab_user(&lab, "ann", &ann);
    lab_user(&lab, "bob", &bob);
    lab_user(&lab, "cid", &cid);
}

static void ready_desktop(const char *name)
{
    lab_desktop(&lab, &pool, name, &desktop);
}

static int move(const char *id, enum desktop_state from, enum desktop_state to)
{
    return LAB(&lab, store_desktop_set_state(lab.db, id, from, to, "test"));
}

static void gives_a_ready_desktop(void)
{
    open_floating(2);
    ready_desktop("demo-1");
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_STRING_EQUAL(claim.session.desktop_id, desktop.id);
    CU_ASSERT_STRING_EQUAL(claim.session.desktop, "demo-1");
    CU_ASSERT_STRING_EQUAL(claim.session.user, "ann");
    CU_ASSERT_EQUAL(claim.session.state, SESSION_STARTING);
    CU_ASSERT_EQUAL(claim.session.connection, 1);
    CU_ASSERT_EQUAL(claim.replaced, 0);
    CU_ASSERT_EQUAL(lab_desktop_state(&lab, desktop.id), DESKTOP_CLAIMED);
    lab_close(&lab);
}

static void gives_the_desktop_that_was_ready_first(void)
{
    open_floating(3);
    ready_desktop("demo-9");
    char first[ID_SIZE];
    snprintf(first, sizeof first, "%s", desktop.id);
    int64_t then = store_now_ms();
    while (store_now_ms() == then)
        ;
    ready_desktop("demo-1");
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_STRING_EQUAL(claim.session.desktop_id, first);
    lab_close(&lab);
}

static void the_same_user_gets_the_same_session_again(void)
{
    struct claim again;
    open_floating(2);
    ready_desktop("demo-1");
    ready_desktop("demo-2");
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &again), 0);
    CU_ASSERT_STRING_EQUAL(again.session.id, claim.session.id);
    CU_ASSERT_STRING_EQUAL(again.session.desktop_id, claim.session.desktop_id);
    CU_ASSERT_EQUAL(again.session.connection, 2);
    CU_ASSERT_EQUAL(again.replaced, 1);
    CU_ASSERT_STRING_EQUAL(again.replaced_gateway, "gw1");
    lab_close(&lab);
}

static void a_takeover_closes_the_active_connection(void)
{
    struct claim again;
    open_floating(2);
    ready_desktop("demo-1");
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_connected(lab.db, claim.session.id, 1)), 0);
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &again), 0);
    CU_ASSERT_EQUAL(again.replaced, 1);
    CU_ASSERT_EQUAL(again.session.state, SESSION_DISCONNECTED);
    CU_ASSERT_EQUAL(lab_desktop_state(&lab, desktop.id), DESKTOP_DISCONNECTED);
    /* What the older gateway has to say about it is stale. */
    CU_ASSERT_EQUAL(LAB(&lab, store_session_closed(lab.db, claim.session.id, 1, FAIL_TAKEN_OVER, "", 1, 1)),
                    CE_CONFLICT);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_connected(lab.db, claim.session.id, 1)), CE_CONFLICT);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_connected(lab.db, claim.session.id, 2)), 0);
    CU_ASSERT_EQUAL(lab_desktop_state(&lab, desktop.id), DESKTOP_IN_USE);
    lab_close(&lab);
}

static void a_closed_connection_needs_no_closing(void)
{
    struct claim again;
    open_floating(2);
    ready_desktop("demo-1");
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_connected(lab.db, claim.session.id, 1)), 0);
    CU_ASSERT_EQUAL(
        LAB(&lab, store_session_closed(lab.db, claim.session.id, 1, FAIL_CLIENT_CLOSED, "", 1, 1)), 0);
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &again), 0);
    CU_ASSERT_EQUAL(again.replaced, 0);
    CU_ASSERT_STRING_EQUAL(again.session.id, claim.session.id);
    lab_close(&lab);
}

static void two_users_get_two_desktops(void)
{
    struct claim other;
    open_floating(2);
    ready_desktop("demo-1");
    ready_desktop("demo-2");
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_EQUAL(lab_claim(&lab, &bob, &pool, &other), 0);
    CU_ASSERT_STRING_NOT_EQUAL(claim.session.desktop_id, "");
    CU_ASSERT_STRING_NOT_EQUAL(other.session.desktop_id, "");
    CU_ASSERT_STRING_NOT_EQUAL(claim.session.desktop_id, other.session.desktop_id);
    lab_close(&lab);
}

static uint32_t place(const char *session_id)
{
    uint32_t n = 99;
    CU_ASSERT_EQUAL(LAB(&lab, store_claim_place(lab.db, session_id, &n)), 0);
    return n;
}

static void waits_in_order_while_the_pool_can_grow(void)
{
    struct claim second, third;
    uint32_t served = 9;
    open_floating(2);
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_STRING_EQUAL(claim.session.desktop_id, "");
    CU_ASSERT_EQUAL(lab_claim(&lab, &bob, &pool, &second), 0);
    CU_ASSERT_EQUAL(place(claim.session.id), 1);
    CU_ASSERT_EQUAL(place(second.session.id), 2);
    CU_ASSERT_EQUAL(lab_claim(&lab, &cid, &pool, &third), CE_REFUSED);
    CU_ASSERT_EQUAL(third.fail, FAIL_NO_DESKTOP);
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_get(lab.db, "demo", &pool)), 0);
    CU_ASSERT_EQUAL(pool.waiting, 2);

    ready_desktop("demo-1");
    CU_ASSERT_EQUAL(LAB(&lab, store_claim_waiting(lab.db, pool.id, &served)), 0);
    CU_ASSERT_EQUAL(served, 1);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_get(lab.db, claim.session.id, &claim.session)), 0);
    CU_ASSERT_STRING_EQUAL(claim.session.desktop_id, desktop.id);
    CU_ASSERT_EQUAL(place(claim.session.id), 0);
    CU_ASSERT_EQUAL(place(second.session.id), 1);
    lab_close(&lab);
}

static void a_newcomer_does_not_overtake(void)
{
    struct claim later;
    open_floating(3);
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    ready_desktop("demo-1");
    /* The broker has not served the queue yet when bob comes. */
    CU_ASSERT_EQUAL(lab_claim(&lab, &bob, &pool, &later), 0);
    CU_ASSERT_STRING_EQUAL(later.session.desktop_id, "");
    CU_ASSERT_EQUAL(LAB(&lab, store_session_get(lab.db, claim.session.id, &claim.session)), 0);
    CU_ASSERT_STRING_EQUAL(claim.session.desktop_id, desktop.id);
    lab_close(&lab);
}

static void a_burst_of_200_on_a_pool_of_4(void)
{
    unsigned given = 0, waiting = 0, refused = 0;
    open_floating(4);
    ready_desktop("demo-1");
    ready_desktop("demo-2");
    for (int i = 0; i < 200; i++) {
        struct user_row user;
        char name[16];
        snprintf(name, sizeof name, "u%d", i);
        lab_user(&lab, name, &user);
        int rc = lab_claim(&lab, &user, &pool, &claim);
        if (rc == CE_REFUSED) {
            CU_ASSERT_EQUAL(claim.fail, FAIL_NO_DESKTOP);
            refused++;
        } else {
            CU_ASSERT_EQUAL(rc, 0);
            claim.session.desktop_id[0] ? given++ : waiting++;
        }
    }
    CU_ASSERT_EQUAL(given, 2);
    CU_ASSERT_EQUAL(waiting, 2);
    CU_ASSERT_EQUAL(refused, 196);
    lab_close(&lab);
}

static void says_why_a_pool_refuses(void)
{
    struct claim refused;
    struct session_request nowhere = {.user_id = ann.id, .pool_id = "p-none"};
    open_floating(1);
    CU_ASSERT_EQUAL(LAB(&lab, store_claim(lab.db, &nowhere, &refused)), CE_NOT_FOUND);
    CU_ASSERT_EQUAL(refused.fail, FAIL_NO_SUCH_POOL);

    CU_ASSERT_EQUAL(LAB(&lab, store_pool_set_failure(lab.db, pool.id, 5, 0, true, "no KVM")), 0);
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &refused), CE_REFUSED);
    CU_ASSERT_EQUAL(refused.fail, FAIL_POOL_FAILED);
    ready_desktop("demo-1");
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);

    pool.enabled = false;
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_update(lab.db, &pool)), 0);
    CU_ASSERT_EQUAL(lab_claim(&lab, &bob, &pool, &refused), CE_REFUSED);
    CU_ASSERT_EQUAL(refused.fail, FAIL_POOL_DISABLED);
    /* Who is in already comes back to their own desktop. */
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);

    pool.enabled = true;
    bob.disabled = true;
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_update(lab.db, &pool)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_user_update(lab.db, &bob)), 0);
    CU_ASSERT_EQUAL(lab_claim(&lab, &bob, &pool, &refused), CE_REFUSED);
    CU_ASSERT_EQUAL(refused.fail, FAIL_ACCOUNT_DISABLED);
    lab_close(&lab);
}

static void for_a_desktop_in_maintenance_another_is_waited_for(void)
{
    open_floating(1);
    ready_desktop("demo-1");
    CU_ASSERT_EQUAL(move(desktop.id, DESKTOP_READY, DESKTOP_MAINTENANCE), 0);
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_STRING_EQUAL(claim.session.desktop_id, "");
    CU_ASSERT_EQUAL(lab_claim(&lab, &bob, &pool, &claim), CE_REFUSED);
    CU_ASSERT_EQUAL(claim.fail, FAIL_NO_DESKTOP);
    lab_close(&lab);
}

static void a_session_on_a_failed_desktop_is_replaced(void)
{
    struct claim again;
    open_floating(2);
    ready_desktop("demo-1");
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_connected(lab.db, claim.session.id, 1)), 0);
    CU_ASSERT_EQUAL(move(desktop.id, DESKTOP_IN_USE, DESKTOP_FAILED), 0);
    ready_desktop("demo-2");
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &again), 0);
    CU_ASSERT_STRING_NOT_EQUAL(again.session.id, claim.session.id);
    CU_ASSERT_STRING_EQUAL(again.session.desktop, "demo-2");
    CU_ASSERT_EQUAL(again.session.connection, 1);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_get(lab.db, claim.session.id, &claim.session)), 0);
    CU_ASSERT_EQUAL(claim.session.state, SESSION_ENDED);
    CU_ASSERT_STRING_EQUAL(claim.session.end_code, "guest-failed");
    lab_close(&lab);
}

static void the_way_to_the_guest_makes_a_desktop_touched(void)
{
    struct desktop_row led;
    open_floating(2);
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_hand_out(lab.db, claim.session.id, &led)), CE_CONFLICT);
    ready_desktop("demo-1");
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_hand_out(lab.db, claim.session.id, &led)), 0);
    CU_ASSERT_TRUE(led.touched);
    CU_ASSERT_STRING_EQUAL(led.owner, "ann");
    CU_ASSERT_STRING_EQUAL(led.session_id, claim.session.id);
    /* It goes to nobody else before it was cloned again. */
    CU_ASSERT_EQUAL(move(led.id, DESKTOP_CLAIMED, DESKTOP_READY), CE_CONFLICT);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_end(lab.db, claim.session.id, FAIL_LOGOFF, "")), 0);
    CU_ASSERT_EQUAL(lab_desktop_state(&lab, led.id), DESKTOP_RECYCLING);
    lab_close(&lab);
}

static void a_dedicated_desktop_becomes_its_first_users(void)
{
    struct claim again;
    struct desktop_row led;
    open_dedicated(3);
    ready_desktop("own-1");
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_hand_out(lab.db, claim.session.id, &led)), 0);
    CU_ASSERT_STRING_EQUAL(led.owner, "ann");
    CU_ASSERT_EQUAL(LAB(&lab, store_session_connected(lab.db, claim.session.id, 1)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_end(lab.db, claim.session.id, FAIL_LOGOFF, "")), 0);
    CU_ASSERT_EQUAL(lab_desktop_state(&lab, led.id), DESKTOP_READY);
    /* bob does not get it though it is ready; ann does, even with another one ready for longer. */
    CU_ASSERT_EQUAL(lab_claim(&lab, &bob, &pool, &again), 0);
    CU_ASSERT_STRING_EQUAL(again.session.desktop_id, "");
    ready_desktop("own-2");
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &again), 0);
    CU_ASSERT_STRING_EQUAL(again.session.desktop, "own-1");
    CU_ASSERT_STRING_NOT_EQUAL(again.session.id, claim.session.id);
    lab_close(&lab);
}

static void a_stopped_dedicated_desktop_is_wanted_and_waited_for(void)
{
    struct claim again, later;
    struct desktop_row own;
    uint32_t served = 0;
    open_dedicated(2);
    ready_desktop("own-1");
    own = desktop;
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_connected(lab.db, claim.session.id, 1)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_end(lab.db, claim.session.id, FAIL_LOGOFF, "")), 0);
    CU_ASSERT_EQUAL(move(own.id, DESKTOP_READY, DESKTOP_STOPPED), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_get(lab.db, own.id, &own)), 0);
    CU_ASSERT_FALSE(own.wanted);

    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &again), 0);
    CU_ASSERT_STRING_EQUAL(again.session.desktop_id, "");
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_get(lab.db, own.id, &own)), 0);
    CU_ASSERT_TRUE(own.wanted);
    /* bob, behind her, gets the one that is nobody's. */
    ready_desktop("own-2");
    CU_ASSERT_EQUAL(lab_claim(&lab, &bob, &pool, &later), 0);
    CU_ASSERT_STRING_EQUAL(later.session.desktop, "own-2");
    CU_ASSERT_EQUAL(move(own.id, DESKTOP_STOPPED, DESKTOP_BOOTING), 0);
    CU_ASSERT_EQUAL(move(own.id, DESKTOP_BOOTING, DESKTOP_READY), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_claim_waiting(lab.db, pool.id, &served)), 0);
    CU_ASSERT_EQUAL(served, 1);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_get(lab.db, again.session.id, &again.session)), 0);
    CU_ASSERT_STRING_EQUAL(again.session.desktop_id, own.id);
    lab_close(&lab);
}

static void a_full_dedicated_pool_refuses_strangers(void)
{
    struct claim refused;
    open_dedicated(1);
    ready_desktop("own-1");
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_connected(lab.db, claim.session.id, 1)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_end(lab.db, claim.session.id, FAIL_LOGOFF, "")), 0);
    CU_ASSERT_EQUAL(lab_claim(&lab, &bob, &pool, &refused), CE_REFUSED);
    CU_ASSERT_EQUAL(refused.fail, FAIL_NO_DESKTOP);
    CU_ASSERT_EQUAL(move(desktop.id, DESKTOP_READY, DESKTOP_MAINTENANCE), 0);
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &refused), CE_REFUSED);
    CU_ASSERT_EQUAL(refused.fail, FAIL_POOL_DISABLED);
    CU_ASSERT_EQUAL(move(desktop.id, DESKTOP_MAINTENANCE, DESKTOP_FAILED), 0);
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &refused), CE_REFUSED);
    CU_ASSERT_EQUAL(refused.fail, FAIL_POOL_FAILED);
    lab_close(&lab);
}

static void nobodys_dedicated_desktop_is_nobodys_again_after_a_no_show(void)
{
    open_dedicated(1);
    ready_desktop("own-1");
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_end(lab.db, claim.session.id, FAIL_NO_SHOW, "")), 0);
    CU_ASSERT_EQUAL(lab_claim(&lab, &bob, &pool, &claim), 0);
    CU_ASSERT_STRING_EQUAL(claim.session.desktop, "own-1");
    lab_close(&lab);
}

static void a_claim_writes_its_events(void)
{
    open_floating(1);
    ready_desktop("demo-1");
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_EQUAL(lab_count(&lab, "SELECT COUNT(*) FROM events WHERE kind = 'session.started'"
                                    " AND user_name = 'ann' AND pool_name = 'demo'"),
                    1);
    CU_ASSERT_EQUAL(lab_count(&lab, "SELECT COUNT(*) FROM events WHERE kind = 'desktop.claimed'"
                                    " AND desktop_name = 'demo-1' AND session_id <> ''"),
                    1);
    lab_close(&lab);
}

SUITE("store_claim", TEST(gives_a_ready_desktop), TEST(gives_the_desktop_that_was_ready_first),
      TEST(the_same_user_gets_the_same_session_again), TEST(a_takeover_closes_the_active_connection),
      TEST(a_closed_connection_needs_no_closing), TEST(two_users_get_two_desktops),
      TEST(waits_in_order_while_the_pool_can_grow), TEST(a_newcomer_does_not_overtake),
      TEST(a_burst_of_200_on_a_pool_of_4), TEST(says_why_a_pool_refuses),
      TEST(for_a_desktop_in_maintenance_another_is_waited_for),
      TEST(a_session_on_a_failed_desktop_is_replaced), TEST(the_way_to_the_guest_makes_a_desktop_touched),
      TEST(a_dedicated_desktop_becomes_its_first_users),
      TEST(a_stopped_dedicated_desktop_is_wanted_and_waited_for),
      TEST(a_full_dedicated_pool_refuses_strangers),
      TEST(nobodys_dedicated_desktop_is_nobodys_again_after_a_no_show), TEST(a_claim_writes_its_events))
