/* The gateway's end of its starter (starter_process.h): forks it, asks it for the lobby and for a successor, and hears
 * what became of them. Main thread; the answers come on the loop.
 */
#ifndef CARREL_GATEWAY_STARTER_H
#define CARREL_GATEWAY_STARTER_H

#include <sys/types.h>
#include <uv.h>

#include <carrel/error.h>

#include "starter_process.h"

struct starter;

struct starter_listener {
    /* PID 0: it does not run, and REASON (errno) says why. */
    void (*started)(void *arg, pid_t pid, int reason);
    void (*ended)(void *arg, int status); /* as waitpid() has it; NULL: of no interest */
    void *arg;
};

/* Forks. Before the first other thread, and before any secret is in memory. PLAN is copied. */
int starter_open(struct starter **ret, uv_loop_t *loop, const struct starter_plan *plan,
                 struct error *err) MUST_CHECK;
void starter_close(struct starter **starter); /* its handle closes on the loop; safe on NULL */

/* The descriptors stay the caller's. The listener hears one started() for each. CE_UNREACHABLE: no starter. */
void starter_on_lobby(struct starter *starter, const struct starter_listener *listener);
void starter_on_successor(struct starter *starter, const struct starter_listener *listener);
int starter_ask_lobby(struct starter *starter, int hand_over_fd) MUST_CHECK;
int starter_ask_successor(struct starter *starter, const char *boot_id, const int *fds, unsigned count,
                          int ready_fd) MUST_CHECK;

#endif
