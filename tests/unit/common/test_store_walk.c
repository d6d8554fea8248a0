/* Random walks: users claim, gateways connect and close, guests fail and are recycled, administrators change
 * their minds; after each step the invariants are asked of the database itself. The seed is printed, and
 * CARREL_WALK_SEED=N walks the same way again. */
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store_lab.h"

enum { USERS = 9, POOLS = 2, STEPS = 1500 };

static struct lab lab;
static struct user_row users[USERS];
static struct pool_row pools[POOLS];
static unsigned seed;
static unsigned next_name;

/* Who was led to each desktop since it was cloned, as the test remembers it (I2). */
static struct {
    char desktop[ID_SIZE];
    char user[ID_SIZE];
} touches[4096];
static unsigned touch_count;

static unsigned pick(unsigned n)
{
    return (unsigned)rand_r(&seed) % n;
}

static void forget_touch(const char *desktop_id)
{
    for (unsigned i = 0; i < touch_count; i++) {
        if (!strcmp(touches[i].desktop, desktop_id))
            touches[i] = touches[--touch_count];
    }
}

/* The heart of I2: a floating desktop that another one has touched is never handed out. */
static void note_touch(const struct desktop_row *desktop, const char *user_id)
{
    for (unsigned i = 0; i < touch_count; i++) {
        if (!strcmp(touches[i].desktop, desktop->id)) {
            CU_ASSERT_STRING_EQUAL(touches[i].user, user_id);
            return;
        }
    }
    if (touch_count < sizeof touches / sizeof touches[0]) {
        snprintf(touches[touch_count].desktop, ID_SIZE, "%s", desktop->id);
        snprintf(touches[touch_count++].user, ID_SIZE, "%s", user_id);
    }
}

struct choice {
    unsigned seen;
    struct session_row session;
    struct desktop_row desktop;
};

static int choose_session(void *arg, const struct session_row *row)
{
    struct choice *choice = arg;
    if (pick(++choice->seen) == 0)
        choice->session = *row;
    return 0;
}

static int choose_desktop(void *arg, const struct desktop_row *row)
{
    struct choice *choice = arg;
    if (pick(++choice->seen) == 0)
        choice->desktop = *row;
    return 0;
}

static bool any_session(struct choice *choice)
{
    choice->seen = 0;
    CU_ASSERT_EQUAL(LAB(&lab, store_session_list(lab.db, NULL, choose_session, choice)), 0);
    return choice->seen > 0;
}

static bool any_desktop(struct choice *choice)
{
    choice->seen = 0;
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_list(lab.db, NULL, choose_desktop, choice)), 0);
    return choice->seen > 0;
}

static void expect(int rc, int other)
{
    if (rc != 0 && rc != other)
        fprintf(stderr, "\nunexpected %d: %s\n", rc, lab.db->error);
    CU_ASSERT_TRUE(rc == 0 || rc == other);
}

static void step_claim(void)
{
    struct claim claim;
    struct desktop_row desktop;
    const struct user_row *user = &users[pick(USERS)];
    int rc = lab_claim(&lab, user, &pools[pick(POOLS)], &claim);
    expect(rc, CE_REFUSED);
    if (rc || !claim.session.desktop_id[0] || !pick(4))
        return;
    rc = LAB(&lab, store_session_hand_out(lab.db, claim.session.id, &desktop));
    CU_ASSERT_EQUAL(rc, 0);
    if (!rc)
        note_touch(&desktop, user->id);
}

static void step_connected(struct choice *choice)
{
    struct desktop_row desktop;
    int rc =
        LAB(&lab, store_session_connected(lab.db, choice->session.id, choice->session.connection - pick(2)));
    expect(rc, CE_CONFLICT);
    if (!rc && LAB(&lab, store_desktop_get(lab.db, choice->session.desktop_id, &desktop)) == 0)
        note_touch(&desktop, choice->session.user_id);
}

