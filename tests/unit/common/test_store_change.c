#include <stdio.h>
#include <string.h>

#include "store_lab.h"
#include "suite.h"

static struct lab lab;

struct seen {
    unsigned count;
    char last[ID_SIZE];
};

static int see(void *arg, const char *id)
{
    struct seen *seen = arg;
    seen->count++;
    snprintf(seen->last, sizeof seen->last, "%s", id);
    return 0;
}

/* How many desktops changed since MARK; -1: the log does not tell. */
static int changes(struct change_mark *mark, struct seen *seen)
{
    *seen = (struct seen){0};
    int rc = LAB(&lab, store_desktop_changes(lab.db, mark, see, seen));
    return rc == CE_NOT_FOUND ? -1 : rc ? -2 : (int)seen->count;
}

static void begin(struct change_mark *mark, struct pool_row *pool, struct desktop_row *desktop)
{
    struct seen seen;
    lab_open(&lab);
    lab_pool(&lab, "p", POOL_FLOATING, 9, pool);
    lab_desktop(&lab, pool, "d-1", desktop);
    *mark = (struct change_mark){0};
    CU_ASSERT_EQUAL(changes(mark, &seen), -1);
    CU_ASSERT_EQUAL(changes(mark, &seen), 0);
}

static void each_change_of_a_row_is_told_once(void)
{
    struct change_mark mark;
    struct pool_row pool;
    struct desktop_row desktop;
    struct seen seen;
    begin(&mark, &pool, &desktop);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_set_seen(lab.db, &desktop)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_set_percent(lab.db, desktop.id, 42)), 0);
    CU_ASSERT_EQUAL(changes(&mark, &seen), 1);
    CU_ASSERT_STRING_EQUAL(seen.last, desktop.id);
    CU_ASSERT_EQUAL(changes(&mark, &seen), 0);
    CU_ASSERT_EQUAL(
        LAB(&lab, store_desktop_set_state(lab.db, desktop.id, DESKTOP_READY, DESKTOP_RECYCLING, "")), 0);
    CU_ASSERT_EQUAL(changes(&mark, &seen), 1);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_delete(lab.db, desktop.id, FAIL_SESSION_ENDED)), 0);
    CU_ASSERT_EQUAL(changes(&mark, &seen), 1);
    CU_ASSERT_STRING_EQUAL(seen.last, desktop.id);
    lab_close(&lab);
}

static void what_is_not_written_is_not_told(void)
{
    struct change_mark mark;
    struct pool_row pool;
    struct desktop_row desktop;
    struct seen seen;
    begin(&mark, &pool, &desktop);
    CU_ASSERT_EQUAL(
        LAB(&lab, store_desktop_set_state(lab.db, desktop.id, DESKTOP_BOOTING, DESKTOP_READY, "")),
        CE_CONFLICT);
    CU_ASSERT_EQUAL(changes(&mark, &seen), 0);
    lab_close(&lab);
}

/* The row tells of its session: claims, log-ins and log-offs change it. */
static void sessions_change_their_desktop(void)
{
    struct change_mark mark;
    struct pool_row pool;
    struct desktop_row desktop;
    struct user_row ann;
    struct claim claim;
    struct seen seen;
    begin(&mark, &pool, &desktop);
    lab_user(&lab, "ann", &ann);
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_EQUAL(changes(&mark, &seen), 1);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_hand_out(lab.db, claim.session.id, &desktop)), 0);
    CU_ASSERT_EQUAL(changes(&mark, &seen), 1);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_connected(lab.db, claim.session.id, 1)), 0);
    CU_ASSERT_EQUAL(changes(&mark, &seen), 1);
    CU_ASSERT_EQUAL(
        LAB(&lab, store_desktop_set_state(lab.db, desktop.id, DESKTOP_IN_USE, DESKTOP_FAILED, "")), 0);
    CU_ASSERT_EQUAL(changes(&mark, &seen), 1);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_end(lab.db, claim.session.id, FAIL_LOGOFF, "")), 0);
    CU_ASSERT_EQUAL(changes(&mark, &seen), 1);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_get(lab.db, desktop.id, &desktop)), 0);
    CU_ASSERT_STRING_EQUAL(desktop.session_id, "");
    lab_close(&lab);
}

/* A stopped desktop is wanted when its owner waits, and no longer when they gave up. */
static void who_waits_for_a_stopped_desktop_changes_it(void)
{
    struct change_mark mark = {0};
    struct pool_row pool;
    struct desktop_row desktop;
    struct user_row ann;
    struct claim claim;
    struct seen seen;
    lab_open(&lab);
    lab_pool(&lab, "own", POOL_DEDICATED, 9, &pool);
    lab_desktop(&lab, &pool, "o-1", &desktop);
    lab_user(&lab, "ann", &ann);
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_hand_out(lab.db, claim.session.id, &desktop)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_end(lab.db, claim.session.id, FAIL_LOGOFF, "")), 0);
    CU_ASSERT_EQUAL(
        LAB(&lab, store_desktop_set_state(lab.db, desktop.id, DESKTOP_READY, DESKTOP_STOPPED, "")), 0);
    CU_ASSERT_EQUAL(changes(&mark, &seen), -1);
    CU_ASSERT_EQUAL(lab_claim(&lab, &ann, &pool, &claim), 0);
    CU_ASSERT_EQUAL(changes(&mark, &seen), 1);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_get(lab.db, desktop.id, &desktop)), 0);
    CU_ASSERT_TRUE(desktop.wanted);
    CU_ASSERT_EQUAL(LAB(&lab, store_session_end(lab.db, claim.session.id, FAIL_NO_SHOW, "")), 0);
    CU_ASSERT_EQUAL(changes(&mark, &seen), 1);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_get(lab.db, desktop.id, &desktop)), 0);
    CU_ASSERT_FALSE(desktop.wanted);
    lab_close(&lab);
}

/* As after a database that was put back: the numbers may have come again for something else. */
static void another_log_is_noticed(void)
{
    struct change_mark mark;
    struct pool_row pool;
    struct desktop_row desktop;
    struct seen seen;
    begin(&mark, &pool, &desktop);
    snprintf(mark.desktop_id, sizeof mark.desktop_id, "dsk_another");
    CU_ASSERT_EQUAL(changes(&mark, &seen), -1);
    CU_ASSERT_EQUAL(changes(&mark, &seen), 0);
    mark.number += 1000;
    CU_ASSERT_EQUAL(changes(&mark, &seen), -1);
    lab_close(&lab);
}

SUITE("store_change", TEST(each_change_of_a_row_is_told_once), TEST(what_is_not_written_is_not_told),
      TEST(sessions_change_their_desktop), TEST(who_waits_for_a_stopped_desktop_changes_it),
      TEST(another_log_is_noticed))
