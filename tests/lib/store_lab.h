/* A store's database in a directory of its own, for tests that call the functions of jobs directly: each
 * LAB() is one transaction, as the store's thread would make it. Owned by the test; one thread.
 */
#ifndef CARREL_TESTS_STORE_LAB_H
#define CARREL_TESTS_STORE_LAB_H

#include <carrel/store.h>

#include "db.h"

struct lab {
    char dir[64];
    char path[128];
    struct db *db;
    struct sqlite3 *reader; /* lab_count()'s own, made when it is needed */
};

/* Ends the test program when that fails: nothing could be tested. */
void lab_open(struct lab *lab);
void lab_close(struct lab *lab); /* and removes the directory */

void lab_begin(struct lab *lab);
int lab_end(struct lab *lab, int rc); /* commits on 0, else rolls back; returns RC */

#define LAB(lab, call) (lab_begin(lab), lab_end((lab), (call)))

/* Rows with plain values; they end the program on failure. */
void lab_user(struct lab *lab, const char *name, struct user_row *ret);
void lab_pool(struct lab *lab, const char *name, enum pool_kind kind, uint32_t max, struct pool_row *ret);
/* A desktop of the pool, in state ready. */
void lab_desktop(struct lab *lab, const struct pool_row *pool, const char *name, struct desktop_row *ret);

/* As the gateway "gw1" would claim. */
int lab_claim(struct lab *lab, const struct user_row *user, const struct pool_row *pool, struct claim *ret);
enum desktop_state lab_desktop_state(struct lab *lab, const char *id);
enum session_state lab_session_state(struct lab *lab, const char *id);
int64_t lab_count(struct lab *lab, const char *sql_without_parameters);

void lab_make_dir(char dir[64]);
void lab_remove_dir(const char *dir);

#endif