static void step_session(void)
{
    struct choice choice;
    if (!any_session(&choice))
        return;
    const char *id = choice.session.id;
    uint32_t connection = choice.session.connection - pick(2), count;
    switch (pick(6)) {
    case 0:
    case 1:
        step_connected(&choice);
        break;
    case 2:
    case 3:
        expect(LAB(&lab, store_session_closed(lab.db, id, connection, FAIL_CLIENT_CLOSED, "", 1, 2)),
               CE_CONFLICT);
        break;
    case 4:
        expect(LAB(&lab, store_session_end(lab.db, id, FAIL_LOGOFF, "")), 0);
        break;
    default:
        expect(LAB(&lab, store_session_expire(lab.db, pick(20) ? 0 : store_now_ms() + 1,
                                              pick(20) ? 0 : store_now_ms() + 1, &count)),
               0);
    }
}

/* What vmpool does: drives a desktop one state on, or away, and makes new ones. */
static void step_desktop(void)
{
    struct choice choice;
    if (!any_desktop(&choice))
        return;
    struct desktop_row *desktop = &choice.desktop;
    enum desktop_state to = (enum desktop_state)pick(DESKTOP_STATE_COUNT);
    if (desktop->state == DESKTOP_RECYCLING && pick(2)) {
        expect(LAB(&lab, store_desktop_delete(lab.db, desktop->id, FAIL_GUEST_FAILED)), 0);
        forget_touch(desktop->id);
        return;
    }
    /* Trouble is the exception, or nobody would ever get anywhere. */
    if ((desktop->state == DESKTOP_READY || desktop_state_is_lent(desktop->state)) && pick(8))
        return;
    if ((desktop->state == DESKTOP_FAILED || desktop->state == DESKTOP_MAINTENANCE) && pick(2))
        to = DESKTOP_RECYCLING;
    if (desktop->state == DESKTOP_CLONING)
        to = DESKTOP_BOOTING;
    else if (desktop->state == DESKTOP_BOOTING && pick(8))
        to = DESKTOP_READY;
    /* Lent and given back by sessions only. */
    if (!desktop_state_may_follow(desktop->state, to) || desktop_state_is_lent(to))
        return;
    int rc = LAB(&lab, store_desktop_set_state(lab.db, desktop->id, desktop->state, to, "walk"));
    expect(rc, CE_CONFLICT);
    if (!rc && to == DESKTOP_CLONING)
        forget_touch(desktop->id);
}

static void step_insert(void)
{
    struct desktop_row row = {0};
    const struct pool_row *pool = &pools[pick(POOLS)];
    snprintf(row.name, sizeof row.name, "n-%u", next_name++);
    snprintf(row.pool_id, sizeof row.pool_id, "%s", pool->id);
    expect(LAB(&lab, store_desktop_insert(lab.db, &row)), CE_LIMIT);
}

static void step_gateway(void)
{
    uint32_t count;
    struct gateway_row row = {.name = "gw1"};
    snprintf(row.boot_id, sizeof row.boot_id, "boot-%u", pick(2));
    if (pick(2))
        expect(LAB(&lab, store_gateway_seen(lab.db, &row)), 0);
    else
        expect(LAB(&lab, store_gateway_expire(lab.db, store_now_ms() + 1, &count)), 0);
}

static void step(void)
{
    uint32_t served;
    unsigned what = pick(100);
    if (what < 25)
        step_claim();
    else if (what < 55)
        step_session();
    else if (what < 80)
        step_desktop();
    else if (what < 92)
        step_insert();
    else if (what < 97)
        expect(LAB(&lab, store_claim_waiting(lab.db, pools[pick(POOLS)].id, &served)), 0);
    else if (what < 98)
        step_gateway();
    else if (what < 99)
        expect(LAB(&lab, store_user_delete(lab.db, users[0].id)), CE_CONFLICT);
    if (what == 98) {
        struct user_row back;
        if (LAB(&lab, store_user_get(lab.db, users[0].name, &back)) == CE_NOT_FOUND)
            lab_user(&lab, "user0", &users[0]);
    }
}

