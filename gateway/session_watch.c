/* What of a session's sockets is watched in which state, so that nobody is read faster than the other side takes. */
#include <stdlib.h>
#include <unistd.h>

#include "front_nla.h"
#include "lobby_visit.h"
#include "login.h"
#include "session.h"
#include "worker.h"

int session_poll_open(struct session *s, struct endpoint *e, uv_poll_cb on_event)
{
    uv_poll_t *poll = calloc(1, sizeof *poll);
    if (!poll)
        return CE_NOMEM;
    if (uv_poll_init(&s->worker->loop, poll, e->fd)) {
        free(poll);
        return CE_IO;
    }
    e->poll = poll;
    e->poll->data = s;
    e->on_event = on_event;
    e->polled = true;
    s->open_handles++;
    return 0;
}

void session_event_begin(struct endpoint *e, int status, int events)
{
    struct session *s = e->poll->data;
    s->worker->events++;
    if (status < 0) {
        e->broken = true; /* libuv stopped the poll */
        e->watched = 0;
    }
    if (status < 0 || (events & ~UV_WRITABLE))
        tls_io_readable(&e->tls);
}

static void watch(struct endpoint *e, int events)
{
    if (!e->polled || e->watched == events)
        return;
    if (events)
        (void)uv_poll_start(e->poll, events, e->on_event);
    else
        (void)uv_poll_stop(e->poll);
    e->watched = events;
}

/* Of the side that DIR comes from. */
static int readable(const struct relay_dir *dir)
{
    return dir->paused || dir->moderation.resting ? 0 : UV_READABLE;
}

static int wanted_dialling(const struct session *s)
{
    if (s->login->step == BACK_CONNECT)
        return UV_WRITABLE;
    return UV_READABLE | (s->to_guest.blocked || s->back.read_wants_write ? UV_WRITABLE : 0);
}

/* While an answer is awaited nothing is read of the client: only its end is watched for. */
static int wanted_front(const struct session *s)
{
    const int writable = s->to_client.blocked || s->front.read_wants_write ? UV_WRITABLE : 0;
    if (lobby_is_up(s))
        return (s->lobby->to_lobby.paused ? 0 : UV_READABLE) | writable;
    switch (s->state) {
    case VISIT_PREAMBLE:
        return UV_READABLE;
    case VISIT_TLS:
    case VISIT_MCS:
        return UV_READABLE | writable;
    case VISIT_NLA:
        return front_nla_waits(s) ? UV_DISCONNECT | writable : UV_READABLE | writable;
    case VISIT_FORM:
    case VISIT_QUESTION:
    case VISIT_LOGIN:
    case VISIT_WAITING:
    case VISIT_LOBBY:
    case VISIT_NOTICE:
    case VISIT_DIALLING:
        return UV_DISCONNECT;
    case VISIT_RELAYING:
        return readable(&s->to_guest) | writable;
    case VISIT_CLOSING:
        return s->front.told_end ? UV_READABLE : UV_WRITABLE;
    case VISIT_GONE:
    case VISIT_STATE_COUNT:
        break;
    }
    return 0;
}

static int wanted_back(const struct session *s)
{
    const int writable = s->to_guest.blocked || s->back.read_wants_write ? UV_WRITABLE : 0;
    if (lobby_is_dialling(s) && !session_is_over(s))
        return wanted_dialling(s);
    switch (s->state) {
    case VISIT_DIALLING:
        return wanted_dialling(s);
    case VISIT_RELAYING:
        return readable(&s->to_client) | writable;
    case VISIT_CLOSING:
        return s->back.told_end ? UV_READABLE : UV_WRITABLE;
    case VISIT_PREAMBLE:
    case VISIT_TLS:
    case VISIT_NLA:
    case VISIT_MCS:
    case VISIT_FORM:
    case VISIT_QUESTION:
    case VISIT_LOGIN:
    case VISIT_WAITING:
    case VISIT_LOBBY:
    case VISIT_NOTICE:
    case VISIT_GONE:
    case VISIT_STATE_COUNT:
        break;
    }
    return 0;
}

static int wanted_lobby(const struct session *s)
{
    if (!lobby_is_up(s))
        return 0;
    return (s->to_client.paused ? 0 : UV_READABLE) | (s->lobby->to_lobby.blocked ? UV_WRITABLE : 0);
}

void session_watch(struct session *s)
{
    watch(&s->front, s->front.broken ? 0 : wanted_front(s));
    watch(&s->back, s->back.broken ? 0 : wanted_back(s));
    if (s->lobby)
        watch(&s->lobby->end, s->lobby->end.broken ? 0 : wanted_lobby(s));
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct session *s = handle->data;
    free(handle);
    session_handle_closed(s);
}

void session_poll_close(struct endpoint *e)
{
    if (e->polled) {
        e->polled = false;
        e->watched = 0;
        uv_close((uv_handle_t *)e->poll, on_poll_closed);
        e->poll = NULL;
    }
    tls_io_close(&e->tls);
    if (e->fd >= 0)
        close(e->fd);
    e->fd = -1;
    e->done = true;
}
