/* What the three daemons do alike at start and end: arguments, configuration, log, signals, readiness for
 * systemd, no core dumps (they would hold secrets). All of it on the loop's thread.
 *
 *     int main(int argc, char **argv) { return daemon_main(argc, argv, &gateway_daemon); }
 */
#ifndef CARREL_DAEMON_H
#define CARREL_DAEMON_H

#include <sys/types.h>
#include <uv.h>

#include "config.h"

struct daemon_run {
    uv_loop_t *loop;
    const struct config *config; /* replaced on reload; valid until the next one */
    const char *config_path;
    void *state; /* the daemon's own, set by start() */
};

struct daemon {
    const char *name;    /* "carrel-gateway" */
    const char *summary; /* one line for --help */
    /* Before the loop runs; blocking is allowed. Non-zero ends the process with ERR's words and status 1. */
    int (*start)(struct daemon_run *run, struct error *err);
    /* SIGHUP: run->config is the new one (a bad file was logged and changed nothing). May be NULL. */
    void (*reload)(struct daemon_run *run);
    /* SIGTERM, SIGINT, once: closes every handle; the process ends when the loop is empty. A second signal
     * ends it at once with status 1. */
    void (*stop)(struct daemon_run *run);
};

/* The process SUCCESSOR took over from this one, which goes on with what it has: systemd hears of it no more, and
 * it ends when the daemon's own handles are closed. Signals are still heard. */
void daemon_retire(pid_t successor);

/* Options: --config FILE (default CARREL_SYSCONFDIR/carrel.conf), --check-config, --version, --help.
 * Returns the exit status: 0, 1 a failure, 2 usage or a bad configuration. */
int daemon_main(int argc, char **argv, const struct daemon *daemon);

#endif
