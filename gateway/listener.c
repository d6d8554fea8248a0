#include "listener.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config.h"
#include "gateway.h"
#include "admission.h"
#include "log.h"
#include "session.h"
#include "socket_options.h"
#include "successor.h"
#include "worker.h"

struct address {
    struct sockaddr_storage storage;
    socklen_t len;
    const char *text; /* as configured */
};

static int address_parse(const char *item, struct address *ret)
{
    char host[INET6_ADDRSTRLEN + 2];
    const char *colon = strrchr(item, ':');
    if (!colon || colon == item || (size_t)(colon - item) >= sizeof host || !isdigit((unsigned char)colon[1]))
        return CE_BAD_INPUT;
    char *end;
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (*end || port > UINT16_MAX)
        return CE_BAD_INPUT;
    snprintf(host, sizeof host, "%.*s", (int)(colon - item), item);
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    size_t len = strlen(host);
    if (host[0] == '[' && host[len - 1] == ']') {
        host[len - 1] = '\0';
        if (inet_pton(AF_INET6, host + 1, &in6.sin6_addr) != 1)
            return CE_BAD_INPUT;
        memcpy(&ret->storage, &in6, sizeof in6);
        ret->len = sizeof in6;
        return 0;
    }
    if (inet_pton(AF_INET, host, &in.sin_addr) != 1)
        return CE_BAD_INPUT;
    memcpy(&ret->storage, &in, sizeof in);
    ret->len = sizeof in;
    return 0;
}

int listener_address_parse(const char *text, struct sockaddr_storage *ret, socklen_t *ret_len)
{
    struct address address = {0};
    int rc = address_parse(text, &address);
    if (!rc) {
        *ret = address.storage;
        *ret_len = address.len;
    }
    return rc;
}

/* SHARED is SO_REUSEPORT. Without it the bind fails where anybody else, another gateway too, has the port. */
static int socket_bind(const struct address *address, bool shared, int *ret_fd)
{
    const int one = 1;
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return CE_IO;
    int rc = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (!rc && shared)
        rc = setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    if (!rc && address->storage.ss_family == AF_INET6)
        rc = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (!rc)
        rc = bind(fd, (const struct sockaddr *)&address->storage, address->len);
    if (rc) {
        int saved = errno;
        close(fd);
        errno = saved;
        return CE_IO;
    }
    *ret_fd = fd;
    return 0;
}

