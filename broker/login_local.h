/* Password hashing on threads of its own: argon2id takes tens of milliseconds and megabytes by design, so
 * neither the loop nor the store may do it, and only broker.login_workers run at once. Owned by main.c;
 * everything but the hashing itself is on the loop's thread.
 */
#ifndef CARREL_BROKER_LOGIN_LOCAL_H
#define CARREL_BROKER_LOGIN_LOCAL_H

#include <stdbool.h>
#include <uv.h>

#include <carrel/error.h>

#include "list.h"
#include "secret.h"

/* Passwords waiting to be checked; more are refused with CE_LIMIT: "try again in a few seconds". */
#define LOGIN_QUEUE_MAX 1024

enum login_work {
    LOGIN_VERIFY,  /* rc: 0, or CE_REFUSED */
    LOGIN_HASH,    /* rc: 0 and the hash is made, or an error */
    LOGIN_REPLACE, /* as LOGIN_HASH, unless the password is that of the hash which is there: CE_EXISTS */
};

/* Embedded in the caller's memory, which must stay until done() was called. */
struct login_task {
    struct list entry;
    enum login_work work;
    const struct secret *password; /* borrowed */
    /* LOGIN_VERIFY: what the store has; "" (an unknown user, one without password) takes the same time and
     * refuses. LOGIN_HASH, LOGIN_REPLACE: the result. */
    char hash[SECRET_HASH_SIZE];
    int rc;     /* CE_CANCELLED: it was given up, or the broker is being stopped */
    bool waits; /* under the workers' lock: it stands in the queue */
    void (*done)(struct login_task *task);
    void *arg;
};

struct login_workers;

int login_workers_open(struct login_workers **ret, uv_loop_t *loop, unsigned threads,
                       struct error *err) MUST_CHECK;
int login_workers_submit(struct login_workers *workers, struct login_task *task) MUST_CHECK;
/* Nobody wants to know any more: a task that still waits is done at once, with CE_CANCELLED; one that runs or
 * is done already is left to its end. done() is called from the loop in any case. */
void login_workers_give_up(struct login_workers *workers, struct login_task *task);
/* From now on nothing is taken (CE_LIMIT), and what waits is given up: a broker that stops does not make its
 * stop wait for hundreds of passwords. */
void login_workers_stop(struct login_workers *workers);
/* As login_workers_stop(); lets what runs finish, then closed(). */
void login_workers_close(struct login_workers *workers, void (*closed)(void *arg), void *arg);

#endif
