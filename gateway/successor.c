#include "successor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "starter.h"

struct successor {
    uv_poll_t poll;
    int ready_fd;
    pid_t pid;   /* 0: the starter has not answered yet */
    bool serves; /* it said so */
    void (*done)(void *arg, pid_t pid);
    void *arg;
    struct starter *starter; /* borrowed */
};

/* ---- the process that is replaced ---- */

static void on_closed(uv_handle_t *handle)
{
    struct successor *s = handle->data;
    close(s->ready_fd);
    free(s);
}

void successor_close(struct successor **at)
{
    if (*at) {
        starter_on_successor((*at)->starter, &(struct starter_listener){0});
        uv_close((uv_handle_t *)&(*at)->poll, on_closed);
    }
    *at = NULL;
}

/* One byte: it serves. The pipe's end: it ended, or never began. */
static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct successor *s = poll->data;
    char byte;
    (void)events;
    ssize_t n = read(s->ready_fd, &byte, 1);
    if (n < 0 && (errno == EAGAIN || errno == EINTR) && status >= 0)
        return;
    uv_poll_stop(poll);
    s->serves = n == 1;
    if (!s->serves || s->pid)
        s->done(s->arg, s->serves ? s->pid : 0); /* closes S */
}

/* The starter's answer and the new process' word come in either order. */
static void on_started(void *arg, pid_t pid, int reason)
{
    struct successor *s = arg;
    if (!pid)
        log_error("The new process does not start: %s.", strerror(reason)); /* and the pipe ends */
    s->pid = pid;
    if (s->serves && pid)
        s->done(s->arg, pid); /* closes S */
}

int successor_start(struct successor **ret, uv_loop_t *loop, struct starter *starter, const char *boot_id,
                    const int *fds, unsigned count, void (*done)(void *arg, pid_t pid), void *arg,
                    struct error *err)
{
    int ends[2];
    struct successor *s = calloc(1, sizeof *s);
    if (!s || pipe2(ends, O_CLOEXEC | O_NONBLOCK)) {
        free(s);
        return error_set(err, CE_NOMEM, "no pipe to hear of it");
    }
    *s = (struct successor){.ready_fd = ends[0], .done = done, .arg = arg, .starter = starter};
    int rc = starter_ask_successor(starter, boot_id, fds, count, ends[1]);
    close(ends[1]);
    if (rc || uv_poll_init(loop, &s->poll, ends[0])) {
        close(ends[0]);
        free(s);
        return error_set(err, CE_UNREACHABLE, "the process that would start the new one does not answer");
    }
    s->poll.data = s;
    (void)uv_poll_start(&s->poll, UV_READABLE, on_ready);
    starter_on_successor(starter, &(struct starter_listener){.started = on_started, .arg = s});
    *ret = s;
    return 0;
}

/* ---- the new process ---- */

static int socket_check(int fd)
{
    int listening = 0;
    socklen_t len = sizeof listening;
    int flags = fcntl(fd, F_GETFD);
    if (flags < 0 || fcntl(fd, F_SETFD, flags | FD_CLOEXEC) || /* it is a socket that listens or drains */
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len))
        return CE_BAD_INPUT;
    return 0;
}

int inheritance_take(struct inheritance *ret, struct error *err)
{
    unsigned count = 0;
    char boot_id[ID_SIZE] = "";
    const char *told = getenv(STARTER_ENVIRONMENT);
    ret->boot_id[0] = '\0';
    ret->count = 0;
    ret->ready_fd = -1;
    if (!told)
        return 0;
    int n = sscanf(told, "%23s %u", boot_id, &count);
    unsetenv(STARTER_ENVIRONMENT);
    if (n != 2 || count > STARTER_SOCKETS_MAX)
        return error_set(err, CE_BAD_INPUT, "the environment's %s is not understood", STARTER_ENVIRONMENT);
    for (unsigned i = 0; i < count; i++) {
        ret->fds[i] = STARTER_FIRST_FD + (int)i;
        if (socket_check(ret->fds[i]))
            return error_set(err, CE_BAD_INPUT, "the inherited descriptor %d is no socket", ret->fds[i]);
    }
    ret->count = count;
    ret->ready_fd = STARTER_FIRST_FD + (int)count;
    (void)fcntl(ret->ready_fd, F_SETFD, FD_CLOEXEC);
    memcpy(ret->boot_id, boot_id, sizeof ret->boot_id);
    return 0;
}

void inheritance_ready(struct inheritance *inheritance)
{
    if (inheritance->ready_fd < 0)
        return;
    if (write(inheritance->ready_fd, "+", 1) != 1)
        log_warning("The process that is replaced could not be told: %s.", strerror(errno));
    close(inheritance->ready_fd);
    inheritance->ready_fd = -1;
}
