#include "starter_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
    const struct starter_plan *plan;
    int fd;                           /* the gateway */
    int sockets[STARTER_SOCKETS_MAX]; /* for the next successor */
    unsigned socket_count;
    pid_t lobby; /* 0: none runs */
} self;

static void answer(const struct starter_answer *message)
{
    /* A gateway that does not hear it has ended, which the next poll tells. */
    (void)!send(self.fd, message, sizeof *message, MSG_NOSIGNAL);
}

static void fds_close(const int *fds, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        close(fds[i]);
}

/* ---- in the child of the child ---- */

struct launch {
    const char *program;
    char *const *args;
    int fds[STARTER_SOCKETS_MAX + 1];
    unsigned count;
    const struct rights *rights; /* NULL: those of this process */
};

/* The descriptors go to the places from STARTER_FIRST_FD on; all others close themselves when the program begins.
 * Each is lifted above those places first, so that none is overwritten before its turn. */
static bool fds_place(struct launch *launch, int *report)
{
    const int above = STARTER_FIRST_FD + (int)launch->count;
    *report = fcntl(*report, F_DUPFD_CLOEXEC, above);
    for (unsigned i = 0; i < launch->count; i++) {
        launch->fds[i] = fcntl(launch->fds[i], F_DUPFD_CLOEXEC, above);
        if (launch->fds[i] < 0)
            return false;
    }
    for (unsigned i = 0; i < launch->count; i++) {
        if (dup2(launch->fds[i], STARTER_FIRST_FD + (int)i) < 0)
            return false;
    }
    return *report >= 0;
}

