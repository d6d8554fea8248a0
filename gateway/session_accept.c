/* How a session begins, and which part hears of its client in which state. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "front.h"
#include "front_nla.h"
#include "gateway.h"
#include "lobby_visit.h"
#include "log.h"
#include "login.h"
#include "pump.h"
#include "session.h"
#include "worker.h"

enum { LIMIT_LOG_EVERY_MS = 1000 };

static void on_front(uv_poll_t *poll, int status, int events)
{
    struct session *s = poll->data;
    session_event_begin(&s->front, status, events);
    if (status < 0)
        events = UV_READABLE | UV_WRITABLE;
    if (lobby_is_up(s)) {
        pump_front(s, events);
        session_settle(s);
        return;
    }
    switch (s->state) {
    case VISIT_PREAMBLE:
        front_preamble(s);
        break;
    case VISIT_TLS:
        front_handshake(s);
        break;
    case VISIT_NLA:
        if (session_flush(s, &s->front) && !(front_nla_waits(s) && events == UV_WRITABLE))
            front_nla(s);
        break;
    case VISIT_MCS:
        if (session_flush(s, &s->front))
            front_mcs(s);
        break;
    case VISIT_FORM:
    case VISIT_QUESTION:
    case VISIT_LOGIN:
    case VISIT_WAITING:
    case VISIT_LOBBY:
    case VISIT_NOTICE:
    case VISIT_DIALLING:
        session_fail(s, FAIL_CLIENT_CLOSED, "it left while it waited");
        break;
    case VISIT_RELAYING:
        pump_front(s, events);
        break;
    case VISIT_CLOSING:
    case VISIT_GONE:
    case VISIT_STATE_COUNT:
        break;
    }
    session_settle(s);
}

void session_peer_print(const struct sockaddr_storage *peer, char *host, size_t host_size, char *port,
                        size_t port_size)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    unsigned number = 0;
    snprintf(host, host_size, "?");
    if (peer->ss_family == AF_INET) {
        memcpy(&in, peer, sizeof in);
        (void)inet_ntop(AF_INET, &in.sin_addr, host, (socklen_t)host_size);
        number = ntohs(in.sin_port);
    } else if (peer->ss_family == AF_INET6) {
        memcpy(&in6, peer, sizeof in6);
        (void)inet_ntop(AF_INET6, &in6.sin6_addr, host, (socklen_t)host_size);
        number = ntohs(in6.sin6_port);
    }
    snprintf(port, port_size, "%u", number);
}

/* A flood must not become a flood of log lines: one in a second, the counter has the rest. */
void session_limit_log(struct worker *worker, const char *limit, const char *peer)
{
    static atomic_ullong last_ms;
    unsigned long long now_ms = uv_now(&worker->loop), last = counter_get(&last_ms);
    if (last && now_ms - last < LIMIT_LOG_EVERY_MS)
        return;
    if (atomic_compare_exchange_strong(&last_ms, &last, now_ms))
        log_warning("Connections are closed at once, a limit is reached. limit=%s peer=%s", limit,
                    peer ? peer : "-");
}

static struct session *session_create(struct worker *worker, int fd, const char *peer,
                                      const struct admission_hold *hold)
{
    struct session *s = calloc(1, sizeof *s);
    struct login *login = s ? login_create() : NULL;
    if (!login) {
        free(s);
        return NULL;
    }
    s->worker = worker;
    s->login = login;
    s->hold = *hold;
    s->front.fd = fd;
    s->back.fd = -1;
    s->to_client.direction = RDP_TO_CLIENT;
    s->to_guest.direction = RDP_TO_GUEST;
    s->number = atomic_fetch_add(&worker->gateway->next_number, 1) + 1;
    s->born_ms = s->state_since_ms = uv_now(&worker->loop);
    snprintf(s->peer, sizeof s->peer, "%s", peer);
    list_init(&s->eager_link);
    list_init(&s->rest_link);
    list_init(&s->registered.link);
    list_append(&worker->sessions, &s->link);
    return s;
}

void session_accept(struct worker *worker, int fd, const struct sockaddr_storage *peer)
{
    char host[INET6_ADDRSTRLEN], port[8];
    struct admission_hold hold;
    struct gateway *gateway = worker->gateway;
    session_peer_print(peer, host, sizeof host, port, sizeof port);
    counter_add(&gateway->counters.accepted, 1);
    bool behind_proxy = proxies_have(&worker->proxies, host);
    const char *limit = admission_enter(gateway->admission, behind_proxy ? NULL : peer, &hold);
    struct session *s = limit ? NULL : session_create(worker, fd, host, &hold);
    if (!s) {
        counter_add(&gateway->counters.ends[FAIL_GATEWAY_LIMIT], 1);
        session_limit_log(worker, limit ? limit : "memory", host);
        admission_leave(gateway->admission, &hold);
        close(fd);
        return;
    }
    s->behind_proxy = behind_proxy;
    (void)uv_timer_init(&worker->loop, &s->deadline);
    s->deadline.data = s;
    s->open_handles = 1;
    session_deadline_start(s);
    log_debug("A client connected. connection=%u peer=%s port=%s", s->number, host, port);
    if (session_poll_open(s, &s->front, on_front))
        session_fail(s, FAIL_INTERNAL, "its socket cannot be polled");
    session_settle(s);
}
