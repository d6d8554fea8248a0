/* Listening sockets: opened by the main thread at start (so that a bad address ends the start), one per
 * worker and address with SO_REUSEPORT, then polled by the worker, which makes a session of each connection.
 */
#ifndef CARREL_GATEWAY_LISTENER_H
#define CARREL_GATEWAY_LISTENER_H

#include <stdbool.h>
#include <sys/socket.h>
#include <uv.h>

#include <carrel/error.h>

struct worker;

enum {
    LISTENER_ADDRESSES_MAX = 16,
    LISTENER_BACKLOG = 1024, /* more wait in the clients' own retries */
    LISTENER_BURST = 64,     /* accepted in one go before other events have their turn */
};

struct listener {
    uv_poll_t poll;
    struct worker *worker; /* borrowed */
    int fd;
    bool paused;
};

/* What gateway.listen names: for each of WORKERS one socket per address, worker by worker in FDS. Sockets
 * that were INHERITED from the process that this one replaces are taken where they have such an address; all of
 * an address are, so that whoever waits in one of them is served, and the rest is closed. */
struct listener_set {
    unsigned slots; /* of each worker; not all are used */
    int *fds;       /* workers x slots, -1: none */
    char first[80]; /* the first address, as the broker is told */
};
struct inheritance;
int listener_set_open(struct listener_set *ret, const char *listen, unsigned workers,
                      struct inheritance *inherited, struct error *err) MUST_CHECK;
void listener_set_close(struct listener_set *set, unsigned workers); /* those that no worker took (fd >= 0) */

/* "192.0.2.1:3389" or "[2001:db8::1]:3389"; CE_BAD_INPUT. */
int listener_address_parse(const char *text, struct sockaddr_storage *ret, socklen_t *ret_len) MUST_CHECK;

/* On the worker's thread. */
int listener_start(struct listener *listener, struct worker *worker, int fd) MUST_CHECK;
void listener_stop(struct listener *listener);
/* A drained gateway refuses connections, so that balancers and clients go elsewhere, and keeps its address. */
void listener_pause(struct listener *listener);
void listener_resume(struct listener *listener);

#endif
