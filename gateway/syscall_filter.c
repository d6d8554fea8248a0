#include "syscall_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <unistd.h>

#include <seccomp.h>

enum {
    NAMES_MAX = 512, /* of calls, by number; those above have no name in the last words */
    NAME_MAX_BYTES = 28,
};

/* ---- calls that are allowed whatever their arguments are ---- */

static const int allowed[] = {
    /* Bytes on descriptors that are open: sockets, pipes, the log, files that were opened to be read. */
    SCMP_SYS(read),
    SCMP_SYS(readv),
    SCMP_SYS(pread64),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(lseek),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(recvmmsg),
    SCMP_SYS(sendto),
    SCMP_SYS(sendmsg),
    SCMP_SYS(sendmmsg),
    SCMP_SYS(sendfile),
    SCMP_SYS(close),
    SCMP_SYS(shutdown),
    /* Connections: taken in, dialled to guests and the broker, asked about; listen() is how a drained gateway opens
     * again. bind() is missing: whatever listens was bound before. */
    SCMP_SYS(accept),
    SCMP_SYS(accept4),
    SCMP_SYS(connect),
    SCMP_SYS(listen),
    SCMP_SYS(getsockname),
    SCMP_SYS(getpeername),
    SCMP_SYS(getsockopt),
    SCMP_SYS(setsockopt),
    /* Pipes and copies of descriptors: the successor's word, libmicrohttpd's wake-ups, a log file that is reopened. */
    SCMP_SYS(pipe),
    SCMP_SYS(pipe2),
    SCMP_SYS(eventfd2),
    SCMP_SYS(dup),
    SCMP_SYS(dup2),
    SCMP_SYS(dup3),
    SCMP_SYS(fcntl),
    /* Event loops, and the timer of streams that are read at intervals. */
    SCMP_SYS(timerfd_create),
    SCMP_SYS(timerfd_settime),
    SCMP_SYS(epoll_create),
    SCMP_SYS(epoll_create1),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_pwait2),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(select),
    SCMP_SYS(pselect6),
    /* Files by name, to be looked at: configuration and certificate on SIGHUP, libraries that glibc loads late, time
     * zones, the machine's figures for the allocator. Opening is below. */
    SCMP_SYS(stat),
    SCMP_SYS(lstat),
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(statx),
    SCMP_SYS(access),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(getcwd),
    SCMP_SYS(getdents64),
    SCMP_SYS(fstatfs),
    SCMP_SYS(statfs),
    SCMP_SYS(fadvise64),
    /* Memory. Making it executable is below. */
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(mlock),
    SCMP_SYS(mlock2),
    SCMP_SYS(munlock),
    SCMP_SYS(membarrier),
    /* Threads, and locks between them. Making one is below. */
    SCMP_SYS(futex),
    SCMP_SYS(futex_waitv),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(get_robust_list),
    SCMP_SYS(set_tid_address),
    SCMP_SYS(rseq),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_getparam),
    SCMP_SYS(sched_getscheduler),
    SCMP_SYS(getcpu),
    SCMP_SYS(arch_prctl),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(restart_syscall),
    /* Time. */
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(nanosleep),
    SCMP_SYS(time),
    /* Signals to be handled. Sending them is below. */
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigtimedwait),
    SCMP_SYS(rt_sigpending),
    SCMP_SYS(sigaltstack),
    /* Who and where this process is, and random numbers. */
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(getppid),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(getresuid),
    SCMP_SYS(getresgid),
    SCMP_SYS(uname),
    SCMP_SYS(sysinfo),
    SCMP_SYS(getrusage),
    SCMP_SYS(getrlimit),
    SCMP_SYS(getrandom),
#ifdef __SANITIZE_ADDRESS__
    /* Builds with sanitizers only, and in no other: the leak check at the end is a process of its own that stops the
     * threads and reads their memory (ptrace is below), and a report may start a symbolizer. */
    SCMP_SYS(clone),
    SCMP_SYS(wait4),
    SCMP_SYS(kill),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(personality),
    SCMP_SYS(getdents),
    SCMP_SYS(fork),
#endif
};

