#include "store_lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ftw.h>
#include <sqlite3.h>

#include "store_file.h"

#define MUST(call)                                                                                           \
    do {                                                                                                     \
        int must_rc = (call);                                                                                \
        if (must_rc) {                                                                                       \
            fprintf(stderr, "%s:%d: %s: %d\n", __FILE__, __LINE__, #call, must_rc);                          \
            exit(99);                                                                                        \
        }                                                                                                    \
    } while (0)

void lab_make_dir(char dir[64])
{
    const char *tmp = getenv("TMPDIR");
    snprintf(dir, 64, "%.32s/carrel-store-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(dir)) {
        perror(dir);
        exit(99);
    }
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

void lab_remove_dir(const char *dir)
{
    nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

void lab_open(struct lab *lab)
{
    struct error err = {0};
    lab->reader = NULL;
    lab_make_dir(lab->dir);
    snprintf(lab->path, sizeof lab->path, "%s/carrel.db", lab->dir);
    if (store_file_open(&lab->db, lab->path, true, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(99);
    }
    /* The rules are under test here, not the disk; tests of what survives have stores of their own. */
    MUST(lab->db->ops->script(lab->db, "PRAGMA synchronous=OFF"));
}

void lab_close(struct lab *lab)
{
    db_close(&lab->db);
    sqlite3_close(lab->reader);
    lab->reader = NULL;
    lab_remove_dir(lab->dir);
}

void lab_begin(struct lab *lab)
{
    MUST(lab->db->ops->begin(lab->db, true));
}

int lab_end(struct lab *lab, int rc)
{
    if (rc)
        lab->db->ops->rollback(lab->db);
    else
        MUST(lab->db->ops->commit(lab->db));
    return rc;
}

void lab_user(struct lab *lab, const char *name, struct user_row *ret)
{
    *ret = (struct user_row){0};
    snprintf(ret->name, sizeof ret->name, "%s", name);
    MUST(LAB(lab, store_user_insert(lab->db, ret, "hash")));
}

void lab_pool(struct lab *lab, const char *name, enum pool_kind kind, uint32_t max, struct pool_row *ret)
{
    *ret = (struct pool_row){
        .kind = kind, .max = max, .spare = 1, .vcpus = 1, .memory_mib = 512, .enabled = true};
    snprintf(ret->name, sizeof ret->name, "%s", name);
    snprintf(ret->pattern, sizeof ret->pattern, "%s-%%d", name);
    MUST(LAB(lab, store_pool_insert(lab->db, ret)));
}

void lab_desktop(struct lab *lab, const struct pool_row *pool, const char *name, struct desktop_row *ret)
{
    *ret = (struct desktop_row){0};
    snprintf(ret->name, sizeof ret->name, "%s", name);
    snprintf(ret->pool_id, sizeof ret->pool_id, "%s", pool->id);
    MUST(LAB(lab, store_desktop_insert(lab->db, ret)));
    MUST(LAB(lab, store_desktop_set_state(lab->db, ret->id, DESKTOP_CLONING, DESKTOP_BOOTING, NULL)));
    MUST(LAB(lab, store_desktop_set_state(lab->db, ret->id, DESKTOP_BOOTING, DESKTOP_READY, NULL)));
    MUST(LAB(lab, store_desktop_get(lab->db, ret->id, ret)));
}

int lab_claim(struct lab *lab, const struct user_row *user, const struct pool_row *pool, struct claim *ret)
{
    struct session_request request = {.user_id = user->id,
                                      .pool_id = pool->id,
                                      .gateway = "gw1",
                                      .client_address = "192.0.2.7",
                                      .client_name = "LAPTOP"};
    return LAB(lab, store_claim(lab->db, &request, ret));
}

enum desktop_state lab_desktop_state(struct lab *lab, const char *id)
{
    struct desktop_row row;
    MUST(LAB(lab, store_desktop_get(lab->db, id, &row)));
    return row.state;
}

enum session_state lab_session_state(struct lab *lab, const char *id)
{
    struct session_row row;
    MUST(LAB(lab, store_session_get(lab->db, id, &row)));
    return row.state;
}

int64_t lab_count(struct lab *lab, const char *sql)
{
    sqlite3_stmt *stmt;
    if (!lab->reader)
        MUST(sqlite3_open_v2(lab->path, &lab->reader, SQLITE_OPEN_READONLY, NULL));
    MUST(sqlite3_prepare_v2(lab->reader, sql, -1, &stmt, NULL));
    int64_t count = sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : -1;
    sqlite3_finalize(stmt);
    return count;
}
