#include "suite.h"

#include <stdio.h>
#include <string.h>

#include "store_lab.h"
#include "store_parts.h"

#define USERS 6

static struct lab lab;
static struct pool_row pool;
static struct user_row users[USERS];
static struct claim claim;

static void open_hall(enum pool_balance balance)
{
    lab_open(&lab);
    pool = (struct pool_row){
        .kind = POOL_STATIC, .credentials = CREDENTIALS_USER, .balance = balance, .enabled = true};
    snprintf(pool.name, sizeof pool.name, "hall");
    CU_ASSERT_EQUAL_FATAL(LAB(&lab, store_pool_insert(lab.db, &pool)), 0);
    for (unsigned i = 0; i < USERS; i++) {
        char name[8];
        snprintf(name, sizeof name, "u%u", i);
        lab_user(&lab, name, &users[i]);
    }
}

static int add(const char *name, uint32_t sessions_max, struct machine_row *ret)
{
    static uint16_t port = 3389;
    struct machine_row row = {.port = port++, .sessions_max = sessions_max};
    snprintf(row.name, sizeof row.name, "%s", name);
    snprintf(row.pool_id, sizeof row.pool_id, "%s", pool.id);
    snprintf(row.address, sizeof row.address, "192.0.2.1");
    memset(row.fingerprint, 'a', 64);
    int rc = LAB(&lab, store_machine_insert(lab.db, &row));
    if (ret)
        *ret = row;
    return rc;
}

static struct machine_row machine(const char *name)
{
    struct machine_row row = {.sessions = 9999};
    CU_ASSERT_EQUAL(LAB(&lab, store_machine_get(lab.db, name, &row)), 0);
    return row;
}

/* The machine that user I gets: the part of the desktop's name before the dot. */
static const char *place_of(unsigned i)
{
    static char name[NAME_SIZE];
    name[0] = '\0';
    if (lab_claim(&lab, &users[i], &pool, &claim))
        return fail_code(claim.fail);
    snprintf(name, sizeof name, "%s", claim.session.desktop);
    name[strcspn(name, ".")] = '\0';
    return name;
}

static int end_session(const char *id)
{
    return LAB(&lab, store_session_end(lab.db, id, FAIL_LOGOFF, ""));
}

/* What the counters say is what stands there. */
static void check_counts(void)
{
    CU_ASSERT_EQUAL(lab_count(&lab, "SELECT COUNT(*) FROM machines m WHERE m.sessions <> (SELECT COUNT(*)"
                                    " FROM desktops d WHERE d.machine_id = m.id)"),
                    0);
    CU_ASSERT_EQUAL(lab_count(&lab,
                              "SELECT COUNT(*) FROM desktops d WHERE NOT EXISTS (SELECT 1 FROM sessions s"
                              " WHERE s.desktop_id = d.id AND s.state <> 'ended')"),
                    0);
}

static void breadth_first_fills_the_machine_of_which_least_is_taken(void)
{
    open_hall(BALANCE_BREADTH);
    add("small", 2, NULL);
    add("big", 4, NULL);
    CU_ASSERT_STRING_EQUAL(place_of(0), "big"); /* both are empty and have served nobody: by name */
    CU_ASSERT_STRING_EQUAL(place_of(1), "small");
    CU_ASSERT_STRING_EQUAL(place_of(2), "big");   /* a quarter is less than a half */
    CU_ASSERT_STRING_EQUAL(place_of(3), "small"); /* both are half full, and small served fewer */
    CU_ASSERT_STRING_EQUAL(place_of(4), "big");
    CU_ASSERT_STRING_EQUAL(place_of(5), "big");
    check_counts();
    lab_close(&lab);
}

static void breadth_first_goes_round_among_equals(void)
{
    open_hall(BALANCE_BREADTH);
    add("a", 1, NULL);
    add("b", 1, NULL);
    add("c", 1, NULL);
    const char *expected[] = {"a", "b", "c", "a"};
    for (unsigned i = 0; i < 4; i++) {
        CU_ASSERT_STRING_EQUAL(place_of(i), expected[i]);
        CU_ASSERT_EQUAL(end_session(claim.session.id), 0);
    }
    check_counts();
    lab_close(&lab);
}