/* Refused, not punished for: a library that tries one of them has another way. */
static const struct {
    int call, reason;
} refused[] = {
    {SCMP_SYS(clone3), ENOSYS}, /* its flags cannot be looked at; glibc then calls clone */
    /* Rings pass by this filter. libuv is told to use none (main.c), newer ones may ask all the same. */
    {SCMP_SYS(io_uring_setup), ENOSYS},
    {SCMP_SYS(io_uring_enter), ENOSYS},
    {SCMP_SYS(io_uring_register), ENOSYS},
};

/* ---- calls that are allowed with some arguments ---- */

#define IS(value) SCMP_CMP_EQ, (scmp_datum_t)(value), 0
#define MASKED(mask, value) SCMP_CMP_MASKED_EQ, (scmp_datum_t)(mask), (scmp_datum_t)(value)

static const struct {
    int call;
    struct scmp_arg_cmp argument;
} with_argument[] = {
    /* Files are opened to be read. The one that is written is the log after its rotation, which is appended to: what
     * stands in a file cannot be changed. */
    {SCMP_SYS(open), {1, MASKED(O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY)}},
    {SCMP_SYS(openat), {2, MASKED(O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY)}},
    {SCMP_SYS(openat), {2, IS(O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY)}},
    /* The broker, systemd and the lobby; guests and clients. */
    {SCMP_SYS(socket), {0, IS(AF_UNIX)}},
    {SCMP_SYS(socket), {0, IS(AF_INET)}},
    {SCMP_SYS(socket), {0, IS(AF_INET6)}},
    {SCMP_SYS(socketpair), {0, IS(AF_UNIX)}},
    /* Sockets made non-blocking, bytes that wait in them, and stdio's question whether it writes to a terminal. */
    {SCMP_SYS(ioctl), {1, IS(FIONBIO)}},
    {SCMP_SYS(ioctl), {1, IS(FIONREAD)}},
    {SCMP_SYS(ioctl), {1, IS(TCGETS)}},
    /* Threads, and no processes. */
    {SCMP_SYS(clone), {0, MASKED(CLONE_THREAD, CLONE_THREAD)}},
    /* Memory is written or executed, never both; none that was written becomes code. */
    {SCMP_SYS(mmap), {2, MASKED(PROT_WRITE | PROT_EXEC, 0)}},
    {SCMP_SYS(mmap), {2, MASKED(PROT_WRITE | PROT_EXEC, PROT_WRITE)}},
    {SCMP_SYS(mmap), {2, MASKED(PROT_WRITE | PROT_EXEC, PROT_EXEC)}},
    {SCMP_SYS(mprotect), {2, MASKED(PROT_EXEC, 0)}},
    /* Handlers of all signals but the one with which the filter itself ends the process. */
    {SCMP_SYS(rt_sigaction), {0, SCMP_CMP_NE, SIGSYS, 0}},
    /* A thread's name, and memory's. */
    {SCMP_SYS(prctl), {0, IS(PR_SET_NAME)}},
    {SCMP_SYS(prctl), {0, IS(PR_GET_NAME)}},
    {SCMP_SYS(prctl), {0, IS(PR_SET_VMA)}},
    /* Limits are asked for; the new ones are at the third place. */
    {SCMP_SYS(prlimit64), {2, IS(0)}},
#ifdef __SANITIZE_ADDRESS__
    {SCMP_SYS(ptrace), {0, IS(PTRACE_ATTACH)}},
    {SCMP_SYS(ptrace), {0, IS(PTRACE_DETACH)}},
    {SCMP_SYS(ptrace), {0, IS(PTRACE_CONT)}},
    {SCMP_SYS(ptrace), {0, IS(PTRACE_KILL)}},
    {SCMP_SYS(ptrace), {0, IS(PTRACE_GETREGS)}},
    {SCMP_SYS(ptrace), {0, IS(PTRACE_GETREGSET)}},
    {SCMP_SYS(prctl), {0, IS(PR_GET_DUMPABLE)}},
    {SCMP_SYS(prctl), {0, IS(PR_SET_DUMPABLE)}},
    {SCMP_SYS(prctl), {0, IS(PR_SET_PTRACER)}},
    {SCMP_SYS(prctl), {0, IS(PR_SET_PDEATHSIG)}},
    {SCMP_SYS(prctl), {0, IS(PR_GET_PDEATHSIG)}},
#endif
};

