#include "suite.h"

#include <stdio.h>
#include <string.h>

#include "store_lab.h"

static struct lab lab;
static struct pool_row pool;
static struct desktop_row desktop;

static void open_pool(enum pool_kind kind, uint32_t max)
{
    lab_open(&lab);
    lab_pool(&lab, "demo", kind, max, &pool);
}

static int insert(const char *name, const char *uuid)
{
    struct desktop_row row = {0};
    snprintf(row.name, sizeof row.name, "%s", name);
    snprintf(row.uuid, sizeof row.uuid, "%s", uuid);
    snprintf(row.pool_id, sizeof row.pool_id, "%s", pool.id);
    return LAB(&lab, store_desktop_insert(lab.db, &row));
}

static int move(enum desktop_state from, enum desktop_state to)
{
    return LAB(&lab, store_desktop_set_state(lab.db, desktop.id, from, to, "why"));
}

static void a_pool_never_has_more_than_its_max(void)
{
    open_pool(POOL_FLOATING, 2);
    CU_ASSERT_EQUAL(insert("demo-1", ""), 0);
    CU_ASSERT_EQUAL(insert("demo-2", ""), 0);
    CU_ASSERT_EQUAL(insert("demo-3", ""), CE_LIMIT);
    CU_ASSERT_PTR_NOT_NULL(strstr(lab.db->error, "2 of 2"));
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_set_deleting(lab.db, pool.id)), 0);
    CU_ASSERT_EQUAL(insert("demo-3", ""), CE_CONFLICT);
    lab_close(&lab);
}

static void names_and_uuids_are_unique(void)
{
    open_pool(POOL_FLOATING, 9);
    CU_ASSERT_EQUAL(insert("demo-1", "uuid-1"), 0);
    CU_ASSERT_EQUAL(insert("demo-1", "uuid-2"), CE_EXISTS);
    CU_ASSERT_EQUAL(insert("demo-2", "uuid-1"), CE_EXISTS);
    CU_ASSERT_EQUAL(insert("demo-2", "uuid-2"), 0);
    CU_ASSERT_EQUAL(insert("demo 3", ""), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(insert("demo-4", ""), 0);
    CU_ASSERT_EQUAL(insert("demo-5", ""), 0); /* no uuid yet, twice */
    lab_close(&lab);
}

static void changes_state_only_as_the_table_says(void)
{
    open_pool(POOL_FLOATING, 1);
    lab_desktop(&lab, &pool, "demo-1", &desktop);
    CU_ASSERT_EQUAL(move(DESKTOP_CLONING, DESKTOP_BOOTING), CE_CONFLICT);
    CU_ASSERT_EQUAL(move(DESKTOP_READY, DESKTOP_IN_USE), CE_INTERNAL);
    CU_ASSERT_EQUAL(lab_desktop_state(&lab, desktop.id), DESKTOP_READY);
    CU_ASSERT_EQUAL(move(DESKTOP_READY, DESKTOP_FAILED), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_get(lab.db, "demo-1", &desktop)), 0);
    CU_ASSERT_EQUAL(desktop.state, DESKTOP_FAILED);
    CU_ASSERT_STRING_EQUAL(desktop.reason, "why");
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_set_state(lab.db, "d-none", DESKTOP_READY, DESKTOP_FAILED, "")),
                    CE_NOT_FOUND);
    CU_ASSERT_EQUAL(lab_count(&lab, "SELECT COUNT(*) FROM events WHERE kind = 'desktop.failed'"), 1);
    lab_close(&lab);
}

