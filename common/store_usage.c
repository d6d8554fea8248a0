/* How many desktops of a pool were in use at most, by the quarter of an hour of the week. A row for each quarter, which
 * keeps the week that runs and POWER_WEEKS before it: a pool has POWER_SLOTS rows however long it stands. */
#include "store_parts.h"

#include <carrel/power.h>

enum { KEPT = POWER_WEEKS + 1, UNKNOWN = -1 };

struct kept {
    int64_t week; /* of peaks[0] */
    int64_t peaks[KEPT];
};

static int kept_read(struct db *db, const char *pool_id, uint32_t slot, struct kept *ret)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q,
                       "SELECT week, peak_0, peak_1, peak_2, peak_3, peak_4 FROM pool_usage"
                       " WHERE pool_id = $1 AND slot = $2",
                       db_text(pool_id), db_int(slot));
    if (rc || (rc = db_next(&q)) < 0)
        return rc;
    if (rc == 0)
        return CE_NOT_FOUND;
    ret->week = row_int(&q, 0);
    for (int i = 0; i < KEPT; i++)
        ret->peaks[i] = row_int(&q, i + 1);
    return 0;
}

/* The same rows as seen in WEEK. */
static struct kept kept_in(const struct kept *kept, int64_t week)
{
    struct kept moved = {.week = week};
    for (int64_t i = 0; i < KEPT; i++) {
        int64_t old = i - (week - kept->week);
        moved.peaks[i] = old >= 0 && old < KEPT ? kept->peaks[old] : UNKNOWN;
    }
    return moved;
}

int store_usage_set(struct db *db, const struct usage_row *row)
{
    struct kept kept = {.week = row->week - KEPT};
    int rc = kept_read(db, row->pool_id, row->slot, &kept);
    if (rc && rc != CE_NOT_FOUND)
        return rc;
    if (kept.week > row->week)
        return 0; /* the clock was ahead once; that week comes again */
    struct kept now = kept_in(&kept, row->week);
    if (now.peaks[0] < (int64_t)row->peak)
        now.peaks[0] = row->peak;
    rc = db_run(db,
                "INSERT INTO pool_usage (pool_id, slot, week, peak_0, peak_1, peak_2, peak_3, peak_4)"
                " SELECT p.id, $2, $3, $4, $5, $6, $7, $8 FROM pools p WHERE p.id = $1"
                " ON CONFLICT (pool_id, slot) DO UPDATE SET week = excluded.week, peak_0 = excluded.peak_0,"
                " peak_1 = excluded.peak_1, peak_2 = excluded.peak_2, peak_3 = excluded.peak_3,"
                " peak_4 = excluded.peak_4",
                db_text(row->pool_id), db_int(row->slot), db_int(now.week), db_int(now.peaks[0]),
                db_int(now.peaks[1]), db_int(now.peaks[2]), db_int(now.peaks[3]), db_int(now.peaks[4]));
    return rc;
}

int store_usage_get(struct db *db, const char *pool_id, uint32_t slot, int64_t week, int32_t ret[POWER_WEEKS])
{
    struct kept kept = {.week = week - KEPT};
    int rc = kept_read(db, pool_id, slot, &kept);
    if (rc && rc != CE_NOT_FOUND)
        return rc;
    struct kept now = kept_in(&kept, week);
    for (int i = 0; i < POWER_WEEKS; i++)
        ret[i] = (int32_t)now.peaks[i + 1];
    return 0;
}
