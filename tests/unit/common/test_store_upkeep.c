#include <carrel/store_upkeep.h>

#include <stdio.h>
#include <string.h>

#include "store_lab.h"
#include "suite.h"

static struct lab lab;
static struct pool_row pool;
static struct desktop_row desktop;

static void open_lab(enum pool_kind kind)
{
    lab_open(&lab);
    lab_pool(&lab, "demo", kind, 5, &pool);
    lab_desktop(&lab, &pool, "demo-1", &desktop);
}

static int64_t events(const char *kind)
{
    static char sql[128];
    snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM events WHERE kind = '%s'", kind);
    return lab_count(&lab, sql);
}

static void health_is_told_once_and_forgotten_with_the_state(void)
{
    struct desktop_row row;
    open_lab(POOL_FLOATING);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_set_health(lab.db, desktop.id, "it does not answer")), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_set_health(lab.db, desktop.id, "it still does not")), 0);
    CU_ASSERT_EQUAL(events("desktop.unwell"), 1);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_get(lab.db, desktop.id, &row)), 0);
    CU_ASSERT_STRING_EQUAL(row.health, "it still does not");
    CU_ASSERT_NOT_EQUAL(row.health_since_ms, 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_set_health(lab.db, desktop.id, "")), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_set_health(lab.db, desktop.id, "")), 0);
    CU_ASSERT_EQUAL(events("desktop.well"), 1);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_set_health(lab.db, desktop.id, "again")), 0);
    CU_ASSERT_EQUAL(
        LAB(&lab, store_desktop_set_state(lab.db, desktop.id, DESKTOP_READY, DESKTOP_BOOTING, "restart")), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_get(lab.db, desktop.id, &row)), 0);
    CU_ASSERT_STRING_EQUAL(row.health, "");
    CU_ASSERT_EQUAL(row.health_since_ms, 0);
    lab_close(&lab);
}

static int add(enum capture_kind kind, const char *words)
{
    struct capture_row row = {.kind = kind, .bytes = words, .len = strlen(words)};
    memcpy(row.desktop_id, desktop.id, sizeof row.desktop_id);
    memcpy(row.desktop, desktop.name, sizeof row.desktop);
    memcpy(row.pool_id, pool.id, sizeof row.pool_id);
    return LAB(&lab, store_capture_add(lab.db, &row, 3));
}

static char seen[256];

static int note(void *arg, const struct capture_row *row)
{
    size_t len = strlen(seen);
    snprintf(seen + len, sizeof seen - len, "%.*s;", (int)row->len, (const char *)row->bytes);
    return 0;
}

static const char *kept(enum capture_kind kind, const char *pool_id, const char *desktop_key)
{
    seen[0] = '\0';
    CU_ASSERT_EQUAL(LAB(&lab, store_capture_list(lab.db, kind, pool_id, desktop_key, 10, note, NULL)), 0);
    return seen;
}

static void so_many_failures_of_a_pool_are_kept(void)
{
    open_lab(POOL_FLOATING);
    for (int i = 0; i < 5; i++) {
        const char words[] = {(char)('a' + i), '\0'};
        CU_ASSERT_EQUAL(add(CAPTURE_FAILURE, words), 0);
    }
    CU_ASSERT_STRING_EQUAL(kept(CAPTURE_FAILURE, pool.id, ""), "e;d;c;");
    CU_ASSERT_EQUAL(add(CAPTURE_LOG, "log 1"), 0);
    CU_ASSERT_EQUAL(add(CAPTURE_LOG, "log 2"), 0);
    CU_ASSERT_EQUAL(add(CAPTURE_SCREENSHOT, ""), 0);
    CU_ASSERT_STRING_EQUAL(kept(CAPTURE_LOG, "", desktop.id), "log 2;");
    CU_ASSERT_STRING_EQUAL(kept(CAPTURE_SCREENSHOT, "", "demo-1"), ";");
    CU_ASSERT_STRING_EQUAL(kept(CAPTURE_FAILURE, "", "demo-1"), "e;d;c;");
    CU_ASSERT_STRING_EQUAL(kept(CAPTURE_FAILURE, "", "demo-2"), "");
    /* They outlive their desktop, and go with the pool. */
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_delete(lab.db, desktop.id, FAIL_SESSION_ENDED)), 0);
    CU_ASSERT_STRING_EQUAL(kept(CAPTURE_FAILURE, pool.id, ""), "e;d;c;");
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_set_deleting(lab.db, pool.id)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_pool_delete(lab.db, pool.id)), 0);
    CU_ASSERT_EQUAL(lab_count(&lab, "SELECT COUNT(*) FROM captures"), 0);
    lab_close(&lab);
}