/* Every way from a touched floating desktop back to a clean state leads through cloning. */
static void a_touched_floating_desktop_is_only_recycled(void)
{
    struct user_row ann;
    struct claim claim;
    open_pool(POOL_FLOATING, 1);
    lab_user(&lab, "ann", &ann);
    lab_desktop(&lab, &pool, "demo-1", &desktop);
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_connected(lab.db, claim.session.id, 1)), 0);
    CU_ASSERT_EQUAL(move(DESKTOP_IN_USE, DESKTOP_READY), CE_CONFLICT);
    CU_ASSERT_EQUAL(move(DESKTOP_IN_USE, DESKTOP_STOPPED), CE_CONFLICT);
    CU_ASSERT_EQUAL(move(DESKTOP_IN_USE, DESKTOP_FAILED), 0);
    CU_ASSERT_EQUAL(move(DESKTOP_FAILED, DESKTOP_BOOTING), CE_CONFLICT);
    CU_ASSERT_PTR_NOT_NULL(strstr(lab.db->error, "recycled"));
    /* Not even when its user is gone. */
    CU_ASSERT_EQUAL(LAB(&lab, store_session_end(lab.db, claim.session.id, FAIL_LOGOFF, "")), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_user_delete(lab.db, ann.id)), 0);
    CU_ASSERT_EQUAL(move(DESKTOP_FAILED, DESKTOP_BOOTING), CE_CONFLICT);
    CU_ASSERT_EQUAL(move(DESKTOP_FAILED, DESKTOP_RECYCLING), 0);
    CU_ASSERT_EQUAL(move(DESKTOP_RECYCLING, DESKTOP_CLONING), 0);
    CU_ASSERT_EQUAL(move(DESKTOP_CLONING, DESKTOP_BOOTING), 0);
    CU_ASSERT_EQUAL(move(DESKTOP_BOOTING, DESKTOP_READY), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_get(lab.db, desktop.id, &desktop)), 0);
    CU_ASSERT_FALSE(desktop.touched);
    CU_ASSERT_STRING_EQUAL(desktop.owner_id, "");
    lab_close(&lab);
}

static void a_desktop_is_not_ready_under_a_session(void)
{
    struct user_row ann;
    struct claim claim;
    open_pool(POOL_DEDICATED, 1);
    lab_user(&lab, "ann", &ann);
    lab_desktop(&lab, &pool, "demo-1", &desktop);
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_EQUAL(move(DESKTOP_CLAIMED, DESKTOP_READY), CE_CONFLICT);
    CU_ASSERT_PTR_NOT_NULL(strstr(lab.db->error, claim.session.id));
    CU_ASSERT_EQUAL(LAB(&lab, store_session_connected(lab.db, claim.session.id, 1)), 0);
    CU_ASSERT_EQUAL(move(DESKTOP_IN_USE, DESKTOP_STOPPED), CE_CONFLICT);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_end(lab.db, claim.session.id, FAIL_LOGOFF, "")), 0);
    CU_ASSERT_EQUAL(move(DESKTOP_READY, DESKTOP_STOPPED), 0);
    lab_close(&lab);
}

static void a_guest_that_starts_anew_has_no_session(void)
{
    struct user_row ann;
    struct claim claim;
    open_pool(POOL_DEDICATED, 1);
    lab_user(&lab, "ann", &ann);
    lab_desktop(&lab, &pool, "demo-1", &desktop);
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_connected(lab.db, claim.session.id, 1)), 0);
    CU_ASSERT_EQUAL(move(DESKTOP_IN_USE, DESKTOP_FAILED), 0);
    CU_ASSERT_EQUAL(lab_session_state(&lab, claim.session.id), SESSION_ACTIVE);
    CU_ASSERT_EQUAL(move(DESKTOP_FAILED, DESKTOP_BOOTING), 0);
    CU_ASSERT_EQUAL(lab_session_state(&lab, claim.session.id), SESSION_ENDED);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_get(lab.db, desktop.id, &desktop)), 0);
    CU_ASSERT_STRING_EQUAL(desktop.owner, "ann");
    lab_close(&lab);
}

