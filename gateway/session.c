#include "session.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "banner.h"
#include "broker_link.h"
#include "front.h"
#include "gateway.h"
#include "lobby_visit.h"
#include "log.h"
#include "login.h"
#include "policy_filter.h"
#include "pump.h"
#include "worker.h"

enum {
    DISCARD_BYTES = 16 * 1024, /* read at once and thrown away while a peer's end is awaited */
    DISCARDS_MAX = 16,
};

static void on_deadline(uv_timer_t *timer);

/* ---- states ---- */

static struct relay_dir *output_of(struct session *s, const struct endpoint *e)
{
    if (s->lobby && e == &s->lobby->end)
        return &s->lobby->to_lobby;
    return e == &s->front ? &s->to_client : &s->to_guest;
}

void session_deadline_start(struct session *s)
{
    const struct config *config = &s->worker->config;
    uint64_t ms =
        s->state == VISIT_RELAYING ? session_policy_tick_ms(s) : visit_state_deadline_ms(s->state, config);
    if (s->state == VISIT_WAITING && config->gateway_lobby && config->gateway_lobby_after_ms < ms)
        ms = config->gateway_lobby_after_ms + 1; /* then the lobby, see on_deadline() */
    if (s->state == VISIT_QUESTION && s->login->question_ms < ms)
        ms = s->login->question_ms;
    uv_timer_stop(&s->deadline);
    if (ms)
        (void)uv_timer_start(&s->deadline, on_deadline, ms, 0);
}

bool session_set_state(struct session *s, enum visit_state state)
{
    if (!visit_state_may_follow(s->state, state)) {
        log_error("A session's state cannot follow, so the session ends. connection=%u session=%s state=%s "
                  "asked=%s",
                  s->number, s->registered.session, visit_state_name(s->state), visit_state_name(state));
        session_fail(s, FAIL_INTERNAL, "state %s after %s", visit_state_name(state),
                     visit_state_name(s->state));
        return false;
    }
    log_debug("A session's state changed. connection=%u session=%s %s -> %s", s->number,
              s->registered.session, visit_state_name(s->state), visit_state_name(state));
    s->state = state;
    s->state_since_ms = uv_now(&s->worker->loop);
    session_deadline_start(s);
    return true;
}

/* The log shows user names; control characters and quotes would forge lines of it. */
void session_note_user(struct session *s, const char *user)
{
    size_t n = 0;
    for (; user[n] && n < sizeof s->user - 1; n++)
        s->user[n] = (unsigned char)user[n] > ' ' && user[n] != '"' && user[n] != 0x7f ? user[n] : '?';
    s->user[n] = '\0';
}

static void end_log(const struct session *s, const char *detail)
{
    uint64_t now_ms = uv_now(&s->worker->loop);
    log_write(s->end == FAIL_INTERNAL ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO,
              "The session ended. connection=%u session=%s user=%s peer=%s state=%s age_ms=%llu code=%s "
              "bytes_in=%llu "
              "bytes_out=%llu detail=\"%s\"",
              s->number, s->registered.session[0] ? s->registered.session : "-", s->user[0] ? s->user : "-",
              s->peer, visit_state_name(s->state), (unsigned long long)(now_ms - s->born_ms),
              fail_code(s->end), (unsigned long long)s->to_guest.bytes,
              (unsigned long long)s->to_client.bytes, detail);
}

static void end_report(struct session *s, const char *detail)
{
    struct gateway *gateway = s->worker->gateway;
    counter_add(&gateway->counters.ends[s->end], 1);
    counter_add(&gateway->counters.bytes_in, s->to_guest.bytes);
    counter_add(&gateway->counters.bytes_out, s->to_client.bytes);
    counter_add(&gateway->counters.dropped_pdus, s->facts.dropped);
    if (!s->registered.session[0])
        return;
    char denied[REASON_SIZE];
    session_policy_denied(s, denied, sizeof denied);
    registry_remove(&gateway->registry, &s->registered);
    broker_link_report(gateway->link, &(struct broker_report){.session = s->registered.session,
                                                              .connection = s->registered.connection,
                                                              .closed = true,
                                                              .fail = s->end,
                                                              .detail = detail,
                                                              .bytes_in = s->to_guest.bytes,
                                                              .bytes_out = s->to_client.bytes,
                                                              .denied = denied});
}