static void signals_reset(void)
{
    sigset_t none;
    for (int number = 1; number < NSIG; number++)
        (void)signal(number, SIG_DFL);
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

_Noreturn static void child_exec(struct launch *launch, int report)
{
    signals_reset();
    errno = 0;
    if (fds_place(launch, &report) && (!launch->rights || !rights_become(launch->rights, NULL)))
        execv(launch->program, launch->args);
    int reason = errno ? errno : EPERM;
    (void)!write(report, &reason, sizeof reason);
    _exit(127);
}

/* ---- in the starter ---- */

/* Returns when the program runs, or could not: the pipe closes itself when it begins. */
static void launch_run(struct launch *launch, struct starter_answer *ret)
{
    int report[2], reason = 0;
    if (pipe2(report, O_CLOEXEC)) {
        ret->reason = errno;
        return;
    }
    /* Not fork(), which calls what libraries have registered for it: libuv would close two descriptors, by numbers
     * that are no longer those of its loop. */
    pid_t pid = _Fork();
    if (pid == 0)
        child_exec(launch, report[1]);
    ret->reason = errno;
    close(report[1]);
    if (pid > 0 && read(report[0], &reason, sizeof reason) == sizeof reason) {
        (void)waitpid(pid, NULL, 0);
        ret->reason = reason;
    } else if (pid > 0) {
        ret->pid = pid;
        ret->reason = 0;
    }
    close(report[0]);
}

static void lobby_start(int fd)
{
    static struct launch launch;
    char *const args[] = {(char[]){"carrel-lobby"}, NULL};
    struct starter_answer message = {.verb = STARTER_LOBBY};
    launch = (struct launch){
        .program = self.plan->lobby, .args = args, .fds = {fd}, .count = 1, .rights = &self.plan->rights};
    launch_run(&launch, &message);
    self.lobby = message.pid;
    answer(&message);
}

static void successor_start(const char *boot_id, int ready_fd)
{
    static struct launch launch;
    static char program[PATH_MAX], config[PATH_MAX], option[] = "--config";
    char told[ID_SIZE + 16];
    char *const args[] = {program, option, config, NULL};
    struct starter_answer message = {.verb = STARTER_SUCCESSOR};
    memcpy(program, self.plan->program, sizeof program);
    memcpy(config, self.plan->config, sizeof config);
    launch = (struct launch){.program = program, .args = args, .count = self.socket_count + 1};
    memcpy(launch.fds, self.sockets, self.socket_count * sizeof launch.fds[0]);
    launch.fds[self.socket_count] = ready_fd;
    snprintf(told, sizeof told, "%s %u", boot_id, self.socket_count);
    if (setenv(STARTER_ENVIRONMENT, told, 1))
        message.reason = ENOMEM;
    else
        launch_run(&launch, &message);
    fds_close(self.sockets, self.socket_count);
    self.socket_count = 0;
    answer(&message);
}

static void sockets_keep(const int *fds, unsigned count, bool fresh)
{
    if (fresh) {
        fds_close(self.sockets, self.socket_count);
        self.socket_count = 0;
    }
    if (self.socket_count + count > STARTER_SOCKETS_MAX) {
        fds_close(fds, count);
        return;
    }
    memcpy(&self.sockets[self.socket_count], fds, count * sizeof fds[0]);
    self.socket_count += count;
}

/* The id becomes part of the successor's environment: nothing but an id may stand there. */
static bool boot_id_is_valid(const char *id)
{
    return memchr(id, '\0', ID_SIZE) && name_is_valid(id);
}

static void request_serve(const struct starter_request *request, const int *fds, unsigned count)
{
    if (request->verb == STARTER_SOCKETS) {
        sockets_keep(fds, count, request->fresh);
        return;
    }
    if (request->verb == STARTER_LOBBY && count == 1 && !self.lobby)
        lobby_start(fds[0]);
    else if (request->verb == STARTER_SUCCESSOR && count == 1 && boot_id_is_valid(request->boot_id))
        successor_start(request->boot_id, fds[0]);
    fds_close(fds, count);
}

static unsigned fds_take(struct msghdr *message, int *ret_fds)
{
    const struct cmsghdr *header = CMSG_FIRSTHDR(message);
    if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
        return 0;
    unsigned count = (unsigned)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    memcpy(ret_fds, CMSG_DATA(header), count * sizeof(int));
    return count;
}

/* False: the gateway has ended. */
static bool request_take(void)
{
    struct starter_request request = {0};
    char ancillary[CMSG_SPACE(STARTER_FDS_MAX * sizeof(int))];
    struct iovec iov = {.iov_base = &request, .iov_len = sizeof request};
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ancillary, .msg_controllen = sizeof ancillary};
    int fds[STARTER_FDS_MAX];
    ssize_t n = recvmsg(self.fd, &message, MSG_CMSG_CLOEXEC);
    if (n < 0)
        return errno == EINTR;
    if (n == 0)
        return false;
    unsigned count = fds_take(&message, fds);
    if (n == sizeof request)
        request_serve(&request, fds, count);
    else
        fds_close(fds, count);
    return true;
}

static void children_reap(int signal_fd)
{
    struct signalfd_siginfo info;
    struct starter_answer message = {.verb = STARTER_ENDED};
    int status;
    pid_t pid;
    (void)!read(signal_fd, &info, sizeof info);
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid != self.lobby)
            continue;
        self.lobby = 0;
        message.pid = pid;
        message.status = status;
        answer(&message);
    }
}

_Noreturn void starter_process_run(int fd, const struct starter_plan *plan)
{
    sigset_t all;
    self.plan = plan;
    self.fd = fd;
    (void)prctl(PR_SET_NAME, "carrel-starter");
    (void)unsetenv("WATCHDOG_PID"); /* systemd's watchdog is a successor's from its start */
    /* Whoever signals all processes of the service means the gateway; this one ends when that has. */
    sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
    sigemptyset(&all);
    sigaddset(&all, SIGCHLD);
    int signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    struct pollfd polls[] = {{.fd = fd, .events = POLLIN}, {.fd = signal_fd, .events = POLLIN}};
    while (signal_fd >= 0) {
        if (poll(polls, 2, -1) < 0 && errno != EINTR)
            break;
        if (polls[1].revents)
            children_reap(signal_fd);
        if (polls[0].revents && !request_take())
            break;
    }
    if (self.lobby)
        (void)kill(self.lobby, SIGTERM);
    _exit(0);
}
