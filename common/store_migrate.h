/* Brings a database's schema to the newest version. The schema files are compiled in. Called while a store
 * is opened (on the loop's thread) and when its file was replaced (on the store's thread).
 */
#ifndef CARREL_STORE_MIGRATE_H
#define CARREL_STORE_MIGRATE_H

#include <stdbool.h>

#include "db.h"

struct migration {
    unsigned number; /* 1, 2, ... without a gap */
    const char *name;
    const char *sql;
};

extern const struct migration store_migrations[];
extern const unsigned store_migration_count;

/* Each migration is one transaction under the writers' lock, so two processes may start at once. Before it
 * the database at PATH is copied to "PATH.before-NNN". An empty database is refused unless CREATE; a newer
 * one always (CE_UNSUPPORTED). */
int store_migrate(struct db *db, const char *path, const struct migration *migrations, unsigned count,
                  bool create, struct error *err) MUST_CHECK;

#endif