static int insert(const char *name)
{
    struct disk_snapshot_row row = {.state = DISK_SNAPSHOT_CREATING};
    memcpy(row.desktop_id, desktop.id, sizeof row.desktop_id);
    snprintf(row.name, sizeof row.name, "%s", name);
    snprintf(row.back_to, sizeof row.back_to, "booting");
    return LAB(&lab, store_disk_snapshot_insert(lab.db, &row));
}

static void snapshots_are_bounded_and_go_with_their_desktop(void)
{
    struct disk_snapshot_row row;
    char name[16];
    open_lab(POOL_DEDICATED);
    CU_ASSERT_EQUAL(insert("one"), 0);
    CU_ASSERT_EQUAL(insert("one"), CE_EXISTS);
    CU_ASSERT_EQUAL(insert("no/name"), CE_BAD_INPUT);
    for (int i = 1; i < DISK_SNAPSHOTS_MAX; i++) {
        snprintf(name, sizeof name, "n%d", i);
        CU_ASSERT_EQUAL(insert(name), 0);
    }
    CU_ASSERT_EQUAL(insert("more"), CE_LIMIT);
    CU_ASSERT_EQUAL(LAB(&lab, store_disk_snapshot_get(lab.db, desktop.id, "one", &row)), 0);
    CU_ASSERT_STRING_EQUAL(row.back_to, "booting");
    row.state = DISK_SNAPSHOT_READY;
    row.back_to[0] = '\0';
    CU_ASSERT_EQUAL(LAB(&lab, store_disk_snapshot_set(lab.db, &row)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_disk_snapshot_delete(lab.db, desktop.id, "n1")), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_disk_snapshot_get(lab.db, desktop.id, "n1", &row)), CE_NOT_FOUND);
    CU_ASSERT_EQUAL(LAB(&lab, store_desktop_delete(lab.db, desktop.id, FAIL_SESSION_ENDED)), 0);
    CU_ASSERT_EQUAL(lab_count(&lab, "SELECT COUNT(*) FROM disk_snapshots"), 0);
    lab_close(&lab);
}

static void an_image_stays_while_a_snapshot_is_a_copy_of_what_was_cloned_from_it(void)
{
    struct disk_snapshot_row row = {.name = "old", .state = DISK_SNAPSHOT_READY};
    struct image_row image = {.name = "golden", .source = "/x.qcow2"};
    open_lab(POOL_DEDICATED);
    CU_ASSERT_EQUAL(LAB(&lab, store_image_insert(lab.db, &image)), 0);
    memcpy(row.desktop_id, desktop.id, sizeof row.desktop_id);
    memcpy(row.image_id, image.id, sizeof row.image_id);
    CU_ASSERT_EQUAL(LAB(&lab, store_disk_snapshot_insert(lab.db, &row)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_image_order_delete(lab.db, image.id)), CE_CONFLICT);
    CU_ASSERT_EQUAL(LAB(&lab, store_disk_snapshot_delete(lab.db, desktop.id, "old")), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_image_order_delete(lab.db, image.id)), 0);
    lab_close(&lab);
}

SUITE("store_upkeep", TEST(health_is_told_once_and_forgotten_with_the_state),
      TEST(so_many_failures_of_a_pool_are_kept), TEST(snapshots_are_bounded_and_go_with_their_desktop),
      TEST(an_image_stays_while_a_snapshot_is_a_copy_of_what_was_cloned_from_it))
