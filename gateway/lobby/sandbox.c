#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <seccomp.h>

#include "../rights.h"

/* Refused with EPERM rather than killed for: a library that tries one of them finds another way. Sockets are not
 * needed, they come through the one that is open; programs, other processes and the system's settings neither. */
static const int refused[] = {
    SCMP_SYS(socket),    SCMP_SYS(connect),
    SCMP_SYS(bind),      SCMP_SYS(listen),
    SCMP_SYS(accept),    SCMP_SYS(accept4),
    SCMP_SYS(execve),    SCMP_SYS(execveat),
    SCMP_SYS(fork),      SCMP_SYS(vfork),
    SCMP_SYS(ptrace),    SCMP_SYS(kill),
    SCMP_SYS(tkill),     SCMP_SYS(mount),
    SCMP_SYS(umount2),   SCMP_SYS(chroot),
    SCMP_SYS(setns),     SCMP_SYS(unshare),
    SCMP_SYS(bpf),       SCMP_SYS(unlink),
    SCMP_SYS(unlinkat),  SCMP_SYS(rename),
    SCMP_SYS(renameat2), SCMP_SYS(mkdir),
    SCMP_SYS(mkdirat),   SCMP_SYS(chmod),
    SCMP_SYS(fchmodat),  SCMP_SYS(chown),
    SCMP_SYS(fchownat),  SCMP_SYS(link),
    SCMP_SYS(linkat),    SCMP_SYS(symlink),
    SCMP_SYS(symlinkat), SCMP_SYS(truncate),
    SCMP_SYS(setuid),    SCMP_SYS(setgid),
    SCMP_SYS(keyctl),    SCMP_SYS(process_vm_readv),
};

static int filter_make(scmp_filter_ctx filter)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < sizeof refused / sizeof refused[0]; i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), refused[i], 0);
    /* Fonts and keyboards are read when a script or layout comes for the first time; nothing is written. */
    for (unsigned mode = O_WRONLY; !rc && mode <= O_RDWR; mode++) {
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(openat), 1,
                              SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE, mode));
        if (!rc)
            rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(open), 1,
                                  SCMP_A1(SCMP_CMP_MASKED_EQ, O_ACCMODE, mode));
    }
    /* Threads are clones; processes are not made. */
    if (!rc)
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(creat), 0);
    return rc ? rc : seccomp_load(filter);
}

int sandbox_enter(struct error *err)
{
    int rc = rights_lock(err);
    if (rc)
        return rc;
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    rc = filter ? filter_make(filter) : -ENOMEM;
    seccomp_release(filter);
    return rc ? error_set(err, CE_IO, "the filter of system calls cannot be set: %s", strerror(-rc)) : 0;
}
