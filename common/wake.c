#include "wake.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <carrel/ids.h>

#define READS_PER_TURN 64 /* datagrams; the rest comes in the loop's next turn */

struct wake {
    uv_poll_t poll;
    int dir_fd;
    int receive_fd, send_fd;
    char name[96];
    void (*woken)(void *arg, const char *topic, const char *id);
    void *arg;
    void (*closed)(void *arg);
    void *closed_arg;
    char message[WAKE_MESSAGE_MAX + 1];
};

/* The way through /proc keeps long paths within the 108 bytes of a socket's address. */
static bool wake_address(const struct wake *wake, const char *name, struct sockaddr_un *ret)
{
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    int len = snprintf(ret->sun_path, sizeof ret->sun_path, "/proc/self/fd/%d/%s", wake->dir_fd, name);
    return len > 0 && (size_t)len < sizeof ret->sun_path;
}

static void wake_dispatch(struct wake *wake, size_t len)
{
    wake->message[len] = '\0';
    char *rest = wake->message, *line;
    while ((line = strsep(&rest, "\n"))) {
        char *id = line;
        const char *topic = strsep(&id, " ");
        if (*topic)
            wake->woken(wake->arg, topic, id ? id : "");
    }
}

static void wake_readable(uv_poll_t *poll, int status, int events)
{
    struct wake *wake = poll->data;
    for (int i = 0; i < READS_PER_TURN && !uv_is_closing((uv_handle_t *)poll); i++) {
        ssize_t len = recv(wake->receive_fd, wake->message, WAKE_MESSAGE_MAX, MSG_DONTWAIT);
        if (len < 0)
            return;
        wake_dispatch(wake, (size_t)len);
    }
}

/* The directory gets the group of the database, which is what the processes have in common. */
static int wake_open_directory(struct wake *wake, const char *db_path, struct error *err)
{
    char path[4096];
    struct stat st;
    if (snprintf(path, sizeof path, "%s.wake", db_path) >= (int)sizeof path)
        return error_set(err, CE_LIMIT, "%s: the path is too long", db_path);
    bool made = mkdir(path, 0770) == 0;
    if (!made && errno != EEXIST)
        return error_set(err, CE_IO, "%s: %s", path, strerror(errno));
    wake->dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (wake->dir_fd < 0)
        return error_set(err, CE_IO, "%s: %s", path, strerror(errno));
    if (made && stat(db_path, &st) == 0) {
        /* Without the right to give it away, the directory above decides the group. */
        int rc = fchown(wake->dir_fd, (uid_t)-1, st.st_gid);
        (void)rc;
        if (fchmod(wake->dir_fd, 02770) < 0)
            return error_set(err, CE_IO, "%s: %s", path, strerror(errno));
    }
    return 0;
}

static int wake_bind(struct wake *wake, const char *role, struct error *err)
{
    char id[ID_SIZE];
    struct sockaddr_un address;
    id_make(ID_ORDER, id);
    snprintf(wake->name, sizeof wake->name, "%.20s-%ld-%s", role, (long)getpid(), id + 2);

    int type = SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
    wake->receive_fd = socket(AF_UNIX, type, 0);
    wake->send_fd = socket(AF_UNIX, type, 0);
    if (wake->receive_fd < 0 || wake->send_fd < 0 || !wake_address(wake, wake->name, &address))
        return error_set(err, CE_IO, "the store's wake-up socket: %s", strerror(errno));
    if (bind(wake->receive_fd, (struct sockaddr *)&address, sizeof address) < 0) {
        int code = errno;
        wake->name[0] = '\0';
        return error_set(err, CE_IO, "the store's wake-up socket cannot be made: %s", strerror(code));
    }
    if (fchmodat(wake->dir_fd, wake->name, 0660, 0) < 0)
        return error_set(err, CE_IO, "the store's wake-up socket: %s", strerror(errno));
    return 0;
}

static void wake_free(struct wake *wake)
{
    if (wake->name[0])
        unlinkat(wake->dir_fd, wake->name, 0);
    if (wake->receive_fd >= 0)
        close(wake->receive_fd);
    if (wake->send_fd >= 0)
        close(wake->send_fd);
    if (wake->dir_fd >= 0)
        close(wake->dir_fd);
    free(wake);
}

int wake_open(struct wake **ret, uv_loop_t *loop, const char *db_path, const char *role,
              void (*woken)(void *arg, const char *topic, const char *id), void *arg, struct error *err)
{
    struct wake *wake = calloc(1, sizeof *wake);
    if (!wake)
        return error_set(err, CE_NOMEM, "out of memory");
    wake->dir_fd = wake->receive_fd = wake->send_fd = -1;
    wake->woken = woken;
    wake->arg = arg;
    int rc = wake_open_directory(wake, db_path, err);
    if (!rc)
        rc = wake_bind(wake, role, err);
    if (!rc && uv_poll_init(loop, &wake->poll, wake->receive_fd) < 0)
        rc = error_set(err, CE_IO, "the store's wake-up socket cannot be watched");
    if (rc) {
        wake_free(wake);
        return rc;
    }
    wake->poll.data = wake;
    uv_poll_start(&wake->poll, UV_READABLE, wake_readable);
    *ret = wake;
    return 0;
}

bool wake_send(const struct wake *wake, const char *bytes, size_t len)
{
    int fd = openat(wake->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return true; /* the directory is gone: the sweep has to do */
    }
    bool all = true;
    for (struct dirent *entry; (entry = readdir(dir));) {
        struct sockaddr_un address;
        bool is_socket = entry->d_type == DT_SOCK;
        if ((!is_socket && entry->d_type != DT_UNKNOWN) || !wake_address(wake, entry->d_name, &address))
            continue;
        if (sendto(wake->send_fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&address,
                   sizeof address) >= 0)
            continue;
        if (errno == ECONNREFUSED && is_socket)
            unlinkat(wake->dir_fd, entry->d_name, 0);
        else if (errno == EAGAIN || errno == ENOBUFS)
            all = false;
    }
    closedir(dir);
    return all;
}

static void wake_poll_closed(uv_handle_t *handle)
{
    struct wake *wake = handle->data;
    void (*closed)(void *arg) = wake->closed;
    void *arg = wake->closed_arg;
    wake_free(wake);
    closed(arg);
}

void wake_close(struct wake *wake, void (*closed)(void *arg), void *arg)
{
    wake->closed = closed;
    wake->closed_arg = arg;
    uv_poll_stop(&wake->poll);
    uv_close((uv_handle_t *)&wake->poll, wake_poll_closed);
}
