/* A visit: one client connection and, once the broker has named a desktop, the connection to its guest. Owned
 * by the worker that accepted it and used on that thread only. front.c talks with the client, back.c with the
 * guest, pump.c relays. session_accept.c has a session's beginning, session_watch.c its polls, session.c the rest of its
 * life: states, deadlines, the end with its reason, the log.
 *
 * Nothing dies inside its own callback: session_fail() moves the session to closing, session_settle() (the
 * last thing that every event does) watches what is to be watched next or lets the handles close, and the
 * last close callback frees.
 */
#ifndef CARREL_GATEWAY_SESSION_H
#define CARREL_GATEWAY_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

#include <carrel/error.h>
#include <carrel/fail.h>
#include <carrel/ids.h>

#include "admission.h"
#include "banner_screen.h"
#include "list.h"
#include "reconnect.h"
#include "registry.h"
#include "relay.h"
#include "session_policy.h"
#include "visit_state.h"
#include "tls_io.h"

struct banner;
struct broker_message;
struct worker;
struct lobby_visit;
struct login;

enum { PEER_SIZE = 64 };

/* One socket with its poll. */
struct endpoint {
    uv_poll_t *poll; /* on the heap: an endpoint may move while its handle lives */
    uv_poll_cb on_event;
    struct tls_io tls; /* open from the handshake on */
    int fd;            /* -1: none */
    int watched;       /* the events that the poll watches now; 0: it is stopped */
    bool polled;       /* the handle is open */
    bool broken;       /* the poll reported an error: read it, do not watch */
    bool read_wants_write;
    bool told_end; /* close_notify and FIN are sent */
    bool done;     /* nothing is expected of this side any more */
};

struct session {
    struct list link;       /* on worker->sessions */
    struct list eager_link; /* on worker->eager */
    struct list rest_link;  /* on worker->resting */
    struct worker *worker;  /* borrowed */
    enum visit_state state;
    enum fail end; /* why it is closing */
    uint32_t number;
    unsigned open_handles;
    uint64_t born_ms, state_since_ms;
    uv_timer_t deadline;
    struct endpoint front, back;
    struct relay_facts facts;
    struct relay_dir to_client, to_guest; /* also the output queues before the relay */
    struct login *login;                  /* NULL from the relay on */
    struct session_policy policy;
    struct lobby_visit *lobby; /* NULL: the client sees no lobby */
    bool lobby_tried;          /* and there was none, or it is shown */
    struct registry_entry registered;
    struct admission_hold hold;
    struct reconnect reconnect;
    struct banner *banner; /* NULL: no message is on the screen, or is to be */
    struct banner_screen screen;
    bool behind_proxy;     /* its first bytes are a balancer's header */
    bool client_info_seen; /* from here on a refusal may be told in RDP's own words */
    char peer[PEER_SIZE];  /* the address, without the port */
    char user[NAME_SIZE];  /* as the client gave it; printable */
};

/* Takes FD. A connection over a limit is closed here. */
void session_accept(struct worker *worker, int fd, const struct sockaddr_storage *peer);
bool session_is(const struct session *s, const char *session, int64_t connection);
/* An order of the broker, or the end of the gateway. */
void session_order_close(struct session *s, enum fail fail);
void session_order_message(struct session *s, const struct broker_message *message);
void session_continue(struct session *s); /* from the worker's eager list */
void session_rested(struct session *s);

/* ---- for the other parts of the gateway ---- */

/* The only setter. An illegal change ends the session. False then. */
bool session_set_state(struct session *s, enum visit_state state);

/* Ends the session: logs once, counts, tells the client, reports to the broker. Harmless when it ends
 * already. */
void session_fail(struct session *s, enum fail fail, const char *fmt, ...) PRINTF_LIKE(3, 4);

static inline bool session_is_over(const struct session *s)
{
    return s->state >= VISIT_CLOSING;
}

/* Who it says it is, for the log. */
void session_note_user(struct session *s, const char *user);

/* Opens the poll of an endpoint whose fd is set. */
int session_poll_open(struct session *s, struct endpoint *e, uv_poll_cb on_event) MUST_CHECK;
void session_poll_close(struct endpoint *e); /* and its socket and TLS */

/* Of a handle that was counted in open_handles: the last thing that its close callback does. */
void session_handle_closed(struct session *s);

/* What every event callback begins and ends with. */
void session_event_begin(struct endpoint *e, int status, int events);
void session_settle(struct session *s);
void session_watch(struct session *s);          /* what its state waits for; by session_settle() */
void session_deadline_start(struct session *s); /* that of its state */

/* Sends what is queued for E; false: the session is over now. */
bool session_flush(struct session *s, struct endpoint *e);

void session_limit_log(struct worker *worker, const char *limit, const char *peer);
void session_peer_print(const struct sockaddr_storage *peer, char *host, size_t host_size, char *port,
                        size_t port_size);

#endif
