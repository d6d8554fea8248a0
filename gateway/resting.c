#include "resting.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include "moderation.h"
#include "session.h"

/* Sets the timer, or stops it; either way it has not fired then. */
static void arm(struct resting *r, bool armed)
{
    const struct itimerspec at = {.it_value.tv_nsec = armed ? MODERATION_REST_NS : 0};
    (void)timerfd_settime(r->fd, 0, &at, NULL);
    r->armed = armed;
}

/* Each session has one turn; those that rest on put themselves back. */
static void on_timer(uv_poll_t *poll, int status, int events)
{
    struct resting *r = poll->data;
    struct list turn;
    (void)status;
    (void)events;
    list_take_all(&r->sessions, &turn);
    r->armed = true; /* until everybody had a turn: then once for all */
    while (!list_is_empty(&turn)) {
        struct list *first = turn.next;
        list_remove(first);
        session_rested(list_entry(first, struct session, rest_link));
    }
    arm(r, !list_is_empty(&r->sessions));
}

void resting_add(struct resting *r, struct session *s)
{
    if (!list_is_linked(&s->rest_link))
        list_append(&r->sessions, &s->rest_link);
    if (!r->armed)
        arm(r, true);
}

int resting_open(struct resting *r, uv_loop_t *loop)
{
    *r = (struct resting){.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)};
    list_init(&r->sessions);
    if (r->fd < 0)
        return CE_LIMIT;
    if (uv_poll_init(loop, &r->poll, r->fd) || uv_poll_start(&r->poll, UV_READABLE, on_timer))
        return CE_NOMEM;
    r->poll.data = r;
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    struct resting *r = handle->data;
    close(r->fd);
}

void resting_close(struct resting *r)
{
    uv_close((uv_handle_t *)&r->poll, on_closed);
}
