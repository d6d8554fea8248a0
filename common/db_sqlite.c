#include "db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include <carrel/rows.h>

#define BUSY_TIMEOUT_MS 500

/* A prepared statement; BUSY while a query walks over it, so that a nested query of the same text gets one
 * of its own. */
struct statement {
    struct statement *next;
    const char *sql; /* a literal, compared by address */
    sqlite3_stmt *stmt;
    int parameter[DB_PARAMETERS_MAX]; /* SQLite's index of $1, $2, ... */
    unsigned parameters;
    bool busy;
};

struct db_sqlite {
    struct db base;
    sqlite3 *handle;
    struct statement *statements;
};

static struct db_sqlite *self_of(struct db *db)
{
    return (struct db_sqlite *)db;
}

/* Translates SQLite's extended result code and keeps its words. */
static int sqlite_error(struct db_sqlite *self, int code, const char *doing)
{
    struct db *db = &self->base;
    const char *words = self->handle ? sqlite3_errmsg(self->handle) : sqlite3_errstr(code);
    bool no_space = self->handle && sqlite3_system_errno(self->handle) == ENOSPC;

    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return db_fail(db, CE_BUSY, "the database is locked by another process");
    case SQLITE_FULL:
        return db_fail(db, CE_NO_SPACE, "the disk of the database is full");
    case SQLITE_IOERR:
        db->lost = true;
        if (no_space)
            return db_fail(db, CE_NO_SPACE, "the disk of the database is full");
        return db_fail(db, CE_UNREACHABLE, "the database cannot be read or written (%s)", words);
    case SQLITE_CANTOPEN:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_PROTOCOL:
        db->lost = true;
        return db_fail(db, CE_UNREACHABLE, "the database cannot be used (%s)", words);
    case SQLITE_NOMEM:
        db->lost = true;
        return db_fail(db, CE_NOMEM, "out of memory");
    case SQLITE_CONSTRAINT:
        if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY)
            return db_fail(db, CE_EXISTS, "%s", words);
        if (code == SQLITE_CONSTRAINT_FOREIGNKEY)
            return db_fail(db, CE_CONFLICT, "%s", words);
        return db_fail(db, CE_BAD_INPUT, "%s", words);
    default:
        return db_fail(db, CE_INTERNAL, "%s: %s", doing, words);
    }
}

