#include "suite.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "store_lab.h"

static struct lab lab;
static struct db *db;

static void open_db(void)
{
    lab_open(&lab);
    db = lab.db;
    CU_ASSERT_EQUAL_FATAL(db->ops->begin(db, true), 0);
    CU_ASSERT_EQUAL_FATAL(
        db->ops->script(db,
                        "CREATE TABLE t (n @SERIAL@, name TEXT UNIQUE CHECK (name <> 'bad'), bytes @BLOB@,"
                        " ref BIGINT REFERENCES t (n))"),
        0);
}

static void close_db(void)
{
    db->ops->rollback(db);
    lab_close(&lab);
}

static int insert(const char *name)
{
    return db_run(db, "INSERT INTO t (name) VALUES ($1)", db_text(name));
}

static void parameters_are_bound_by_their_numbers(void)
{
    CLEANUP_QUERY struct db_query q = {0};
    char text[32];
    open_db();
    /* Out of order, and one twice. */
    CU_ASSERT_EQUAL(db_select(db, &q, "SELECT $2, $1, $2", db_text("one"), db_int(2)), 0);
    CU_ASSERT_EQUAL(db_next(&q), 1);
    CU_ASSERT_EQUAL(row_int(&q, 0), 2);
    row_text(&q, 1, text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, "one");
    CU_ASSERT_EQUAL(row_u32(&q, 2), 2);
    CU_ASSERT_EQUAL(db_next(&q), 0);
    db_finish(&q);
    close_db();
}

static void wrong_statements_are_told(void)
{
    int64_t n;
    open_db();
    CU_ASSERT_EQUAL(db_run(db, "SELECT $1, $2", db_int(1)), CE_INTERNAL);
    CU_ASSERT_EQUAL(db_run(db, "SELECT ?", db_int(1)), CE_INTERNAL);
    CU_ASSERT_EQUAL(db_run(db, "SELECT $2", db_int(1)), CE_INTERNAL);
    CU_ASSERT_EQUAL(db_run(db, "SELECT 1; SELECT 2"), CE_INTERNAL);
    CU_ASSERT_EQUAL(db_run(db, "SELEKT 1"), CE_INTERNAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(store_error(db), "SELEKT"));
    CU_ASSERT_EQUAL(db_get_int(db, &n, "SELECT 5 WHERE 1 = 0"), CE_NOT_FOUND);
    close_db();
}

static void constraints_have_codes_of_their_own(void)
{
    open_db();
    CU_ASSERT_EQUAL(insert("a"), 0);
    CU_ASSERT_EQUAL(db->changes, 1);
    CU_ASSERT_EQUAL(insert("a"), CE_EXISTS);
    CU_ASSERT_EQUAL(insert("bad"), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(db_run(db, "UPDATE t SET ref = $1", db_int(77)), CE_CONFLICT);
    CU_ASSERT_EQUAL(db_run(db, "UPDATE t SET name = $1 WHERE n = $2", db_text("b"), db_int(99)), 0);
    CU_ASSERT_EQUAL(db->changes, 0);
    close_db();
}

static void values_come_back_as_they_went(void)
{
    CLEANUP_QUERY struct db_query q = {0};
    static const char bytes[] = {0, 1, 0, (char)0xff, 0};
    char back[16], text[4];
    open_db();
    CU_ASSERT_EQUAL(db_run(db, "INSERT INTO t (name, bytes) VALUES ($1, $2)", db_text("long name"),
                           db_bytes(bytes, sizeof bytes)),
                    0);
    CU_ASSERT_EQUAL(db_run(db, "INSERT INTO t (name, bytes) VALUES ($1, $2)", db_ref(""), db_bytes(NULL, 0)),
                    0);
    CU_ASSERT_EQUAL(db_select(db, &q, "SELECT name, bytes, n, ref FROM t ORDER BY n"), 0);
    CU_ASSERT_EQUAL(db_next(&q), 1);
    row_text(&q, 0, text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, "lon"); /* cut, and terminated */
    CU_ASSERT_EQUAL(row_bytes(&q, 1, back, sizeof back), sizeof bytes);
    CU_ASSERT_EQUAL(memcmp(back, bytes, sizeof bytes), 0);
    CU_ASSERT_EQUAL(row_bytes(&q, 1, back, 2), 2);
    CU_ASSERT_EQUAL(db_next(&q), 1);
    row_text(&q, 0, text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, "");
    CU_ASSERT_EQUAL(row_bytes(&q, 1, back, sizeof back), 0);
    CU_ASSERT_EQUAL(row_int(&q, 3), 0);
    db_finish(&q);
    close_db();
}

static int count_to(int depth)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rows = 0;
    if (depth == 0)
        return 1;
    CU_ASSERT_EQUAL(db_select(db, &q, "SELECT n FROM t"), 0);
    while (db_next(&q) > 0)
        rows += count_to(depth - 1);
    return rows;
}