static void depth_first_fills_one_machine_before_the_next(void)
{
    open_hall(BALANCE_DEPTH);
    add("a", 2, NULL);
    add("b", 3, NULL);
    const char *expected[] = {"a", "a", "b", "b", "b", "no-desktop"};
    for (unsigned i = 0; i < USERS; i++)
        CU_ASSERT_STRING_EQUAL(place_of(i), expected[i]);
    check_counts();
    lab_close(&lab);
}

static void no_machine_gets_more_sessions_than_it_may_have(void)
{
    open_hall(BALANCE_BREADTH);
    add("pc", 1, NULL);
    CU_ASSERT_STRING_EQUAL(place_of(0), "pc");
    CU_ASSERT_STRING_EQUAL(place_of(1), "no-desktop");
    struct machine_row row = machine("pc");
    CU_ASSERT_EQUAL(row.sessions, 1);
    row.sessions_max = 2;
    CU_ASSERT_EQUAL(LAB(&lab, store_machine_update(lab.db, &row)), 0);
    CU_ASSERT_STRING_EQUAL(place_of(1), "pc");
    CU_ASSERT_STRING_EQUAL(place_of(2), "no-desktop");
    lab_close(&lab);
}

static void a_place_goes_with_its_session(void)
{
    struct session_row session;
    open_hall(BALANCE_BREADTH);
    add("pc", 1, NULL);
    CU_ASSERT_STRING_EQUAL(place_of(0), "pc");
    char id[ID_SIZE];
    memcpy(id, claim.session.id, sizeof id);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_connected(lab.db, id, 1)), 0);
    CU_ASSERT_EQUAL(lab_desktop_state(&lab, claim.session.desktop_id), DESKTOP_IN_USE);
    CU_ASSERT_EQUAL(end_session(id), 0);
    CU_ASSERT_EQUAL(machine("pc").sessions, 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_get(lab.db, id, &session)), 0);
    CU_ASSERT_STRING_EQUAL(session.desktop, "pc.1"); /* the history still says where it was */
    CU_ASSERT_STRING_EQUAL(place_of(1), "pc");
    CU_ASSERT_STRING_EQUAL(claim.session.desktop, "pc.2");
    check_counts();
    lab_close(&lab);
}

static void a_user_who_comes_back_gets_the_same_place(void)
{
    open_hall(BALANCE_BREADTH);
    add("a", 5, NULL);
    add("b", 5, NULL);
    CU_ASSERT_STRING_EQUAL(place_of(0), "a");
    CU_ASSERT_EQUAL(LAB(&lab, store_session_connected(lab.db, claim.session.id, 1)), 0);
    CU_ASSERT_EQUAL(
        LAB(&lab, store_session_closed(lab.db, claim.session.id, 1, FAIL_CLIENT_CLOSED, "", 0, 0)), 0);
    CU_ASSERT_STRING_EQUAL(place_of(1), "b");
    char id[ID_SIZE];
    CU_ASSERT_STRING_EQUAL(place_of(0), "a");
    memcpy(id, claim.session.desktop_id, sizeof id);
    CU_ASSERT_EQUAL(claim.session.connection, 2);
    CU_ASSERT_EQUAL(machine("a").sessions, 1);
    CU_ASSERT_EQUAL(lab_desktop_state(&lab, id), DESKTOP_DISCONNECTED);
    lab_close(&lab);
}

static void a_place_is_kept_for_a_while_and_then_given_up(void)
{
    uint32_t freed = 9;
    open_hall(BALANCE_BREADTH);
    add("pc", 1, NULL);
    CU_ASSERT_STRING_EQUAL(place_of(0), "pc");
    CU_ASSERT_EQUAL(LAB(&lab, store_session_connected(lab.db, claim.session.id, 1)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_place_expire(lab.db, INT64_MAX, &freed)), 0);
    CU_ASSERT_EQUAL(freed, 0); /* somebody is on it */
    CU_ASSERT_EQUAL(
        LAB(&lab, store_session_closed(lab.db, claim.session.id, 1, FAIL_CLIENT_CLOSED, "", 0, 0)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_place_expire(lab.db, store_now_ms() - 60000, &freed)), 0);
    CU_ASSERT_EQUAL(freed, 0);
    CU_ASSERT_STRING_EQUAL(place_of(1), "no-desktop");
    CU_ASSERT_EQUAL(LAB(&lab, store_place_expire(lab.db, store_now_ms() + 60000, &freed)), 0);
    CU_ASSERT_EQUAL(freed, 1);
    CU_ASSERT_STRING_EQUAL(place_of(1), "pc");
    check_counts();
    lab_close(&lab);
}

