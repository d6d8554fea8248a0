#include "starter.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "log.h"

struct starter {
    uv_poll_t poll;
    int fd;
    bool gone; /* it has ended: nothing can be started any more */
    struct starter_listener lobby, successor;
    struct starter_plan plan;
};

/* ---- the fork ---- */

/* The child has the gateway's handlers and descriptors for a moment: signals are held back until it has let go. */
static pid_t fork_it(struct starter *starter, int fd)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0) {
        /* The loop's descriptors, inherited sockets and the pipe to a process that is replaced are not its own. */
        if (dup3(fd, STARTER_FIRST_FD, O_CLOEXEC) < 0 && fd != STARTER_FIRST_FD)
            _exit(1);
        (void)syscall(SYS_close_range, STARTER_FIRST_FD + 1, ~0U, 0);
        starter_process_run(STARTER_FIRST_FD, &starter->plan);
    }
    int reason = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = reason;
    return pid;
}

static void on_answer(uv_poll_t *poll, int status, int events);

int starter_open(struct starter **ret, uv_loop_t *loop, const struct starter_plan *plan, struct error *err)
{
    int pair[2];
    struct starter *starter = calloc(1, sizeof *starter);
    if (!starter || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
        free(starter);
        return error_set(err, CE_NOMEM, "no socket for the starter");
    }
    starter->plan = *plan;
    pid_t pid = fork_it(starter, pair[1]);
    int reason = errno;
    close(pair[1]);
    starter->fd = pair[0];
    if (pid < 0 || uv_poll_init(loop, &starter->poll, pair[0])) { /* which makes it non-blocking */
        close(pair[0]);
        free(starter);
        return error_set(err, CE_IO, "the starter cannot be forked: %s", strerror(reason));
    }
    starter->poll.data = starter;
    (void)uv_poll_start(&starter->poll, UV_READABLE, on_answer);
    uv_unref((uv_handle_t *)&starter->poll); /* nobody waits for it at the end */
    *ret = starter;
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    struct starter *starter = handle->data;
    close(starter->fd); /* which ends it */
    free(starter);
}

void starter_close(struct starter **starter)
{
    if (*starter)
        uv_close((uv_handle_t *)&(*starter)->poll, on_closed);
    *starter = NULL;
}

/* ---- answers ---- */

static void tell_started(const struct starter_listener *listener, const struct starter_answer *answer)
{
    if (listener->started)
        listener->started(listener->arg, answer->pid, answer->reason);
}

static void on_answer(uv_poll_t *poll, int status, int events)
{
    struct starter *starter = poll->data;
    struct starter_answer answer;
    (void)events;
    ssize_t n = recv(starter->fd, &answer, sizeof answer, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR) && status >= 0)
        return;
    if (n != sizeof answer) {
        starter->gone = true;
        uv_poll_stop(poll);
        log_error("The starter ended: neither the lobby nor a successor can be started until the gateway is "
                  "started again. Sessions go on.");
        return;
    }
    if (answer.verb == STARTER_LOBBY)
        tell_started(&starter->lobby, &answer);
    else if (answer.verb == STARTER_SUCCESSOR)
        tell_started(&starter->successor, &answer);
    else if (answer.verb == STARTER_ENDED && starter->lobby.ended)
        starter->lobby.ended(starter->lobby.arg, answer.status);
}

/* ---- requests ---- */

void starter_on_lobby(struct starter *starter, const struct starter_listener *listener)
{
    starter->lobby = *listener;
}

void starter_on_successor(struct starter *starter, const struct starter_listener *listener)
{
    starter->successor = *listener;
}

static int request_send(struct starter *starter, const struct starter_request *request, const int *fds,
                        unsigned count)
{
    struct iovec iov = {.iov_base = (void *)(uintptr_t)request, .iov_len = sizeof *request};
    char ancillary[CMSG_SPACE(STARTER_FDS_MAX * sizeof(int))] = {0};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = ancillary,
                             .msg_controllen = CMSG_SPACE(count * sizeof(int))};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(header), fds, count * sizeof(int));
    if (starter->gone || sendmsg(starter->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) != sizeof *request)
        return CE_UNREACHABLE;
    return 0;
}

int starter_ask_lobby(struct starter *starter, int hand_over_fd)
{
    const struct starter_request request = {.verb = STARTER_LOBBY};
    return request_send(starter, &request, &hand_over_fd, 1);
}

int starter_ask_successor(struct starter *starter, const char *boot_id, const int *fds, unsigned count,
                          int ready_fd)
{
    struct starter_request sockets = {.verb = STARTER_SOCKETS, .fresh = 1};
    struct starter_request last = {.verb = STARTER_SUCCESSOR};
    int some[STARTER_FDS_MAX], rc = 0;
    unsigned n = 0;
    for (unsigned i = 0; !rc && i < count; i++) {
        if (fds[i] >= 0)
            some[n++] = fds[i];
        if (n && (n == STARTER_FDS_MAX || i + 1 == count)) {
            rc = request_send(starter, &sockets, some, n);
            sockets.fresh = 0;
            n = 0;
        }
    }
    snprintf(last.boot_id, sizeof last.boot_id, "%s", boot_id);
    return rc ? rc : request_send(starter, &last, &ready_fd, 1);
}
