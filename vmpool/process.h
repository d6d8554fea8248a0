/* Runs a program (qemu-img, a hook) and collects what it says. Loop's thread. It frees itself after done(), which
 * comes exactly once, also when the program could not be started or was ended for its silence.
 */
#ifndef VMPOOL_PROCESS_H
#define VMPOOL_PROCESS_H

#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include <carrel/error.h>

struct process;

#define PROCESS_OUT_MAX 262144 /* bytes of standard output that are kept; the rest is dropped */
#define PROCESS_ERR_MAX 2048   /* of standard error: its end is kept */

struct process_result {
    int rc;          /* 0: it ended by itself; CE_IO: no start; CE_TIMEOUT: silence; CE_CANCELLED */
    int exit_status; /* 128 + signal when one ended it */
    const char *out; /* borrowed for the call */
    const char *err;
};

struct process_spec {
    const char *const *argv;        /* NULL-terminated; argv[0] is looked up in PATH */
    const char *const *environment; /* NULL: vmpool's own; else KEY=VALUE, NULL-terminated */
    uint64_t silence_ms;            /* it is killed when it says nothing for so long */
    uint64_t limit_ms; /* instead of silence_ms: it is killed, with all that it began, when it takes longer */
    void (*output)(void *arg, const char *bytes, size_t len); /* standard output as it comes; may be NULL */
    void (*done)(void *arg, const struct process_result *result);
    void *arg;
};

int process_start(struct process **ret, uv_loop_t *loop, const struct process_spec *spec,
                  struct error *err) MUST_CHECK;

/* Kills it; done() follows with CE_CANCELLED. */
void process_cancel(struct process *process);

#endif
