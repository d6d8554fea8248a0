#include "api_listen.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 1024 /* connections that wait to be accepted; the kernel lets more wait in connect() */

/* Removes a socket that nobody answers on. */
static int clear_path(const struct sockaddr_un *address, struct error *err)
{
    struct stat st;
    if (lstat(address->sun_path, &st) < 0) {
        if (errno == ENOENT)
            return 0;
        return error_set(err, CE_IO, "%s: %s", address->sun_path, strerror(errno));
    }
    if (!S_ISSOCK(st.st_mode))
        return error_set(err, CE_EXISTS, "%s exists and is not a socket", address->sun_path);
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (probe < 0)
        return error_set(err, CE_IO, "socket: %s", strerror(errno));
    int rc = connect(probe, (const struct sockaddr *)address, sizeof *address);
    int reason = errno;
    close(probe);
    /* EAGAIN: its backlog is full, so somebody holds it. */
    if (rc == 0 || reason == EAGAIN)
        return error_set(err, CE_EXISTS, "another broker answers at %s", address->sun_path);
    if (reason != ECONNREFUSED && reason != ENOENT)
        return error_set(err, CE_IO, "%s: %s", address->sun_path, strerror(reason));
    if (unlink(address->sun_path) < 0 && errno != ENOENT)
        return error_set(err, CE_IO, "the stale socket %s cannot be removed: %s", address->sun_path,
                         strerror(errno));
    return 0;
}

int api_listen_open(int *ret_fd, const char *path, struct error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return error_set(err, CE_BAD_INPUT, "broker.socket is longer than %zu bytes: %s",
                         sizeof address.sun_path - 1, path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    int rc = clear_path(&address, err);
    if (rc)
        return rc;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_set(err, CE_IO, "socket: %s", strerror(errno));
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 || chmod(path, 0666) < 0 ||
        listen(fd, BACKLOG) < 0) {
        rc = error_set(err, CE_IO, "the API cannot listen at %s: %s", path, strerror(errno));
        close(fd);
        return rc;
    }
    *ret_fd = fd;
    return 0;
}

void api_listen_close(int fd, const char *path)
{
    close(fd);
    unlink(path);
}