static void the_same_query_nests(void)
{
    open_db();
    CU_ASSERT_EQUAL(insert("a"), 0);
    CU_ASSERT_EQUAL(insert("b"), 0);
    CU_ASSERT_EQUAL(insert("c"), 0);
    CU_ASSERT_EQUAL(count_to(3), 27);
    CU_ASSERT_EQUAL(count_to(3), 27);
    close_db();
}

static void savepoints_undo_one_step(void)
{
    int64_t n = 0;
    open_db();
    CU_ASSERT_EQUAL(insert("a"), 0);
    CU_ASSERT_EQUAL(db->ops->savepoint(db), 0);
    CU_ASSERT_EQUAL(insert("b"), 0);
    CU_ASSERT_EQUAL(db->ops->savepoint_undo(db), 0);
    CU_ASSERT_EQUAL(db->ops->savepoint(db), 0);
    CU_ASSERT_EQUAL(insert("c"), 0);
    CU_ASSERT_EQUAL(db->ops->savepoint_release(db), 0);
    CU_ASSERT_EQUAL(db_get_int(db, &n, "SELECT COUNT(*) FROM t WHERE name IN ('a', 'c')"), 0);
    CU_ASSERT_EQUAL(n, 2);
    CU_ASSERT_TRUE(db->ops->in_transaction(db));
    close_db();
}

static void a_read_sees_one_state_and_a_second_writer_is_busy(void)
{
    struct db *other = NULL;
    struct error err = {0};
    int64_t n = -1;
    open_db();
    CU_ASSERT_EQUAL(db->ops->commit(db), 0);
    CU_ASSERT_EQUAL_FATAL(db_sqlite_open(&other, lab.path, &err), 0);
    CU_ASSERT_EQUAL(other->ops->begin(other, false), 0);
    CU_ASSERT_EQUAL(db->ops->begin(db, true), 0);
    CU_ASSERT_EQUAL(insert("a"), 0);
    CU_ASSERT_EQUAL(db->ops->commit(db), 0);
    CU_ASSERT_EQUAL(db_get_int(other, &n, "SELECT COUNT(*) FROM t"), 0);
    CU_ASSERT_EQUAL(n, 0);
    other->ops->rollback(other);
    CU_ASSERT_EQUAL(db->ops->begin(db, true), 0);
    CU_ASSERT_EQUAL(other->ops->begin(other, true), CE_BUSY);
    CU_ASSERT_EQUAL(other->ops->begin(other, false), 0);
    CU_ASSERT_EQUAL(db_get_int(other, &n, "SELECT COUNT(*) FROM t"), 0);
    CU_ASSERT_EQUAL(n, 1);
    db_close(&other);
    close_db();
}

static void it_is_as_durable_as_it_says(void)
{
    struct db *other = NULL;
    struct error err = {0};
    int64_t n = -1;
    open_db();
    CU_ASSERT_EQUAL(db->ops->commit(db), 0);
    CU_ASSERT_EQUAL_FATAL(db_sqlite_open(&other, lab.path, &err), 0);
    CU_ASSERT_EQUAL(db_get_int(other, &n, "PRAGMA synchronous"), 0);
    CU_ASSERT_EQUAL(n, 2);
    CU_ASSERT_EQUAL(db_get_int(other, &n, "PRAGMA foreign_keys"), 0);
    CU_ASSERT_EQUAL(n, 1);
    db_close(&other);
    close_db();
}

SUITE("db_sqlite", TEST(parameters_are_bound_by_their_numbers), TEST(wrong_statements_are_told),
      TEST(constraints_have_codes_of_their_own), TEST(values_come_back_as_they_went),
      TEST(the_same_query_nests), TEST(savepoints_undo_one_step),
      TEST(a_read_sees_one_state_and_a_second_writer_is_busy), TEST(it_is_as_durable_as_it_says))