static void a_claim_that_lapses_gives_the_place_back(void)
{
    uint32_t expired = 0;
    open_hall(BALANCE_BREADTH);
    add("pc", 1, NULL);
    CU_ASSERT_STRING_EQUAL(place_of(0), "pc");
    CU_ASSERT_EQUAL(LAB(&lab, store_session_expire(lab.db, INT64_MAX, INT64_MAX, &expired)), 0);
    CU_ASSERT_EQUAL(expired, 1);
    CU_ASSERT_EQUAL(machine("pc").sessions, 0);
    check_counts();
    lab_close(&lab);
}

static void a_machine_that_drains_gets_nobody_new(void)
{
    open_hall(BALANCE_BREADTH);
    add("a", 5, NULL);
    add("b", 5, NULL);
    CU_ASSERT_STRING_EQUAL(place_of(0), "a");
    struct machine_row row = machine("a");
    row.draining = true;
    CU_ASSERT_EQUAL(LAB(&lab, store_machine_update(lab.db, &row)), 0);
    CU_ASSERT_STRING_EQUAL(place_of(1), "b");
    CU_ASSERT_STRING_EQUAL(place_of(2), "b");
    CU_ASSERT_STRING_EQUAL(place_of(0), "a"); /* who is on it stays */
    lab_close(&lab);
}

static void a_pool_without_a_usable_machine_says_so(void)
{
    open_hall(BALANCE_BREADTH);
    CU_ASSERT_STRING_EQUAL(place_of(0), "pool-failed");
    lab_close(&lab);
}

static void the_ticket_has_the_machines_address_and_the_fingerprint_if_the_pool_trusts_no_other(void)
{
    struct desktop_row desktop;
    struct machine_row row;
    open_hall(BALANCE_BREADTH);
    add("pc", 2, &row);
    place_of(0);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_hand_out(lab.db, claim.session.id, &desktop)), 0);
    CU_ASSERT_STRING_EQUAL(desktop.address, "192.0.2.1");
    CU_ASSERT_EQUAL(desktop.port, row.port);
    CU_ASSERT_STRING_EQUAL(desktop.fingerprint, row.fingerprint);
    CU_ASSERT_STRING_EQUAL(desktop.machine, "pc");
    CU_ASSERT_EQUAL(desktop.kind, POOL_STATIC);
    pool.trust = TRUST_ANY;
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_update(lab.db, &pool)), 0);
    place_of(1);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_hand_out(lab.db, claim.session.id, &desktop)), 0);
    CU_ASSERT_STRING_EQUAL(desktop.fingerprint, "");
    lab_close(&lab);
}

static void counts_its_places_as_a_pool_counts_desktops(void)
{
    struct pool_row seen;
    open_hall(BALANCE_BREADTH);
    add("a", 5, NULL);
    add("b", 2, NULL);
    place_of(0);
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_get(lab.db, "hall", &seen)), 0);
    CU_ASSERT_EQUAL(seen.max, 7);
    CU_ASSERT_EQUAL(seen.ready, 6);
    CU_ASSERT_EQUAL(seen.lent, 1);
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_update(lab.db, &seen)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_get(lab.db, "hall", &seen)), 0);
    CU_ASSERT_EQUAL(seen.max, 7); /* what was counted is not written down */
    lab_close(&lab);
}

static enum machine_state hears(const char *why)
{
    struct machine_row row = {.state = MACHINE_MISTRUSTED};
    CU_ASSERT_EQUAL(LAB(&lab, store_machine_get(lab.db, "pc", &row)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_machine_heard(lab.db, row.id, why, 3, &row)), 0);
    CU_ASSERT_STRING_EQUAL(row.reason, why ? why : "");
    return row.state;
}