static void address_print(const struct address *address, char *ret, size_t size)
{
    char host[INET6_ADDRSTRLEN] = "?", port[8] = "?";
    session_peer_print(&address->storage, host, sizeof host, port, sizeof port);
    snprintf(ret, size, address->storage.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

static bool address_is(int fd, const struct address *address)
{
    struct sockaddr_storage bound = {0};
    socklen_t len = sizeof bound;
    char host[INET6_ADDRSTRLEN], port[8], wanted_host[INET6_ADDRSTRLEN], wanted_port[8];
    if (getsockname(fd, (struct sockaddr *)&bound, &len) || bound.ss_family != address->storage.ss_family)
        return false;
    session_peer_print(&bound, host, sizeof host, port, sizeof port);
    session_peer_print(&address->storage, wanted_host, sizeof wanted_host, wanted_port, sizeof wanted_port);
    return !strcmp(host, wanted_host) && (!strcmp(port, wanted_port) || !strcmp(wanted_port, "0"));
}

static void set_put(struct listener_set *set, unsigned worker, int fd)
{
    int *slot = &set->fds[worker * set->slots];
    while (*slot >= 0)
        slot++;
    *slot = fd;
}

/* The sockets of one address that were inherited go round among the workers: there may have been more or fewer
 * threads before. CE_NOT_FOUND: none has that address. */
static int address_inherit(struct address *address, struct listener_set *set, unsigned workers,
                           struct inheritance *inherited, unsigned *ret_taken)
{
    unsigned taken = 0;
    for (unsigned i = 0; i < inherited->count; i++) {
        int fd = inherited->fds[i];
        if (fd < 0 || !address_is(fd, address))
            continue;
        address->len = sizeof address->storage;
        if (listen(fd, LISTENER_BACKLOG) ||
            getsockname(fd, (struct sockaddr *)&address->storage, &address->len))
            return CE_IO;
        set_put(set, taken++ % workers, fd);
        inherited->fds[i] = -1;
    }
    *ret_taken = taken;
    return taken ? 0 : CE_NOT_FOUND;
}

/* Port 0 becomes the same free port for all workers. Nobody else may have it: SO_REUSEPORT would let them in
 * silently. CE_UNSUPPORTED: the host does not speak this address family. */
static int address_reserve(struct address *address, struct error *err)
{
    int probe;
    if (socket_bind(address, false, &probe)) {
        if (errno == EAFNOSUPPORT || (errno == EADDRNOTAVAIL && address->storage.ss_family == AF_INET6))
            return error_set(err, CE_UNSUPPORTED, "%s", strerror(errno));
        return error_set(err, CE_IO, "cannot listen on %s: %s", address->text, strerror(errno));
    }
    address->len = sizeof address->storage;
    int rc = getsockname(probe, (struct sockaddr *)&address->storage, &address->len);
    close(probe);
    return rc ? error_set(err, CE_IO, "cannot listen on %s: %s", address->text, strerror(errno)) : 0;
}

/* Opens one address for all workers. */
static int address_open(struct address *address, struct listener_set *set, unsigned workers,
                        struct inheritance *inherited, struct error *err)
{
    unsigned taken = 0;
    int rc = address_inherit(address, set, workers, inherited, &taken);
    if (rc == CE_NOT_FOUND && (rc = address_reserve(address, err)))
        return rc;
    for (unsigned i = taken; !rc && i < workers; i++) {
        int fd;
        rc = socket_bind(address, true, &fd);
        if (!rc) {
            set_put(set, i, fd);
            rc = listen(fd, LISTENER_BACKLOG);
        }
    }
    return rc ? error_set(err, CE_IO, "cannot listen on %s: %s", address->text, strerror(errno)) : 0;
}

struct parse {
    struct address addresses[LISTENER_ADDRESSES_MAX];
    char texts[LISTENER_ADDRESSES_MAX][INET6_ADDRSTRLEN + 10];
    unsigned count;
    struct error *err;
};

static int parse_item(void *arg, const char *item)
{
    struct parse *p = arg;
    if (p->count == LISTENER_ADDRESSES_MAX)
        return error_set(p->err, CE_LIMIT, "gateway.listen has more than %d addresses",
                         LISTENER_ADDRESSES_MAX);
    if (address_parse(item, &p->addresses[p->count]))
        return error_set(p->err, CE_BAD_INPUT,
                         "gateway.listen: '%s' is not like 192.0.2.1:3389 or [2001:db8::1]:3389", item);
    snprintf(p->texts[p->count], sizeof p->texts[0], "%s", item);
    p->addresses[p->count].text = p->texts[p->count];
    p->count++;
    return 0;
}

static void inherited_close(struct inheritance *inherited)
{
    for (unsigned i = 0; i < inherited->count; i++) {
        if (inherited->fds[i] >= 0)
            close(inherited->fds[i]);
    }
    inherited->count = 0;
}

int listener_set_open(struct listener_set *ret, const char *listen, unsigned workers,
                      struct inheritance *inherited, struct error *err)
{
    struct parse p = {.err = err};
    int rc = config_list_each(listen, parse_item, &p);
    if (!rc && !p.count)
        rc = error_set(err, CE_BAD_INPUT, "gateway.listen is empty");
    if (rc)
        return rc;
    struct listener_set set = {.slots = p.count + inherited->count / workers};
    set.fds = malloc(sizeof(int) * workers * set.slots);
    if (!set.fds)
        return error_set(err, CE_NOMEM, "no memory");
    for (unsigned i = 0; i < workers * set.slots; i++)
        set.fds[i] = -1;
    unsigned opened = 0;
    for (unsigned i = 0; !rc && i < p.count; i++) {
        rc = address_open(&p.addresses[i], &set, workers, inherited, err);
        if (rc == CE_UNSUPPORTED && (opened || i + 1 < p.count)) {
            log_warning("This host does not have the address to listen on. address=%s reason=\"%s\"",
                        p.texts[i], err->text);
            rc = 0;
            continue;
        }
        if (rc)
            break;
        char text[80];
        address_print(&p.addresses[i], text, sizeof text);
        log_info("Listening. address=%s", text);
        if (!opened++)
            snprintf(set.first, sizeof set.first, "%s", text);
    }
    if (!rc && !opened)
        rc = error_set(err, CE_UNSUPPORTED, "none of the addresses in gateway.listen can be had");
    inherited_close(inherited);
    if (rc)
        listener_set_close(&set, workers);
    else
        *ret = set;
    return rc;
}

void listener_set_close(struct listener_set *set, unsigned workers)
{
    for (unsigned i = 0; set->fds && i < workers * set->slots; i++) {
        if (set->fds[i] >= 0)
            close(set->fds[i]);
    }
    free(set->fds);
    set->fds = NULL;
}

/* Out of descriptors, the pending connection would make the poll fire for ever: the reserve is spent on
 * accepting and closing it. */
static void accept_and_close(struct worker *worker, int listen_fd)
{
    counter_add(&worker->gateway->counters.ends[FAIL_GATEWAY_LIMIT], 1);
    session_limit_log(worker, "open files", NULL);
    if (worker->reserve_fd >= 0)
        close(worker->reserve_fd);
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        close(fd);
    worker->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct listener *listener = poll->data;
    (void)events;
    if (status < 0)
        return;
    for (unsigned i = 0; i < LISTENER_BURST; i++) {
        struct sockaddr_storage peer = {0};
        socklen_t len = sizeof peer;
        int fd = accept4(listener->fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            session_accept(listener->worker, fd, &peer);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            accept_and_close(listener->worker, listener->fd);
        else if (errno == EAGAIN)
            return;
        /* Everything else was the fate of that one connection. */
    }
}

int listener_start(struct listener *listener, struct worker *worker, int fd)
{
    *listener = (struct listener){.worker = worker, .fd = fd};
    if (uv_poll_init(&worker->loop, &listener->poll, fd))
        return CE_IO;
    listener->poll.data = listener;
    socket_options_set(fd);
    return uv_poll_start(&listener->poll, UV_READABLE, on_readable) ? CE_IO : 0;
}

static void on_closed(uv_handle_t *handle)
{
    (void)handle;
}

void listener_pause(struct listener *listener)
{
    if (listener->paused || listener->fd < 0)
        return;
    listener->paused = true;
    uv_poll_stop(&listener->poll);
    (void)shutdown(listener->fd, SHUT_RD); /* it stays bound and listens no more */
}

void listener_resume(struct listener *listener)
{
    if (!listener->paused || listener->fd < 0)
        return;
    listener->paused = false;
    if (listen(listener->fd, LISTENER_BACKLOG) || uv_poll_start(&listener->poll, UV_READABLE, on_readable))
        log_error("A drained address cannot be listened on again: %s.", strerror(errno));
}

void listener_stop(struct listener *listener)
{
    if (listener->fd < 0)
        return;
    uv_close((uv_handle_t *)&listener->poll, on_closed);
    close(listener->fd);
    listener->fd = -1;
}
