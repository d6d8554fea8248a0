#include "socket_options.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

enum {
    KEEPALIVE_IDLE_S = 30,
    KEEPALIVE_INTERVAL_S = 10,
    KEEPALIVE_COUNT = 3,
    USER_TIMEOUT_MS = 60 * 1000,
};

static void option(int fd, int level, int name, int value)
{
    /* An option that a kernel lacks is no reason to refuse a user. */
    (void)!setsockopt(fd, level, name, &value, sizeof value);
}

void socket_options_set(int fd)
{
    option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
    option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
    option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT);
    option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS);
}