void session_fail(struct session *s, enum fail fail, const char *fmt, ...)
{
    char detail[REASON_SIZE];
    va_list args;
    if (session_is_over(s))
        return;
    va_start(args, fmt);
    vsnprintf(detail, sizeof detail, fmt, args);
    va_end(args);
    if (lobby_is_dialling(s) && (fail == FAIL_GUEST_PROTOCOL || fail == FAIL_GUEST_UNREACHABLE))
        fail = FAIL_LOBBY_FAILED;
    s->end = fail;
    end_log(s, detail);
    end_report(s, detail);
    if (fail != FAIL_CLIENT_CLOSED)
        front_refuse(s, fail);
    /* Nobody waits for the guest's last bytes when it is not the relay that ends, and a client that sent
     * garbage before its log-in is owed nothing. */
    if (s->state != VISIT_RELAYING)
        s->back.done = true;
    if (s->state < VISIT_NLA && fail != FAIL_CLIENT_SECURITY)
        s->front.done = true;
    s->state = VISIT_CLOSING;
    s->state_since_ms = uv_now(&s->worker->loop);
    session_deadline_start(s);
}

/* No lobby is to be had: the rest of what a client may wait without one. */
static bool waits_on(struct session *s)
{
    uint64_t ms = visit_state_deadline_ms(s->state, &s->worker->config),
             waited_ms = uv_now(&s->worker->loop) - s->state_since_ms;
    return s->state == VISIT_WAITING && waited_ms < ms &&
           uv_timer_start(&s->deadline, on_deadline, ms - waited_ms, 0) == 0;
}

static void on_deadline(uv_timer_t *timer)
{
    struct session *s = timer->data;
    uint64_t ms = visit_state_deadline_ms(s->state, &s->worker->config);
    if (s->state == VISIT_RELAYING) {
        session_policy_tick(s);
        if (!session_is_over(s))
            session_deadline_start(s);
    } else if (s->state == VISIT_CLOSING) {
        s->front.done = s->back.done = true;
    } else if (!lobby_deadline(s) && !waits_on(s)) {
        bool away = s->state == VISIT_WAITING && s->login->ticket.host_away;
        session_fail(s, away ? FAIL_HOST_AWAITED : visit_state_timeout(s->state),
                     "state %s took more than %llu ms", visit_state_name(s->state), (unsigned long long)ms);
    }
    session_settle(s);
}

void session_order_close(struct session *s, enum fail fail)
{
    session_fail(s, fail, "%s", fail == FAIL_GATEWAY_CLOSING ? "the gateway stops" : "ordered by the broker");
    session_settle(s);
}

void session_order_message(struct session *s, const struct broker_message *message)
{
    banner_order(s, message);
    session_settle(s);
}

bool session_is(const struct session *s, const char *session, int64_t connection)
{
    return s->registered.connection == connection && s->registered.session[0] &&
           !strcmp(s->registered.session, session);
}

void session_continue(struct session *s)
{
    if (s->state == VISIT_MCS)
        front_mcs(s);
    else if (s->state == VISIT_RELAYING || lobby_is_up(s))
        pump_continue(s);
    session_settle(s);
}

void session_rested(struct session *s)
{
    if (s->state == VISIT_RELAYING)
        pump_rested(s);
    session_settle(s);
}

/* ---- writing ---- */

/* A guest or client whose connection broke under a write may have said why before: what it sent is still
 * read. */
