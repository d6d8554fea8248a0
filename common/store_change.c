/* The log of changes of desktop rows. Whatever changes what store_desktop_get() returns (the row, its live session,
 * whether its owner waits for it) says so here, in the same transaction.
 *
 * A reader relies on numbers becoming visible in their order. With SQLite there is one writer at a time; a driver
 * with several must hold a lock from the insertion to the commit.
 */
#include "store_parts.h"

#include <stdio.h>
#include <string.h>

#define CHANGES_KEPT 65536 /* a reader that is further behind reads all rows */

static int changes_trim(struct db *db, int64_t newest)
{
    return db_run(db, "DELETE FROM desktop_changes WHERE number <= $1", db_int(newest - CHANGES_KEPT));
}

int store_desktop_changed(struct db *db, const char *id)
{
    int64_t number;
    int rc = db_get_int(db, &number, "INSERT INTO desktop_changes (desktop_id) VALUES ($1) RETURNING number",
                        db_text(id));
    return rc ? rc : changes_trim(db, number);
}

int store_desktop_changed_of(struct db *db, const char *owner_id, const char *pool_id)
{
    CLEANUP_IDS struct id_list owned = {0};
    {
        CLEANUP_QUERY struct db_query q = {0};
        int rc =
            db_select(db, &q, "SELECT id FROM desktops WHERE owner_id = $1 AND ($2 = '' OR pool_id = $2)",
                      db_text(owner_id), db_text(pool_id));
        if (!rc)
            rc = id_list_fill(&q, &owned);
        if (rc)
            return rc;
    }
    int rc = 0;
    for (unsigned i = 0; !rc && i < owned.count; i++)
        rc = store_desktop_changed(db, owned.ids[i]);
    return rc;
}

/* The row of the log with that number, or the newest one for 0; number 0 when there is none. */
static int mark_read(struct db *db, int64_t number, struct change_mark *ret)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = number ? db_select(db, &q, "SELECT number, desktop_id FROM desktop_changes WHERE number = $1",
                                db_int(number))
                    : db_select(db, &q,
                                "SELECT number, desktop_id FROM desktop_changes"
                                " WHERE number > $1 ORDER BY number DESC LIMIT 1",
                                db_int(0));
    if (rc || (rc = db_next(&q)) < 0)
        return rc;
    memset(ret, 0, sizeof *ret);
    if (rc) {
        ret->number = row_int(&q, 0);
        row_text(&q, 1, ret->desktop_id, sizeof ret->desktop_id);
    }
    return 0;
}

int store_desktop_changes(struct db *db, struct change_mark *mark, int (*each)(void *arg, const char *id),
                          void *arg)
{
    struct change_mark known, newest;
    int rc = mark_read(db, 0, &newest);
    if (!rc)
        rc = mark_read(db, mark->number, &known);
    if (rc)
        return rc;
    if (!mark->number || known.number != mark->number || strcmp(known.desktop_id, mark->desktop_id) != 0) {
        *mark = newest;
        return CE_NOT_FOUND;
    }
    CLEANUP_QUERY struct db_query q = {0};
    rc = db_select(db, &q, "SELECT DISTINCT desktop_id FROM desktop_changes WHERE number > $1",
                   db_int(mark->number));
    while (!rc && (rc = db_next(&q)) > 0) {
        char id[ID_SIZE];
        row_text(&q, 0, id, sizeof id);
        rc = each(arg, id);
    }
    if (!rc)
        *mark = newest;
    return rc;
}