static void is_down_after_some_missing_answers_in_a_row_and_up_after_one(void)
{
    open_hall(BALANCE_BREADTH);
    add("pc", 2, NULL);
    CU_ASSERT_EQUAL(hears("no answer"), MACHINE_UNKNOWN);
    CU_ASSERT_EQUAL(hears(NULL), MACHINE_UP);
    CU_ASSERT_EQUAL(hears("no answer"), MACHINE_UP);
    CU_ASSERT_EQUAL(hears("no answer"), MACHINE_UP);
    CU_ASSERT_STRING_EQUAL(place_of(0), "pc");
    CU_ASSERT_EQUAL(hears("refused"), MACHINE_DOWN);
    CU_ASSERT_EQUAL(hears("refused"), MACHINE_DOWN);
    CU_ASSERT_STRING_EQUAL(place_of(1), "pool-failed");
    CU_ASSERT_EQUAL(lab_count(&lab, "SELECT COUNT(*) FROM events WHERE kind = 'machine.down'"), 1);
    CU_ASSERT_EQUAL(hears(NULL), MACHINE_UP);
    CU_ASSERT_STRING_EQUAL(place_of(1), "pc");
    lab_close(&lab);
}

static void who_was_on_a_machine_that_is_down_gets_another(void)
{
    struct session_row session;
    char first[ID_SIZE];
    open_hall(BALANCE_BREADTH);
    add("pc", 1, NULL);
    CU_ASSERT_STRING_EQUAL(place_of(0), "pc");
    memcpy(first, claim.session.id, sizeof first);
    add("spare", 1, NULL);
    for (int i = 0; i < 3; i++)
        hears("no answer");
    CU_ASSERT_STRING_EQUAL(place_of(0), "spare");
    CU_ASSERT_EQUAL(LAB(&lab, store_session_get(lab.db, first, &session)), 0);
    CU_ASSERT_EQUAL(session.state, SESSION_ENDED);
    CU_ASSERT_STRING_EQUAL(session.end_code, "guest-unreachable");
    check_counts();
    lab_close(&lab);
}

static void remembers_the_first_certificate_and_mistrusts_another(void)
{
    char seen[65] = {0};
    struct desktop_row desktop;
    struct machine_row row;
    open_hall(BALANCE_BREADTH);
    add("pc", 2, &row);
    row.fingerprint[0] = '\0';
    CU_ASSERT_EQUAL(LAB(&lab, store_machine_update(lab.db, &row)), 0);
    place_of(0);
    memset(seen, 'b', 64);
    CU_ASSERT_EQUAL(LAB(&lab, store_machine_learn(lab.db, claim.session.desktop_id, seen)), 0);
    CU_ASSERT_STRING_EQUAL(machine("pc").fingerprint, seen);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_hand_out(lab.db, claim.session.id, &desktop)), 0);
    CU_ASSERT_STRING_EQUAL(desktop.fingerprint, seen); /* of the place that stands already, too */
    memset(seen, 'c', 64);
    CU_ASSERT_EQUAL(LAB(&lab, store_machine_learn(lab.db, claim.session.desktop_id, seen)), 0);
    CU_ASSERT_STRING_EQUAL(machine("pc").fingerprint, desktop.fingerprint);
    CU_ASSERT_EQUAL(LAB(&lab, store_machine_suspect(lab.db, &desktop, false)), 0);
    CU_ASSERT_EQUAL(machine("pc").state, MACHINE_UNKNOWN);
    CU_ASSERT_EQUAL(LAB(&lab, store_machine_suspect(lab.db, &desktop, true)), 0);
    CU_ASSERT_EQUAL(machine("pc").state, MACHINE_MISTRUSTED);
    CU_ASSERT_STRING_EQUAL(place_of(1), "pool-failed");
    CU_ASSERT_EQUAL(LAB(&lab, store_machine_heard(lab.db, row.id, NULL, 3, &row)), 0);
    CU_ASSERT_EQUAL(row.state, MACHINE_MISTRUSTED); /* an answer proves nothing */
    memcpy(row.fingerprint, seen, sizeof seen);
    CU_ASSERT_EQUAL(LAB(&lab, store_machine_update(lab.db, &row)), 0);
    CU_ASSERT_EQUAL(machine("pc").state, MACHINE_UNKNOWN);
    CU_ASSERT_EQUAL(LAB(&lab, store_machine_suspect(lab.db, &desktop, true)), 0);
    CU_ASSERT_EQUAL(machine("pc").state, MACHINE_UNKNOWN); /* that gateway still had the older one */
    lab_close(&lab);
}

