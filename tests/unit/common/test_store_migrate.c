#include "suite.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store_file.h"
#include "store_lab.h"
#include "store_migrate.h"

static const struct migration two[] = {
    {1, "001_a.sql", "CREATE TABLE a (n @SERIAL@, b @BLOB@); INSERT INTO a (b) VALUES (NULL);"},
    {2, "002_b.sql", "CREATE TABLE b (n BIGINT); INSERT INTO b SELECT n + 100 FROM a;"},
    {3, "003_bad.sql", "CREATE TABLE c (n BIGINT); SELECT * FROM nowhere;"},
};

static char dir[64], path[128];
static struct db *db;
static struct error err;

static void open_empty(void)
{
    lab_make_dir(dir);
    snprintf(path, sizeof path, "%s/carrel.db", dir);
    fclose(fopen(path, "w"));
    CU_ASSERT_EQUAL_FATAL(db_sqlite_open(&db, path, &err), 0);
}

static void close_it(void)
{
    db_close(&db);
    lab_remove_dir(dir);
}

static int64_t number_of(struct db *where, const char *what)
{
    int64_t n = -1;
    int rc = where->ops->begin(where, false);
    if (!rc && !strcmp(what, "version"))
        rc = db_get_int(where, &n, "SELECT MAX(number) FROM schema_migrations");
    else if (!rc)
        rc = db_get_int(where, &n, "SELECT n FROM b");
    where->ops->rollback(where);
    return rc ? rc : n;
}

static void applies_what_is_missing_and_keeps_a_copy(void)
{
    char copy[160];
    struct stat st;
    struct db *old = NULL;
    open_empty();
    snprintf(copy, sizeof copy, "%s.before-002", path);
    CU_ASSERT_EQUAL(store_migrate(db, path, two, 1, true, &err), 0);
    CU_ASSERT_EQUAL(number_of(db, "version"), 1);
    CU_ASSERT_EQUAL(stat(copy, &st), -1);
    CU_ASSERT_EQUAL(store_migrate(db, path, two, 2, false, &err), 0);
    CU_ASSERT_EQUAL(number_of(db, "version"), 2);
    CU_ASSERT_EQUAL(number_of(db, "b"), 101);
    CU_ASSERT_EQUAL(stat(copy, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 07777 & ~0640u, 0);
    CU_ASSERT_EQUAL_FATAL(db_sqlite_open(&old, copy, &err), 0);
    CU_ASSERT_EQUAL(number_of(old, "version"), 1);
    CU_ASSERT_EQUAL(number_of(old, "b"), CE_INTERNAL); /* no such table yet */
    db_close(&old);
    /* Again: nothing to do. */
    CU_ASSERT_EQUAL(store_migrate(db, path, two, 2, false, &err), 0);
    close_it();
}

static void a_database_that_is_made_leaves_no_copies(void)
{
    char copy[160];
    struct stat st;
    open_empty();
    snprintf(copy, sizeof copy, "%s.before-002", path);
    CU_ASSERT_EQUAL(store_migrate(db, path, two, 2, true, &err), 0);
    CU_ASSERT_EQUAL(number_of(db, "version"), 2);
    CU_ASSERT_EQUAL(stat(copy, &st), -1);
    close_it();
}

static void a_bad_migration_changes_nothing(void)
{
    open_empty();
    CU_ASSERT_EQUAL(store_migrate(db, path, two, 2, true, &err), 0);
    CU_ASSERT_EQUAL(store_migrate(db, path, two, 3, true, &err), CE_INTERNAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "nowhere"));
    CU_ASSERT_EQUAL(number_of(db, "version"), 2);
    CU_ASSERT_EQUAL(db->ops->begin(db, true), 0);
    CU_ASSERT_EQUAL(db_run(db, "CREATE TABLE c (n BIGINT)"), 0);
    db->ops->rollback(db);
    close_it();
}

static void a_newer_database_is_refused(void)
{
    open_empty();
    CU_ASSERT_EQUAL(store_migrate(db, path, two, 2, true, &err), 0);
    CU_ASSERT_EQUAL(store_migrate(db, path, two, 1, true, &err), CE_UNSUPPORTED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "newer release"));
    CU_ASSERT_EQUAL(number_of(db, "version"), 2);
    close_it();
}

static void a_newer_database_is_refused_by_the_store(void)
{
    uv_loop_t loop;
    struct store *store;
    open_empty();
    db_close(&db);
    CU_ASSERT_EQUAL_FATAL(store_file_open(&db, path, true, &err), 0);
    CU_ASSERT_EQUAL(db->ops->begin(db, true), 0);
    CU_ASSERT_EQUAL(db_run(db, "INSERT INTO schema_migrations VALUES (999, 'later', 0)"), 0);
    CU_ASSERT_EQUAL(db->ops->commit(db), 0);
    uv_loop_init(&loop);
    CU_ASSERT_EQUAL(store_open(&store, &loop, path, "test", &err), CE_UNSUPPORTED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "999"));
    CU_ASSERT_EQUAL(uv_loop_close(&loop), 0);
    close_it();
}

/* Runs SQL in a transaction of its own. */
static int script(const char *sql)
{
    int rc = db->ops->begin(db, true);
    if (!rc)
        rc = db->ops->script(db, sql);
    if (!rc)
        rc = db->ops->commit(db);
    else
        db->ops->rollback(db);
    return rc;
}