/* Each counts what must not be. */
static const char *const invariants[] = {
    "SELECT COUNT(*) FROM (SELECT desktop_id FROM sessions WHERE state <> 'ended' AND desktop_id IS NOT NULL"
    " GROUP BY desktop_id HAVING COUNT(*) > 1)",
    "SELECT COUNT(*) FROM (SELECT user_id, pool_id FROM sessions WHERE state <> 'ended'"
    " GROUP BY user_id, pool_id HAVING COUNT(*) > 1)",
    /* A clean state is clean. */
    "SELECT COUNT(*) FROM desktops WHERE kind = 'floating' AND state IN ('cloning', 'booting', 'ready')"
    " AND (touched = 1 OR owner_id IS NOT NULL)",
    /* A lent desktop has its session, and a session is in step with a lent desktop. */
    "SELECT COUNT(*) FROM desktops d WHERE state IN ('claimed', 'in_use', 'disconnected') AND NOT EXISTS"
    " (SELECT 1 FROM sessions s WHERE s.desktop_id = d.id AND s.state <> 'ended')",
    "SELECT COUNT(*) FROM sessions s JOIN desktops d ON d.id = s.desktop_id WHERE s.state <> 'ended'"
    " AND d.state IN ('cloning', 'booting', 'ready', 'stopped')",
    "SELECT COUNT(*) FROM sessions s JOIN desktops d ON d.id = s.desktop_id WHERE s.state = 'active'"
    " AND d.state IN ('claimed', 'disconnected')",
    "SELECT COUNT(*) FROM sessions s JOIN desktops d ON d.id = s.desktop_id WHERE s.state = 'disconnected'"
    " AND d.state IN ('claimed', 'in_use')",
    /* Whose session is on a desktop owns it, if anybody does. */
    "SELECT COUNT(*) FROM sessions s JOIN desktops d ON d.id = s.desktop_id WHERE s.state <> 'ended'"
    " AND d.owner_id IS NOT NULL AND d.owner_id <> s.user_id",
    /* One that was in maintenance was made up for, and may come back on top. */
    "SELECT COUNT(*) FROM pools p WHERE max_desktops < (SELECT COUNT(*) FROM desktops d WHERE d.pool_id = "
    "p.id"
    " AND NOT EXISTS (SELECT 1 FROM events e WHERE e.object = d.id AND e.kind = 'desktop.maintenance'))",
};

static void check_invariants(unsigned n)
{
    for (size_t i = 0; i < sizeof invariants / sizeof invariants[0]; i++) {
        int64_t bad = lab_count(&lab, invariants[i]);
        if (bad)
            fprintf(stderr, "\nstep %u: %s\n", n, invariants[i]);
        CU_ASSERT_EQUAL(bad, 0);
    }
}

static void the_invariants_hold_at_every_step(void)
{
    const char *given = getenv("CARREL_WALK_SEED");
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)now.tv_nsec;
    printf("(CARREL_WALK_SEED=%u) ", seed);
    fflush(stdout);
    lab_open(&lab);
    lab_pool(&lab, "floating", POOL_FLOATING, 5, &pools[0]);
    lab_pool(&lab, "dedicated", POOL_DEDICATED, 4, &pools[1]);
    for (unsigned i = 0; i < USERS; i++) {
        char name[16];
        snprintf(name, sizeof name, "user%u", i);
        lab_user(&lab, name, &users[i]);
    }
    for (unsigned n = 0; n < STEPS && !CU_get_number_of_failures(); n++) {
        step();
        check_invariants(n);
    }
    /* The walk went somewhere. */
    CU_ASSERT_TRUE(lab_count(&lab, "SELECT COUNT(*) FROM events WHERE kind = 'session.connected'") > 10);
    CU_ASSERT_TRUE(lab_count(&lab, "SELECT COUNT(*) FROM events WHERE kind = 'desktop.recycling'") > 10);
    lab_close(&lab);
}

SUITE("store_walk", TEST(the_invariants_hold_at_every_step))
