#include "store_parts.h"

#include <string.h>

#define LEASE_SELECT "SELECT l.name, l.owner, l.boot, l.turn, l.epoch FROM leases l"

static void lease_read(struct db_query *q, struct lease_row *ret)
{
    *ret = (struct lease_row){.turn = row_int(q, 3), .epoch = row_int(q, 4)};
    row_text(q, 0, ret->name, sizeof ret->name);
    row_text(q, 1, ret->owner, sizeof ret->owner);
    row_text(q, 2, ret->boot, sizeof ret->boot);
}

static int lease_each(struct db_query *q, int (*each)(void *arg, const struct lease_row *row), void *arg)
{
    int rc = 0;
    while (!rc && (rc = db_next(q)) > 0) {
        struct lease_row row;
        lease_read(q, &row);
        rc = each(arg, &row);
    }
    return rc;
}

int store_lease_list(struct db *db, int (*each)(void *arg, const struct lease_row *row), void *arg)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q, LEASE_SELECT " ORDER BY l.name");
    return rc ? rc : lease_each(&q, each, arg);
}

static int lease_get(struct db *db, const char *name, struct lease_row *ret)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q, LEASE_SELECT " WHERE l.name = $1", db_text(name));
    if (!rc && (rc = db_next(&q)) == 0)
        return CE_NOT_FOUND;
    if (rc < 0)
        return rc;
    lease_read(&q, ret);
    return 0;
}

int store_lease_take(struct db *db, const struct lease_row *seen, const char *owner, const char *boot,
                     struct lease_row *ret)
{
    int rc =
        db_run(db,
               "INSERT INTO leases (name, owner, boot, turn, epoch) VALUES ($1, $2, $3, 1, 1)"
               " ON CONFLICT (name) DO UPDATE SET owner = $2, boot = $3, turn = leases.turn + 1,"
               " epoch = leases.epoch + 1 WHERE leases.boot = $4 AND leases.turn = $5",
               db_text(seen->name), db_text(owner), db_text(boot), db_text(seen->boot), db_int(seen->turn));
    if (!rc && !db->changes)
        return db_fail(db, CE_CONFLICT, "another vmpool was faster");
    return rc ? rc : lease_get(db, seen->name, ret);
}

int store_lease_renew(struct db *db, const char *boot, int (*each)(void *arg, const struct lease_row *row),
                      void *arg)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_run(db, "UPDATE leases SET turn = turn + 1 WHERE boot = $1", db_text(boot));
    if (!rc)
        rc = db_select(db, &q, LEASE_SELECT " WHERE l.boot = $1", db_text(boot));
    return rc ? rc : lease_each(&q, each, arg);
}

int store_lease_give_back(struct db *db, const char *name, const char *boot)
{
    store_notify(db, "host", "");
    return db_run(db,
                  "UPDATE leases SET boot = '', turn = turn + 1 WHERE boot = $2 AND ($1 = '' OR name = $1)",
                  db_text(name), db_text(boot));
}

int store_lease_check(struct db *db, const char *name, const char *boot)
{
    struct lease_row row;
    int rc = lease_get(db, name, &row);
    if (rc == CE_NOT_FOUND || (!rc && strcmp(row.boot, boot) != 0))
        return db_fail(db, CE_CONFLICT, "the lease of %s is not this vmpool's any more", name);
    return rc;
}
