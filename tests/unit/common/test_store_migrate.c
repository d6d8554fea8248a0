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

SUITE("store_migrate", TEST(applies_what_is_missing_and_keeps_a_copy), TEST(a_bad_migration_changes_nothing),
      TEST(a_newer_database_is_refused), TEST(a_newer_database_is_refused_by_the_store),
      TEST(an_empty_database_is_only_filled_on_creation), TEST(many_processes_may_start_at_once))