static int64_t ask(const char *table)
{
    int64_t n = -1;
    int rc = db->ops->begin(db, false);
    if (!rc && !strcmp(table, "entitlements"))
        rc = db_get_int(db, &n, "SELECT COUNT(*) FROM entitlements WHERE pool_id = 'p-1'");
    else if (!rc)
        rc = db_get_int(db, &n, "SELECT COUNT(*) FROM desktops d JOIN pools p ON p.id = d.pool_id");
    db->ops->rollback(db);
    return rc ? rc : n;
}

static void a_table_made_anew_keeps_those_that_refer_to_it(void)
{
    open_empty();
    CU_ASSERT_EQUAL_FATAL(store_migrate(db, path, store_migrations, 3, true, &err), 0);
    CU_ASSERT_EQUAL_FATAL(
        script(
            "INSERT INTO users VALUES ('u-1', 'ann', 'ann', '', '', 0, 1, 0);"
            "INSERT INTO pools (id, name, kind, credentials, spare, max_desktops, vcpus, memory_mib, network,"
            " pattern, enabled, deleting, failures, retry_at_ms, stopped, reason, created_ms) VALUES ('p-1',"
            " 'demo', 'floating', 'carrel', 1, 1, 1, 64, 'user', 'd-%d', 1, 0, 0, 0, 0, '', 1);"
            "INSERT INTO entitlements (id, pool_id, user_id, created_ms) VALUES ('e-1', 'p-1', 'u-1', 1);"
            "INSERT INTO desktops (id, name, pool_id, kind, state, state_since_ms, percent, reason, touched,"
            " address, port, fingerprint, guest_user, disk, attempts, created_ms) VALUES ('d-1', 'd-1', "
            "'p-1',"
            " 'floating', 'ready', 1, 0, '', 0, '', 0, '', '', '', 0, 1);"),
        0);
    CU_ASSERT_EQUAL(store_migrate(db, path, store_migrations, store_migration_count, false, &err), 0);
    CU_ASSERT_EQUAL(ask("entitlements"), 1);
    CU_ASSERT_EQUAL(ask("desktops"), 1);
    /* From here references hold again, and lead to the table that was made anew. */
    CU_ASSERT_EQUAL(script("DELETE FROM pools WHERE id = 'p-1'"), CE_CONFLICT);
    CU_ASSERT_EQUAL(script("DELETE FROM desktops; DELETE FROM pools WHERE id = 'p-1'"), 0);
    CU_ASSERT_EQUAL(ask("entitlements"), 0);
    close_it();
}

static void a_migration_that_leaves_a_reference_to_nothing_is_refused(void)
{
    static const struct migration bad[] = {
        {1, "001_a.sql",
         "CREATE TABLE a (n BIGINT PRIMARY KEY); CREATE TABLE b (n BIGINT REFERENCES a (n));"
         "INSERT INTO a VALUES (1); INSERT INTO b VALUES (1);"},
        {2, "002_b.sql", "DELETE FROM a;"},
    };
    open_empty();
    CU_ASSERT_EQUAL(store_migrate(db, path, bad, 1, true, &err), 0);
    CU_ASSERT_EQUAL(store_migrate(db, path, bad, 2, false, &err), CE_CONFLICT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "a row of b refers to one that is not there"));
    CU_ASSERT_EQUAL(number_of(db, "version"), 1);
    close_it();
}

static void an_empty_database_is_only_filled_on_creation(void)
{
    open_empty();
    CU_ASSERT_EQUAL(store_migrate(db, path, two, 2, false, &err), CE_UNREACHABLE);
    CU_ASSERT_EQUAL(store_migrate(db, path, two, 2, true, &err), 0);
    close_it();
}

static int open_with_patience(void)
{
    struct db *mine = NULL;
    int rc;
    for (int tries = 0; (rc = store_file_open(&mine, path, true, &err)) == CE_BUSY && tries < 100; tries++)
        ;
    db_close(&mine);
    return rc;
}

static void many_processes_may_start_at_once(void)
{
    enum { CHILDREN = 6 };
    pid_t pids[CHILDREN];
    lab_make_dir(dir);
    snprintf(path, sizeof path, "%s/carrel.db", dir);
    fflush(NULL);
    for (int i = 0; i < CHILDREN; i++) {
        pids[i] = fork();
        if (pids[i] == 0)
            _exit(open_with_patience() ? 1 : 0);
    }
    for (int i = 0; i < CHILDREN; i++) {
        int status = -1;
        CU_ASSERT_EQUAL(waitpid(pids[i], &status, 0), pids[i]);
        CU_ASSERT_EQUAL(status, 0);
    }
    CU_ASSERT_EQUAL_FATAL(store_file_open(&db, path, false, &err), 0);
    CU_ASSERT_EQUAL(number_of(db, "version"), store_migration_count);
    close_it();
}

SUITE("store_migrate", TEST(applies_what_is_missing_and_keeps_a_copy),
      TEST(a_database_that_is_made_leaves_no_copies), TEST(a_bad_migration_changes_nothing),
      TEST(a_newer_database_is_refused), TEST(a_newer_database_is_refused_by_the_store),
      TEST(a_table_made_anew_keeps_those_that_refer_to_it),
      TEST(a_migration_that_leaves_a_reference_to_nothing_is_refused),
      TEST(an_empty_database_is_only_filled_on_creation), TEST(many_processes_may_start_at_once))
