/* What the gateway's process may still ask of the kernel when it meets clients: an allow-list of system calls, made
 * with libseccomp and set for all threads. Whatever is not on it ends the process with SIGSYS, and one line of the log
 * says which call it was. Programs are started by another process (starter_process.h).
 */
#ifndef CARREL_GATEWAY_SYSCALL_FILTER_H
#define CARREL_GATEWAY_SYSCALL_FILTER_H

#include <carrel/error.h>

enum syscall_filter_mode {
    SYSCALL_FILTER_ENFORCE, /* a forbidden call ends the process */
    SYSCALL_FILTER_LOG,     /* it goes on, and the kernel's audit log has a line */
    SYSCALL_FILTER_OFF,
};

/* "enforce", "log" or "off"; CE_BAD_INPUT. */
int syscall_filter_mode_parse(const char *text, enum syscall_filter_mode *ret, struct error *err) MUST_CHECK;

/* LOG_FD is where the last words go. Needs no_new_privs (rights_lock()), and cannot be undone. */
int syscall_filter_set(enum syscall_filter_mode mode, int log_fd, struct error *err) MUST_CHECK;

#endif
