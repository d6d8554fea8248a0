/* One connection to a database, behind a small set of operations, so that the store's statements are written
 * once for SQLite and PostgreSQL: parameters are $1, $2, ... in order, types are BIGINT, TEXT and bytes, and
 * nothing is used that only one of them has. A connection belongs to the store's thread.
 *
 *     CLEANUP_QUERY struct db_query q = {0};
 *     int rc = db_select(db, &q, "SELECT name FROM pools WHERE spare > $1", db_int(3));
 *     while (!rc && (rc = db_next(&q)) > 0)
 *         rc = use(row_text(&q, 0));
 *
 * Statements are literals: they are kept prepared under their address. While a query is open, its tables are
 * not written to. Errors are enum carrel_error with words in db->error:
 *
 *     CE_EXISTS       a unique value is taken        CE_BUSY        another process holds the database
 *     CE_CONFLICT     a reference forbids it         CE_NO_SPACE    the disk is full
 *     CE_BAD_INPUT    a check forbids it             CE_UNREACHABLE the file or server is gone or unreadable
 *     CE_INTERNAL     the statement is wrong
 */
#ifndef CARREL_DB_H
#define CARREL_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>
#include <carrel/ids.h>

#define DB_PARAMETERS_MAX 32
#define DB_NOTICES_MAX 256 /* per commit; beyond it a topic's notices become one without an id */
#define DB_TOPIC_SIZE 16

enum db_kind { DB_NULL, DB_INT, DB_TEXT, DB_BYTES };

struct db_value {
    enum db_kind kind;
    int64_t number;
    const void *bytes; /* borrowed until the statement was opened */
    size_t len;
};

struct db_notice {
    char topic[DB_TOPIC_SIZE];
    char id[NAME_SIZE];
};

struct db_notices {
    struct db_notice items[DB_NOTICES_MAX + 16];
    unsigned count;
};

struct db_query {
    struct db *db; /* NULL: not open */
    void *handle;  /* the driver's */
};

struct db_ops {
    const char *name;
    void (*close)(struct db *db);
    /* A transaction. Begun for writing it holds the lock that writers need, begun for reading it sees one
     * state of the database; both fail with CE_BUSY after a fraction of a second. */
    int (*begin)(struct db *db, bool write);
    int (*commit)(struct db *db);
    void (*rollback)(struct db *db);
    bool (*in_transaction)(struct db *db); /* false also when an error ended it */
    int (*savepoint)(struct db *db);
    int (*savepoint_release)(struct db *db);
    int (*savepoint_undo)(struct db *db);
    int (*open)(struct db *db, const char *sql, const struct db_value *values, unsigned count, void **ret);
    int (*next)(struct db *db, void *handle); /* 1: a row, 0: the end */
    int64_t (*row_int)(void *handle, int column);
    const void *(*row_bytes)(void *handle, int column, size_t *ret_len); /* texts are terminated */
    void (*finish)(struct db *db, void *handle);
    /* Runs a schema file: several statements, with @SERIAL@ and @BLOB@. */
    int (*script)(struct db *db, const char *text);
    /* Outside of a transaction: whether references between tables are enforced. A table that others refer to
     * is made anew while they are not; script() checks all of them at its end. */
    int (*references)(struct db *db, bool enforced);
    /* Keeps a copy of the database under PATH, where that is a file. */
    int (*backup)(struct db *db, const char *path);
    bool (*is_current)(struct db *db); /* false when the file under the path is another one by now */
};

struct db {
    const struct db_ops *ops;
    char error[REASON_SIZE];
    int64_t changes;           /* rows that the last finished statement wrote */
    bool lost;                 /* the connection is of no further use */
    bool writing;              /* the transaction may write */
    struct db_notices notices; /* of this transaction */
};

/* Opens the file at PATH, which must exist. */
int db_sqlite_open(struct db **ret, const char *path, struct error *err) MUST_CHECK;
void db_close(struct db **db);

/* Sets the error's words and returns CODE. */
int db_fail(struct db *db, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Each notice stands there once. */
void db_notice_add(struct db_notices *notices, const char *topic, const char *id);

static inline struct db_value db_int(int64_t number)
{
    return (struct db_value){.kind = DB_INT, .number = number};
}

static inline struct db_value db_bytes(const void *bytes, size_t len)
{
    return (struct db_value){.kind = DB_BYTES, .bytes = bytes, .len = len};
}

struct db_value db_text(const char *text); /* NULL counts as "" */
struct db_value db_ref(const char *id);    /* NULL and "" are stored as null */

#define DB_VALUES(...)                                                                                       \
    (const struct db_value[]){__VA_ARGS__},                                                                  \
        sizeof((const struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value)

/* The "" beside SQL lets only literals pass. */
#define db_select(db, query, sql, ...) db_query_open((db), (query), "" sql "", DB_VALUES(__VA_ARGS__))
#define db_run(db, sql, ...) db_run_values((db), "" sql "", DB_VALUES(__VA_ARGS__))
/* The first column of the first row; CE_NOT_FOUND when there is none. */
#define db_get_int(db, ret, sql, ...) db_get_int_values((db), (ret), "" sql "", DB_VALUES(__VA_ARGS__))

int db_query_open(struct db *db, struct db_query *query, const char *sql, const struct db_value *values,
                  size_t count) MUST_CHECK;
int db_next(struct db_query *query) MUST_CHECK;
void db_finish(struct db_query *query);
int db_run_values(struct db *db, const char *sql, const struct db_value *values, size_t count) MUST_CHECK;
int db_get_int_values(struct db *db, int64_t *ret, const char *sql, const struct db_value *values,
                      size_t count) MUST_CHECK;

#define CLEANUP_QUERY __attribute__((cleanup(db_finish)))

int64_t row_int(struct db_query *query, int column);
uint32_t row_u32(struct db_query *query, int column);
bool row_bool(struct db_query *query, int column);
/* Texts that are too long are cut; null reads as "". */
void row_text(struct db_query *query, int column, char *ret, size_t size);
/* Returns the bytes copied, at most SIZE. */
size_t row_bytes(struct db_query *query, int column, void *ret, size_t size);

#endif
