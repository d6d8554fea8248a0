/* A whole store with its thread on a loop of the test's own. Jobs can be run one at a time and waited for;
 * every wait has a deadline after which the test program ends.
 */
#ifndef CARREL_TESTS_STORE_RUN_H
#define CARREL_TESTS_STORE_RUN_H

#include <carrel/store.h>

struct store_run {
    uv_loop_t loop;
    struct store *store;
};

void store_run_open(struct store_run *run, const char *path, const char *role);
/* A second store on the loop of the first. */
void store_run_join(struct store_run *run, const char *path, const char *role, struct store **ret);
/* Closes the store and waits; then the loop, unless stores that joined are still open. */
void store_run_close(struct store_run *run);
void store_run_close_joined(struct store_run *run, struct store *store);

/* Submits the job, runs the loop until it is done, returns its code. */
int store_run_job(struct store_run *run, struct store *store, enum store_mode mode,
                  int (*job)(struct db *db, void *arg), void *arg);

/* Runs the loop until *FLAG is at least N. */
void store_run_until(struct store_run *run, const unsigned *flag, unsigned n);

#endif
