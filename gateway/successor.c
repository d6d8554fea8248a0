#include "successor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"

#define ENVIRONMENT_NAME "CARREL_SUCCEEDS"

enum { FIRST_FD = 3 };

struct successor {
    uv_poll_t poll;
    int ready_fd;
    pid_t pid;
    void (*done)(void *arg, pid_t pid);
    void *arg;
};

static char program[PATH_MAX];

void successor_note_program(void)
{
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    program[n > 0 ? n : 0] = '\0';
}

/* ---- the process that is replaced ---- */

static void on_closed(uv_handle_t *handle)
{
    struct successor *s = handle->data;
    close(s->ready_fd);
    free(s);
}

void successor_close(struct successor **at)
{
    if (*at)
        uv_close((uv_handle_t *)&(*at)->poll, on_closed);
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
    if (n != 1)
        (void)waitpid(s->pid, NULL, WNOHANG);
    s->done(s->arg, n == 1 ? s->pid : 0); /* closes S */
}

/* The environment of the new process; systemd's watchdog is the new process' from its start. */
static char **environment_make(char *own)
{
    size_t count = 0, n = 0;
    while (environ[count])
        count++;
    char **out = calloc(count + 2, sizeof *out);
    for (size_t i = 0; out && i < count; i++) {
        if (strncmp(environ[i], "WATCHDOG_PID=", strlen("WATCHDOG_PID=")) != 0)
            out[n++] = environ[i];
    }
    if (out)
        out[n] = own;
    return out;
}

/* Each socket is lifted above the places that they all go to, so that none is overwritten before its turn. */
static int actions_fill(posix_spawn_file_actions_t *actions, int *lifted, unsigned *ret_count, const int *fds,
                        unsigned count, int ready_fd)
{
    int rc = 0;
    unsigned n = 0;
    for (unsigned i = 0; !rc && i <= count; i++) {
        int fd = i < count ? fds[i] : ready_fd;
        if (fd < 0)
            continue;
        lifted[n] = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FD + (int)count + 1);
        if (lifted[n] < 0)
            return errno;
        rc = posix_spawn_file_actions_adddup2(actions, lifted[n], FIRST_FD + (int)n);
        *ret_count = ++n;
    }
    if (!rc)
        rc = posix_spawn_file_actions_addclosefrom_np(actions, FIRST_FD + (int)n);
    return rc;
}

static int spawn(pid_t *ret_pid, const char *config_path, const char *boot_id, const int *fds, unsigned count,
                 int ready_fd)
{
    char own[sizeof ENVIRONMENT_NAME + ID_SIZE + 16], config[PATH_MAX], option[] = "--config";
    char *argv[] = {program, option, config, NULL};
    unsigned n = 0;
    int *lifted = calloc(count + 1, sizeof *lifted);
    char **environment = environment_make(own);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    int rc = lifted && environment ? posix_spawn_file_actions_init(&actions) : ENOMEM;
    if (rc)
        goto end;
    posix_spawnattr_init(&attributes);
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    snprintf(config, sizeof config, "%s", config_path);
    rc = actions_fill(&actions, lifted, &n, fds, count, ready_fd);
    snprintf(own, sizeof own, ENVIRONMENT_NAME "=%s %u", boot_id, n ? n - 1 : 0);
    if (!rc)
        rc = posix_spawn(ret_pid, program, &actions, &attributes, argv, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    for (unsigned i = 0; i < n; i++)
        close(lifted[i]);
end:
    free(lifted);
    free(environment);
    return rc;
}

int successor_start(struct successor **ret, uv_loop_t *loop, const char *config_path, const char *boot_id,
                    const int *fds, unsigned count, void (*done)(void *arg, pid_t pid), void *arg,
                    struct error *err)
{
    int ends[2];
    struct successor *s = calloc(1, sizeof *s);
    if (!s || pipe2(ends, O_CLOEXEC | O_NONBLOCK)) {
        free(s);
        return error_set(err, CE_NOMEM, "no pipe to hear of it");
    }
    *s = (struct successor){.ready_fd = ends[0], .done = done, .arg = arg};
    int rc = spawn(&s->pid, config_path, boot_id, fds, count, ends[1]);
    close(ends[1]);
    if (rc || uv_poll_init(loop, &s->poll, ends[0])) {
        close(ends[0]);
        free(s);
        return error_set(err, CE_IO, "cannot start %s: %s", program, strerror(rc));
    }
    s->poll.data = s;
    (void)uv_poll_start(&s->poll, UV_READABLE, on_ready);
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
    const char *told = getenv(ENVIRONMENT_NAME);
    ret->boot_id[0] = '\0';
    ret->count = 0;
    ret->ready_fd = -1;
    if (!told)
        return 0;
    int n = sscanf(told, "%23s %u", boot_id, &count);
    unsetenv(ENVIRONMENT_NAME);
    if (n != 2 || count > SUCCESSOR_SOCKETS_MAX)
        return error_set(err, CE_BAD_INPUT, "the environment's %s is not understood", ENVIRONMENT_NAME);
    for (unsigned i = 0; i < count; i++) {
        ret->fds[i] = FIRST_FD + (int)i;
        if (socket_check(ret->fds[i]))
            return error_set(err, CE_BAD_INPUT, "the inherited descriptor %d is no socket", ret->fds[i]);
    }
    ret->count = count;
    ret->ready_fd = FIRST_FD + (int)count;
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