/* ---- the last words ---- */

static struct {
    int fd;
    char names[NAMES_MAX][NAME_MAX_BYTES];
} last;

/* Names are looked up before: in the handler nothing may allocate. */
static void names_note(void)
{
    for (int i = 0; i < NAMES_MAX; i++) {
        char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, i);
        if (name)
            snprintf(last.names[i], sizeof last.names[i], " (%s)", name);
        free(name);
    }
}

static size_t put(char *out, size_t len, size_t size, const char *text)
{
    while (*text && len < size)
        out[len++] = *text++;
    return len;
}

/* With async-signal-safe means only. SA_RESETHAND has taken this handler away: the signal that is raised ends the
 * process, as one that no handler heard. */
static void on_forbidden(int number, siginfo_t *info, void *context)
{
    char line[256], digits[12];
    unsigned call = (unsigned)info->si_syscall, value = call;
    size_t at = sizeof digits - 1;
    (void)context;
    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value && at);
    size_t len = put(
        line, 0, sizeof line,
        "error carrel-gateway: A system call that is forbidden here ends the process; see gateway.seccomp in "
        "carrel.conf(5). call=");
    len = put(line, len, sizeof line - 1, digits + at);
    if (call < NAMES_MAX)
        len = put(line, len, sizeof line - 1, last.names[call]);
    line[len++] = '\n';
    (void)!write(last.fd, line, len);
    raise(number);
    _exit(128 + number);
}

static int handler_set(int log_fd)
{
    struct sigaction action = {.sa_sigaction = on_forbidden,
                               .sa_flags = SA_SIGINFO | (int)SA_RESETHAND | SA_NODEFER};
    names_note();
    last.fd = log_fd;
    sigemptyset(&action.sa_mask);
    return sigaction(SIGSYS, &action, NULL) ? -errno : 0;
}

/* ---- the filter ---- */

static int rules_add(scmp_filter_ctx filter)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < sizeof allowed / sizeof allowed[0]; i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
    for (size_t i = 0; !rc && i < sizeof refused / sizeof refused[0]; i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO((unsigned)refused[i].reason), refused[i].call, 0);
    for (size_t i = 0; !rc && i < sizeof with_argument / sizeof with_argument[0]; i++)
        rc = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, with_argument[i].call, 1,
                                    &with_argument[i].argument);
    /* To its own threads only: abort(), raise() and what ends the process above. */
    const struct scmp_arg_cmp own = {0, IS(getpid())};
    if (!rc)
        rc = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, &own);
    return rc;
}

int syscall_filter_mode_parse(const char *text, enum syscall_filter_mode *ret, struct error *err)
{
    static const char *const names[] = {
        [SYSCALL_FILTER_ENFORCE] = "enforce", [SYSCALL_FILTER_LOG] = "log", [SYSCALL_FILTER_OFF] = "off"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!strcmp(names[i], text)) {
            *ret = (enum syscall_filter_mode)i;
            return 0;
        }
    }
    return error_set(err, CE_BAD_INPUT, "gateway.seccomp is '%s'; enforce, log or off was expected", text);
}

int syscall_filter_set(enum syscall_filter_mode mode, int log_fd, struct error *err)
{
    if (mode == SYSCALL_FILTER_OFF)
        return 0;
    int rc = mode == SYSCALL_FILTER_ENFORCE ? handler_set(log_fd) : 0;
    scmp_filter_ctx filter = seccomp_init(mode == SYSCALL_FILTER_ENFORCE ? SCMP_ACT_TRAP : SCMP_ACT_LOG);
    if (!filter)
        rc = -ENOMEM;
    if (!rc)
        rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (!rc) /* the kernel's audit log has a line too, where the kernel can */
        (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
    if (!rc)
        rc = rules_add(filter);
    if (!rc)
        rc = seccomp_load(filter);
    seccomp_release(filter);
    return rc ? error_set(err, CE_IO,
                          "the filter of system calls cannot be set: %s; gateway.seccomp = off does without",
                          strerror(-rc))
              : 0;
}