static int sqlite_plain(struct db *db, const char *sql)
{
    struct db_sqlite *self = self_of(db);
    int code = sqlite3_exec(self->handle, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? 0 : sqlite_error(self, code, sql);
}

static void sqlite_rollback(struct db *db)
{
    struct db_sqlite *self = self_of(db);
    if (!sqlite3_get_autocommit(self->handle))
        sqlite3_exec(self->handle, "ROLLBACK", NULL, NULL, NULL);
    db->notices.count = 0;
    db->writing = false;
}

static int sqlite_begin(struct db *db, bool write)
{
    db->notices.count = 0;
    int rc = sqlite_plain(db, write ? "BEGIN IMMEDIATE" : "BEGIN");
    /* A deferred transaction begins with its first read: here, where it can be tried again. */
    if (!rc && !write && (rc = sqlite_plain(db, "SELECT 1 FROM sqlite_master LIMIT 1")))
        sqlite_rollback(db);
    db->writing = !rc && write;
    return rc;
}

static int sqlite_commit(struct db *db)
{
    int rc = sqlite_plain(db, "COMMIT");
    if (rc)
        sqlite_rollback(db);
    db->writing = false;
    return rc;
}

static bool sqlite_in_transaction(struct db *db)
{
    return !sqlite3_get_autocommit(self_of(db)->handle);
}

static int sqlite_savepoint(struct db *db)
{
    return sqlite_plain(db, "SAVEPOINT job");
}

static int sqlite_savepoint_release(struct db *db)
{
    return sqlite_plain(db, "RELEASE job");
}

static int sqlite_savepoint_undo(struct db *db)
{
    return sqlite_plain(db, "ROLLBACK TO job; RELEASE job");
}

static int statement_prepare(struct db_sqlite *self, const char *sql, struct statement **ret)
{
    struct statement *s = calloc(1, sizeof *s);
    if (!s)
        return db_fail(&self->base, CE_NOMEM, "out of memory");
    const char *tail = "";
    int code = sqlite3_prepare_v3(self->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->stmt, &tail);
    if (code != SQLITE_OK) {
        free(s);
        return sqlite_error(self, code, sql);
    }
    s->sql = sql;
    s->parameters = (unsigned)sqlite3_bind_parameter_count(s->stmt);
    bool numbered = *tail == '\0' && s->parameters <= DB_PARAMETERS_MAX;
    for (unsigned i = 0; numbered && i < s->parameters; i++) {
        char name[16];
        snprintf(name, sizeof name, "$%u", i + 1);
        s->parameter[i] = sqlite3_bind_parameter_index(s->stmt, name);
        numbered = s->parameter[i] > 0;
    }
    if (!numbered) {
        sqlite3_finalize(s->stmt);
        free(s);
        return db_fail(&self->base, CE_INTERNAL, "parameters are not $1, $2, ...: %s", sql);
    }
    s->next = self->statements;
    self->statements = s;
    *ret = s;
    return 0;
}

static int statement_find(struct db_sqlite *self, const char *sql, struct statement **ret)
{
    for (struct statement *s = self->statements; s; s = s->next) {
        if (s->sql == sql && !s->busy) {
            *ret = s;
            return 0;
        }
    }
    return statement_prepare(self, sql, ret);
}

static int statement_bind(struct statement *s, unsigned i, const struct db_value *value)
{
    int index = s->parameter[i];
    switch (value->kind) {
    case DB_INT:
        return sqlite3_bind_int64(s->stmt, index, value->number);
    case DB_TEXT:
        return sqlite3_bind_text64(s->stmt, index, value->bytes, value->len, SQLITE_TRANSIENT, SQLITE_UTF8);
    case DB_BYTES:
        return sqlite3_bind_blob64(s->stmt, index, value->bytes, value->len, SQLITE_TRANSIENT);
    case DB_NULL:
    default:
        return sqlite3_bind_null(s->stmt, index);
    }
}

static int sqlite_query_open(struct db *db, const char *sql, const struct db_value *values, unsigned count,
                             void **ret)
{
    struct db_sqlite *self = self_of(db);
    struct statement *s = NULL;
    int rc = statement_find(self, sql, &s);
    if (rc)
        return rc;
    if (s->parameters != count)
        return db_fail(db, CE_INTERNAL, "%u values for %u parameters: %s", count, s->parameters, sql);
    if (!db->writing && !sqlite3_stmt_readonly(s->stmt))
        return db_fail(db, CE_INTERNAL, "a reading job writes: %s", sql);
    for (unsigned i = 0; i < count; i++) {
        int code = statement_bind(s, i, &values[i]);
        if (code != SQLITE_OK)
            return sqlite_error(self, code, sql);
    }
    s->busy = true;
    *ret = s;
    return 0;
}

static int sqlite_query_next(struct db *db, void *handle)
{
    struct statement *s = handle;
    int code = sqlite3_step(s->stmt);
    if (code == SQLITE_ROW)
        return 1;
    if (code != SQLITE_DONE)
        return sqlite_error(self_of(db), code, s->sql);
    db->changes = sqlite3_changes(self_of(db)->handle);
    return 0;
}

static int64_t sqlite_row_int(void *handle, int column)
{
    struct statement *s = handle;
    return sqlite3_column_int64(s->stmt, column);
}

static const void *sqlite_row_bytes(void *handle, int column, size_t *ret_len)
{
    struct statement *s = handle;
    const void *bytes = sqlite3_column_type(s->stmt, column) == SQLITE_BLOB
                            ? sqlite3_column_blob(s->stmt, column)
                            : sqlite3_column_text(s->stmt, column);
    *ret_len = bytes ? (size_t)sqlite3_column_bytes(s->stmt, column) : 0;
    return bytes;
}

static void sqlite_query_finish(struct db *db, void *handle)
{
    struct statement *s = handle;
    sqlite3_reset(s->stmt);
    sqlite3_clear_bindings(s->stmt); /* bound values may be secrets */
    s->busy = false;
}

static int reference_seen(void *arg, int columns, char **values, char **names)
{
    char *table = arg;
    snprintf(table, NAME_SIZE, "%s", columns > 0 && values[0] ? values[0] : "?");
    return 0;
}

/* Each row of the pragma is a reference that leads nowhere. */
static int references_check(struct db *db)
{
    struct db_sqlite *self = self_of(db);
    char table[NAME_SIZE] = "";
    int code = sqlite3_exec(self->handle, "PRAGMA foreign_key_check", reference_seen, table, NULL);
    if (code != SQLITE_OK)
        return sqlite_error(self, code, "check references");
    return table[0] ? db_fail(db, CE_CONFLICT, "a row of %s refers to one that is not there", table) : 0;
}

static int sqlite_script(struct db *db, const char *text)
{
    static const struct {
        const char *name, *spelled;
    } words[] = {{"@SERIAL@", "INTEGER PRIMARY KEY AUTOINCREMENT"}, {"@BLOB@", "BLOB"}};
    size_t size = strlen(text) * 5 + 1; /* the longest word grows less than fivefold */
    char *sql = malloc(size);
    if (!sql)
        return db_fail(db, CE_NOMEM, "out of memory");
    size_t used = 0;
    while (*text) {
        const char *spelled = NULL;
        for (size_t i = 0; i < sizeof words / sizeof words[0] && !spelled; i++) {
            if (!strncmp(text, words[i].name, strlen(words[i].name))) {
                spelled = words[i].spelled;
                text += strlen(words[i].name);
            }
        }
        if (spelled)
            used += (size_t)snprintf(sql + used, size - used, "%s", spelled);
        else
            sql[used++] = *text++;
    }
    sql[used] = '\0';
    int rc = sqlite_plain(db, sql);
    free(sql);
    return rc ? rc : references_check(db);
}

static int sqlite_references(struct db *db, bool enforced)
{
    return sqlite_plain(db, enforced ? "PRAGMA foreign_keys=ON" : "PRAGMA foreign_keys=OFF");
}

/* Reads through a connection of its own: the one that is about to write may not be copied from. */
static int backup_run(struct db_sqlite *self, sqlite3 *copy)
{
    sqlite3 *source = NULL;
    sqlite3_backup *backup = NULL;
    int code = sqlite3_open_v2(sqlite3_db_filename(self->handle, "main"), &source,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_EXRESCODE, NULL);
    if (code == SQLITE_OK && !(backup = sqlite3_backup_init(copy, "main", source, "main")))
        code = sqlite3_extended_errcode(copy);
    if (backup) {
        sqlite3_backup_step(backup, -1);
        code = sqlite3_backup_finish(backup);
    }
    sqlite3_close(source);
    return code;
}

/* The copy is made beside its final name, so that a half copy is never taken for a whole one. */
static int sqlite_backup(struct db *db, const char *path)
{
    struct db_sqlite *self = self_of(db);
    char part[4096];
    if (snprintf(part, sizeof part, "%s.part", path) >= (int)sizeof part)
        return db_fail(db, CE_LIMIT, "the path of the database is too long");
    unlink(part);
    int fd = open(part, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0640);
    if (fd < 0)
        return db_fail(db, errno == ENOSPC ? CE_NO_SPACE : CE_UNREACHABLE, "%s: %s", part, strerror(errno));
    close(fd);

    sqlite3 *copy = NULL;
    int code = sqlite3_open_v2(part, &copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_EXRESCODE, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(copy, "PRAGMA synchronous=FULL", NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = backup_run(self, copy);
    int rc = 0;
    if (code != SQLITE_OK) {
        rc = (code & 0xff) == SQLITE_FULL ? CE_NO_SPACE : CE_UNREACHABLE;
        rc = db_fail(db, rc, "%s: the copy before the migration failed (%s)", path, sqlite3_errstr(code));
    }
    sqlite3_close(copy);
    if (!rc && rename(part, path) < 0)
        rc = db_fail(db, CE_UNREACHABLE, "%s: %s", path, strerror(errno));
    if (rc)
        unlink(part);
    return rc;
}

static bool sqlite_is_current(struct db *db)
{
    int moved = 0;
    int code = sqlite3_file_control(self_of(db)->handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    return code == SQLITE_OK && !moved;
}

static void sqlite_close(struct db *db)
{
    struct db_sqlite *self = self_of(db);
    /* When the file was moved away, the log beside its old path must stay as it is: it may belong to the file
     * that is there now, and if the old one comes back it is needed. */
    if (self->handle && !sqlite_is_current(db))
        sqlite3_db_config(self->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    while (self->statements) {
        struct statement *s = self->statements;
        self->statements = s->next;
        sqlite3_finalize(s->stmt);
        free(s);
    }
    sqlite3_close(self->handle);
    free(self);
}

static const struct db_ops sqlite_ops = {
    .name = "sqlite",
    .close = sqlite_close,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .in_transaction = sqlite_in_transaction,
    .savepoint = sqlite_savepoint,
    .savepoint_release = sqlite_savepoint_release,
    .savepoint_undo = sqlite_savepoint_undo,
    .open = sqlite_query_open,
    .next = sqlite_query_next,
    .row_int = sqlite_row_int,
    .row_bytes = sqlite_row_bytes,
    .finish = sqlite_query_finish,
    .script = sqlite_script,
    .references = sqlite_references,
    .backup = sqlite_backup,
    .is_current = sqlite_is_current,
};

static int mode_seen(void *arg, int columns, char **values, char **names)
{
    *(bool *)arg = columns == 1 && values[0] && !strcmp(values[0], "wal");
    return 0;
}

/* WAL lets readers pass the writer; FULL puts each commit on the disk before it returns. */
static int sqlite_prepare(struct db_sqlite *self)
{
    bool is_wal = false;
    sqlite3_busy_timeout(self->handle, BUSY_TIMEOUT_MS);
    int code = sqlite3_exec(self->handle, "PRAGMA journal_mode=WAL", mode_seen, &is_wal, NULL);
    if (code != SQLITE_OK)
        return sqlite_error(self, code, "open");
    if (!is_wal)
        return db_fail(&self->base, CE_BUSY, "the database cannot be changed to write-ahead logging now");
    return sqlite_plain(&self->base,
                        "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;"
                        "PRAGMA temp_store=MEMORY");
}

int db_sqlite_open(struct db **ret, const char *path, struct error *err)
{
    struct db_sqlite *self = calloc(1, sizeof *self);
    if (!self)
        return error_set(err, CE_NOMEM, "out of memory");
    self->base.ops = &sqlite_ops;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int code = sqlite3_open_v2(path, &self->handle, flags, NULL);
    int rc = code == SQLITE_OK ? sqlite_prepare(self) : sqlite_error(self, code, "open");
    if (rc) {
        error_set(err, rc, "%s: %s", path, self->base.error);
        sqlite_close(&self->base);
        return rc;
    }
    *ret = &self->base;
    return 0;
}