static void the_database_itself_holds_the_invariants(void)
{
    struct user_row ann, bob;
    struct claim one, two;
    open_pool(POOL_FLOATING, 3);
    lab_user(&lab, "ann", &ann);
    lab_user(&lab, "bob", &bob);
    lab_desktop(&lab, &pool, "demo-1", &desktop);
    /* I2 */
    CU_ASSERT_EQUAL(LAB(&lab, db_run(lab.db, "UPDATE desktops SET owner_id = $1", db_text(ann.id))),
                    CE_BAD_INPUT);
    CU_ASSERT_EQUAL(LAB(&lab, db_run(lab.db, "UPDATE desktops SET touched = 1")), CE_BAD_INPUT);
    /* I1 */
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &one), 0);
    CU_ASSERT_EQUAL(lab_claim(&lab, &bob, &pool, &two), 0);
    CU_ASSERT_EQUAL(LAB(&lab, db_run(lab.db, "UPDATE sessions SET desktop_id = $1", db_text(desktop.id))),
                    CE_EXISTS);
    CU_ASSERT_EQUAL(LAB(&lab, db_run(lab.db, "UPDATE sessions SET user_id = $1", db_text(ann.id))),
                    CE_EXISTS);
    /* Names of states, a kind that is not the pool's. */
    CU_ASSERT_EQUAL(LAB(&lab, db_run(lab.db, "UPDATE desktops SET state = 'asleep'")), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(LAB(&lab, db_run(lab.db, "UPDATE desktops SET kind = 'dedicated'")), CE_CONFLICT);
    lab_close(&lab);
}

static void what_vmpool_saw_is_read_back(void)
{
    struct host_row host = {.name = "h1", .uri = "test:///default", .state = HOST_UP};
    struct desktop_row back;
    open_pool(POOL_FLOATING, 1);
    CU_ASSERT_EQUAL(LAB(&lab, store_host_insert(lab.db, &host)), 0);
    lab_desktop(&lab, &pool, "demo-1", &desktop);
    snprintf(desktop.address, sizeof desktop.address, "192.0.2.9");
    snprintf(desktop.host_id, sizeof desktop.host_id, "%s", host.id);
    snprintf(desktop.uuid, sizeof desktop.uuid, "uuid-1");
    desktop.port = 65535;
    desktop.percent = 40;
    desktop.attempts = 3;
    desktop.sealed_len = sizeof desktop.sealed_password;
    memset(desktop.sealed_password, 0, sizeof desktop.sealed_password);
    desktop.sealed_password[1] = 0xff;
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_set_seen(lab.db, &desktop)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_get(lab.db, desktop.id, &back)), 0);
    CU_ASSERT_STRING_EQUAL(back.address, "192.0.2.9");
    CU_ASSERT_STRING_EQUAL(back.host, "h1");
    CU_ASSERT_STRING_EQUAL(back.uuid, "uuid-1");
    CU_ASSERT_EQUAL(back.port, 65535);
    CU_ASSERT_EQUAL(back.percent, 40);
    CU_ASSERT_EQUAL(back.attempts, 3);
    CU_ASSERT_EQUAL_FATAL(back.sealed_len, sizeof back.sealed_password);
    CU_ASSERT_EQUAL(memcmp(back.sealed_password, desktop.sealed_password, back.sealed_len), 0);
    CU_ASSERT_EQUAL(back.state, DESKTOP_READY);
    CU_ASSERT_EQUAL(LAB(&lab, store_host_delete(lab.db, host.id)), CE_CONFLICT);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_set_percent(lab.db, desktop.id, 77)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_set_percent(lab.db, "d-none", 77)), CE_NOT_FOUND);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_get(lab.db, desktop.id, &back)), 0);
    CU_ASSERT_EQUAL(back.percent, 77);
    snprintf(desktop.host_id, sizeof desktop.host_id, "h-none");
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_set_seen(lab.db, &desktop)), CE_NOT_FOUND);
    lab_close(&lab);
}