static void a_pool_that_takes_any_certificate_remembers_none(void)
{
    char seen[65] = {0};
    struct machine_row row;
    open_hall(BALANCE_BREADTH);
    pool.trust = TRUST_ANY;
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_update(lab.db, &pool)), 0);
    add("pc", 2, &row);
    row.fingerprint[0] = '\0';
    CU_ASSERT_EQUAL(LAB(&lab, store_machine_update(lab.db, &row)), 0);
    place_of(0);
    memset(seen, 'b', 64);
    CU_ASSERT_EQUAL(LAB(&lab, store_machine_learn(lab.db, claim.session.desktop_id, seen)), 0);
    CU_ASSERT_STRING_EQUAL(machine("pc").fingerprint, "");
    lab_close(&lab);
}

static void is_removed_only_when_nobody_is_on_it(void)
{
    open_hall(BALANCE_BREADTH);
    struct machine_row pc;
    add("pc", 1, &pc);
    place_of(0);
    CU_ASSERT_EQUAL(LAB(&lab, store_machine_delete(lab.db, pc.id)), CE_CONFLICT);
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_delete(lab.db, pool.id)), CE_CONFLICT);
    CU_ASSERT_EQUAL(end_session(claim.session.id), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_delete(lab.db, pool.id)), 0); /* with its machines */
    CU_ASSERT_EQUAL(lab_count(&lab, "SELECT COUNT(*) FROM machines"), 0);
    lab_close(&lab);
}

static void is_added_once_and_to_static_pools_only(void)
{
    struct machine_row row;
    open_hall(BALANCE_BREADTH);
    CU_ASSERT_EQUAL(add("pc", 1, &row), 0);
    CU_ASSERT_EQUAL(add("pc", 1, NULL), CE_EXISTS);
    snprintf(row.name, sizeof row.name, "other");
    CU_ASSERT_EQUAL(LAB(&lab, store_machine_insert(lab.db, &row)), CE_EXISTS);
    CU_ASSERT_EQUAL(add("no name", 1, NULL), CE_BAD_INPUT);
    lab_pool(&lab, "demo", POOL_FLOATING, 1, &pool);
    CU_ASSERT_EQUAL(add("third", 1, NULL), CE_CONFLICT);
    lab_close(&lab);
}

SUITE("store_machine", TEST(breadth_first_fills_the_machine_of_which_least_is_taken),
      TEST(breadth_first_goes_round_among_equals), TEST(depth_first_fills_one_machine_before_the_next),
      TEST(no_machine_gets_more_sessions_than_it_may_have), TEST(a_place_goes_with_its_session),
      TEST(a_user_who_comes_back_gets_the_same_place), TEST(a_place_is_kept_for_a_while_and_then_given_up),
      TEST(a_claim_that_lapses_gives_the_place_back), TEST(a_machine_that_drains_gets_nobody_new),
      TEST(a_pool_without_a_usable_machine_says_so),
      TEST(the_ticket_has_the_machines_address_and_the_fingerprint_if_the_pool_trusts_no_other),
      TEST(is_down_after_some_missing_answers_in_a_row_and_up_after_one),
      TEST(who_was_on_a_machine_that_is_down_gets_another),
      TEST(remembers_the_first_certificate_and_mistrusts_another),
      TEST(a_pool_that_takes_any_certificate_remembers_none),
      TEST(counts_its_places_as_a_pool_counts_desktops), TEST(is_removed_only_when_nobody_is_on_it),
      TEST(is_added_once_and_to_static_pools_only))
