#include "store_migrate.h"

#include <stdio.h>

#include <carrel/store.h>

static int version_read(struct db *db, unsigned *ret)
{
    int64_t number = 0;
    int rc = db_run(db, "CREATE TABLE IF NOT EXISTS schema_migrations (number BIGINT NOT NULL PRIMARY KEY,"
                        " name TEXT NOT NULL, applied_ms BIGINT NOT NULL)");
    if (!rc)
        rc = db_get_int(db, &number, "SELECT COALESCE(MAX(number), 0) FROM schema_migrations");
    if (!rc)
        *ret = (unsigned)number;
    return rc;
}

struct progress {
    bool is_new; /* made in this run: nothing in it is worth a copy */
    bool done;   /* the schema was the newest one already */
};

/* In a transaction for writing. */
static int migrate_step(struct db *db, const char *path, const struct migration *migrations, unsigned count,
                        bool create, struct progress *progress)
{
    unsigned version;
    int rc = version_read(db, &version);
    if (rc)
        return rc;
    if (version > count)
        return db_fail(db, CE_UNSUPPORTED,
                       "the database has schema %u and this program knows %u: it belongs to a newer release",
                       version, count);
    if (version == 0 && !create)
        return db_fail(db, CE_UNREACHABLE, "the database holds no Carrel tables");
    progress->done = version == count;
    if (progress->done)
        return 0;
    if (version == 0)
        progress->is_new = true;

    const struct migration *next = &migrations[version];
    if (!progress->is_new) {
        char copy[4096];
        if (snprintf(copy, sizeof copy, "%s.before-%03u", path, next->number) >= (int)sizeof copy)
            return db_fail(db, CE_LIMIT, "the path of the database is too long");
        rc = db->ops->backup(db, copy);
        if (rc)
            return rc;
    }
    rc = db->ops->script(db, next->sql);
    if (rc)
        return rc;
    return db_run(db, "INSERT INTO schema_migrations (number, name, applied_ms) VALUES ($1, $2, $3)",
                  db_int(next->number), db_text(next->name), db_int(store_now_ms()));
}

static int migrate_all(struct db *db, const char *path, const struct migration *migrations, unsigned count,
                       bool create, struct error *err)
{
    struct progress progress = {0};
    while (!progress.done) {
        int rc = db->ops->begin(db, true);
        if (!rc)
            rc = migrate_step(db, path, migrations, count, create, &progress);
        if (!rc)
            rc = db->ops->commit(db);
        if (rc) {
            error_set(err, rc, "%s: %s", path, db->error);
            db->ops->rollback(db);
            return rc;
        }
    }
    return 0;
}

int store_migrate(struct db *db, const char *path, const struct migration *migrations, unsigned count,
                  bool create, struct error *err)
{
    int rc = db->ops->references(db, false);
    if (rc)
        return error_set(err, rc, "%s: %s", path, db->error);
    rc = migrate_all(db, path, migrations, count, create, err);
    int enforced = db->ops->references(db, true);
    if (!rc && enforced)
        rc = error_set(err, enforced, "%s: %s", path, db->error);
    return rc;
}