static void a_stopped_desktop_moves_to_another_host(void)
{
    struct host_row from = {.name = "north", .uri = "test:///a", .address = "127.0.0.1"}, to = from;
    struct desktop_row row;
    open_pool(POOL_DEDICATED, 1);
    snprintf(to.name, sizeof to.name, "south");
    CU_ASSERT_EQUAL(LAB(&lab, store_host_insert(lab.db, &from)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_host_insert(lab.db, &to)), 0);
    lab_desktop(&lab, &pool, "own", &desktop);
    snprintf(desktop.host_id, sizeof desktop.host_id, "%s", from.id);
    snprintf(desktop.address, sizeof desktop.address, "192.0.2.7");
    desktop.port = 42000;
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_set_seen(lab.db, &desktop)), 0);
    /* Not while it may run, and not by whoever knows it elsewhere. */
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_rehost(lab.db, desktop.id, from.id, to.id, "lost")), CE_CONFLICT);
    CU_ASSERT_EQUAL(move(DESKTOP_READY, DESKTOP_STOPPED), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_rehost(lab.db, desktop.id, to.id, from.id, "lost")), CE_CONFLICT);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_rehost(lab.db, desktop.id, from.id, to.id, "lost")), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_get(lab.db, desktop.id, &row)), 0);
    CU_ASSERT_STRING_EQUAL(row.host, "south");
    CU_ASSERT_STRING_EQUAL(row.reason, "lost");
    CU_ASSERT_STRING_EQUAL(row.address, "");
    CU_ASSERT_EQUAL(row.port, 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_set_reason(lab.db, desktop.id, DESKTOP_BOOTING, "x")),
                    CE_CONFLICT);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_set_reason(lab.db, desktop.id, DESKTOP_STOPPED, "waits")), 0);
    lab_close(&lab);
}

static int collect(void *arg, const struct desktop_row *row)
{
    char *names = arg;
    strcat(strcat(names, row->name), " ");
    return !strcmp(row->name, "stop") ? 7 : 0;
}

static const char *listed(const struct desktop_filter *filter, int expected)
{
    static char names[400];
    names[0] = '\0';
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_list(lab.db, filter, collect, names)), expected);
    return names;
}

static void lists_by_pool_host_and_state_in_name_order(void)
{
    struct pool_row other;
    open_pool(POOL_FLOATING, 9);
    lab_pool(&lab, "other", POOL_FLOATING, 1, &other);
    lab_desktop(&lab, &pool, "b", &desktop);
    lab_desktop(&lab, &pool, "a", &desktop);
    CU_ASSERT_EQUAL(insert("c", ""), 0);
    lab_desktop(&lab, &other, "d", &desktop);
    CU_ASSERT_STRING_EQUAL(listed(NULL, 0), "a b c d ");
    CU_ASSERT_STRING_EQUAL(listed(&(struct desktop_filter){.state = DESKTOP_READY}, 0), "a b d ");
    CU_ASSERT_STRING_EQUAL(listed(&(struct desktop_filter){.state = -1, .pool_id = pool.id}, 0), "a b c ");
    CU_ASSERT_STRING_EQUAL(listed(&(struct desktop_filter){.state = DESKTOP_CLONING, .pool_id = pool.id}, 0),
                           "c ");
    CU_ASSERT_STRING_EQUAL(listed(&(struct desktop_filter){.state = -1, .host_id = "h-none"}, 0), "");
    CU_ASSERT_EQUAL(insert("stop", ""), 0);
    CU_ASSERT_EQUAL(insert("zzz", ""), 0);
    CU_ASSERT_STRING_EQUAL(listed(NULL, 7), "a b c d stop ");
    lab_close(&lab);
}

SUITE("store_desktop", TEST(a_pool_never_has_more_than_its_max), TEST(names_and_uuids_are_unique),
      TEST(changes_state_only_as_the_table_says), TEST(a_touched_floating_desktop_is_only_recycled),
      TEST(a_desktop_is_not_ready_under_a_session), TEST(a_guest_that_starts_anew_has_no_session),
      TEST(the_database_itself_holds_the_invariants), TEST(what_vmpool_saw_is_read_back),
      TEST(a_stopped_desktop_moves_to_another_host), TEST(lists_by_pool_host_and_state_in_name_order))
