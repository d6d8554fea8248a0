/* Replacing the gateway while it runs: the starter starts the program that stands at the gateway's path now, which
 * inherits the listening sockets, so that no connection that waits in them is lost. When the new process takes
 * connections it says so through a pipe; the older one then stops listening and carries its sessions to their
 * end. A new process that ends before that changes nothing.
 *
 * The new process finds in its environment CARREL_SUCCEEDS="BOOT_ID COUNT": COUNT listening sockets from
 * descriptor 3 on, and behind them the pipe. Main thread only.
 */
#ifndef CARREL_GATEWAY_SUCCESSOR_H
#define CARREL_GATEWAY_SUCCESSOR_H

#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

#include <carrel/error.h>
#include <carrel/ids.h>

#include "starter.h"

/* ---- in the process that is replaced ---- */

struct successor;

/* FDS are the listening sockets (-1: none), borrowed. DONE is called once: PID when it serves, else 0. */
int successor_start(struct successor **ret, uv_loop_t *loop, struct starter *starter, const char *boot_id,
                    const int *fds, unsigned count, void (*done)(void *arg, pid_t pid), void *arg,
                    struct error *err) MUST_CHECK;
void successor_close(struct successor **at); /* its handle closes on the loop; safe on NULL */

/* ---- in the new one ---- */

struct inheritance {
    char boot_id[ID_SIZE]; /* of the process that is replaced; empty: this one replaces nobody */
    int fds[STARTER_SOCKETS_MAX];
    unsigned count;
    int ready_fd; /* -1: none */
};

/* Takes what the environment tells of out of it. */
int inheritance_take(struct inheritance *ret, struct error *err) MUST_CHECK;
/* This process takes connections. */
void inheritance_ready(struct inheritance *inheritance);

#endif