static bool write_broke(struct session *s, struct endpoint *e)
{
    if (s->state == VISIT_RELAYING || (lobby_is_up(s) && e != &s->back)) {
        relay_finish(output_of(s, e), &s->worker->pool);
        output_of(s, e)->blocked = output_of(s, e)->paused = false;
        tls_io_readable(&e->tls);
        worker_eager(s->worker, s);
        return true;
    }
    if (e == &s->front)
        session_fail(s, FAIL_CLIENT_CLOSED, "its connection broke: %s", tls_io_why(&e->tls));
    else
        session_fail(s, FAIL_GUEST_PROTOCOL, "the guest's connection broke: %s", tls_io_why(&e->tls));
    return false;
}

bool session_flush(struct session *s, struct endpoint *e)
{
    struct relay_dir *dir = output_of(s, e);
    size_t n;
    if (!relay_unsent(dir))
        return true;
    enum tls_result result = tls_io_write(&e->tls, relay_output(dir), relay_unsent(dir), &n);
    relay_sent(dir, &s->worker->pool, n);
    dir->blocked = result == TLS_WANT_WRITE || result == TLS_WANT_READ;
    if (result == TLS_OK || dir->blocked)
        return true;
    return write_broke(s, e);
}

/* ---- the end ---- */

/* Reads and throws away until the peer's end: a socket closed with unread bytes would send a reset, which can
 * overtake the last bytes that we wrote. */
static void peer_end_await(struct endpoint *e)
{
    uint8_t bytes[DISCARD_BYTES];
    for (unsigned i = 0; i < DISCARDS_MAX; i++) {
        ssize_t n = recv(e->fd, bytes, sizeof bytes, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) {
            e->done = true;
            return;
        }
    }
}

static void end_tell(struct session *s, struct endpoint *e)
{
    struct relay_dir *dir = output_of(s, e);
    enum tls_result result = TLS_OK;
    if (e->tls.ssl) {
        size_t n = 0;
        if (relay_unsent(dir))
            result = tls_io_write(&e->tls, relay_output(dir), relay_unsent(dir), &n);
        relay_sent(dir, &s->worker->pool, n);
        if (result == TLS_OK)
            result = tls_io_end(&e->tls);
    }
    if (result == TLS_WANT_WRITE)
        return;
    e->told_end = true;
    if (result != TLS_OK || shutdown(e->fd, SHUT_WR))
        e->done = true;
}

static void closing_step(struct session *s, struct endpoint *e)
{
    if (!e->polled || e->broken)
        e->done = true;
    if (!e->done && !e->told_end)
        end_tell(s, e);
    if (!e->done && e->told_end)
        peer_end_await(e);
    if (e->done)
        session_poll_close(e);
}

static void session_free(struct session *s)
{
    struct worker *worker = s->worker;
    list_remove(&s->link);
    list_remove(&s->eager_link);
    list_remove(&s->rest_link);
    relay_finish(&s->to_client, &worker->pool);
    relay_finish(&s->to_guest, &worker->pool);
    policy_filter_destroy(&s->facts.filter);
    free(s);
    worker_session_gone(worker);
}

void session_handle_closed(struct session *s)
{
    if (--s->open_handles == 0 && s->state == VISIT_GONE)
        session_free(s);
}

static void on_timer_closed(uv_handle_t *handle)
{
    session_handle_closed(handle->data);
}

void session_settle(struct session *s)
{
    if (s->state == VISIT_CLOSING) {
        banner_close(s);
        lobby_close(s);
        login_destroy(&s->login);
        closing_step(s, &s->front);
        closing_step(s, &s->back);
        if (s->front.done && s->back.done) {
            admission_leave(s->worker->gateway->admission, &s->hold);
            (void)session_set_state(s, VISIT_GONE);
            uv_close((uv_handle_t *)&s->deadline, on_timer_closed);
        }
    }
    if (s->state == VISIT_GONE)
        return;
    if (s->banner)
        banner_look(s);
    session_watch(s);
}
