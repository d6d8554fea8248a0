#include "pump.h"

#include "gateway.h"
#include "lobby_visit.h"
#include "log.h"
#include "session.h"
#include "worker.h"

/* So many drains in one go, then other sessions have their turn. */
enum { ROUNDS_MAX = 4 };

static struct endpoint *source_of(struct session *s, const struct relay_dir *dir)
{
    if (dir != &s->to_client)
        return &s->front;
    return lobby_is_up(s) ? &s->lobby->end : &s->back;
}

static struct endpoint *destination_of(struct session *s, const struct relay_dir *dir)
{
    if (dir == &s->to_client)
        return &s->front;
    return dir == &s->to_guest ? &s->back : &s->lobby->end;
}

/* Where the client's bytes go now. */
static struct relay_dir *to_server(struct session *s)
{
    return lobby_is_up(s) ? &s->lobby->to_lobby : &s->to_guest;
}

static void bytes_publish(struct session *s)
{
    atomic_store_explicit(&s->registered.bytes_in, s->to_guest.bytes, memory_order_relaxed);
    atomic_store_explicit(&s->registered.bytes_out, s->to_client.bytes, memory_order_relaxed);
}

/* A source ended. Who said goodbye first says which end it was: on the wire a log-off, a killed guest and a
 * taken-over session look alike, so no more than that is inferred. */
static void source_ended(struct session *s, const struct relay_dir *dir, enum tls_result result)
{
    struct endpoint *src = source_of(s, dir);
    bool client_left = (s->facts.seen_by_guest & RDP_SEEN_DISCONNECT) != 0;
    bool guest_left = (s->facts.seen_by_client & RDP_SEEN_DISCONNECT) != 0;
    const char *how = result == TLS_CLOSED ? "with a close_notify" : tls_io_why(&src->tls);
    if (src == &s->front) {
        if (result == TLS_FAILED)
            session_fail(s, FAIL_CLIENT_PROTOCOL, "TLS failed: %s", how);
        else
            session_fail(s, guest_left ? FAIL_GUEST_CLOSED : FAIL_CLIENT_CLOSED, "the client closed %s", how);
        return;
    }
    if (src != &s->back)
        session_fail(s, client_left ? FAIL_CLIENT_CLOSED : FAIL_LOBBY_FAILED, "the lobby ended: %s", how);
    else if (client_left)
        session_fail(s, FAIL_CLIENT_CLOSED, "the guest closed after the client's farewell");
    else if (result == TLS_CLOSED || guest_left)
        session_fail(s, FAIL_GUEST_CLOSED, "the guest closed %s, its last error info was 0x%x", how,
                     s->facts.error_info);
    else
        session_fail(s, FAIL_GUEST_FAILED, "the guest's connection broke: %s", how);
}

/* Reads up to RELAY_DRAIN_BYTES. True: there may be more. */
static bool drain(struct session *s, struct relay_dir *dir, struct endpoint *src)
{
    size_t got = 0;
    if (dir->blocked && relay_unsent(dir) >= RELAY_HIGH_WATER_BYTES)
        dir->paused = true;
    while (!dir->paused && got < RELAY_DRAIN_BYTES) {
        uint8_t *at;
        size_t room, n;
        if (relay_room(dir, &s->worker->pool, &at, &room)) {
            session_fail(s, FAIL_INTERNAL, "no memory for a relay buffer");
            return false;
        }
        if (!room) {
            dir->paused = dir->blocked;
            break;
        }
        enum tls_result result = tls_io_read(&src->tls, at, room, &n);
        src->read_wants_write = result == TLS_WANT_WRITE;
        if (result == TLS_OK) {
            got += n;
            if (!relay_arrived(dir, n, &s->facts)) {
                if (src == &s->back)
                    reconnect_hand_out(s);
                continue;
            }
            session_fail(s, src == &s->front ? FAIL_CLIENT_PROTOCOL : FAIL_GUEST_PROTOCOL,
                         "a PDU in the relay is not understood");
            return false;
        }
        relay_sent(dir, &s->worker->pool, 0); /* gives an unused buffer back */
        if (result != TLS_WANT_READ && result != TLS_WANT_WRITE)
            source_ended(s, dir, result);
        return false;
    }
    return !dir->paused;
}

/* True: the session goes on. */
static bool flush(struct session *s, struct relay_dir *dir)
{
    if (!relay_unsent(dir))
        return true;
    if (!session_flush(s, destination_of(s, dir)))
        return false;
    if (dir->paused && relay_unsent(dir) <= RELAY_LOW_WATER_BYTES)
        dir->paused = false;
    return true;
}

/* What the policy's filter has to say itself goes either way. */
static bool news_flush(struct session *s)
{
    if (!session_policy_news(s))
        return true;
    return (s->to_client.blocked || flush(s, &s->to_client)) &&
           (s->to_guest.blocked || flush(s, &s->to_guest));
}

/* The source was read until it was empty, which brought GOT bytes. */
static void moderate(struct session *s, struct relay_dir *dir, uint64_t got)
{
    struct relay_dir *other = dir == &s->to_client ? &s->to_guest : &s->to_client;
    if (s->state != VISIT_RELAYING)
        return;
    if (got)
        moderation_end(&other->moderation);
    if (dir->blocked)
        moderation_end(&dir->moderation); /* the socket that is full sets the pace */
    else if (moderation_read(&dir->moderation, uv_hrtime(), got))
        resting_add(&s->worker->resting, s);
}

static void pump(struct session *s, struct relay_dir *dir)
{
    const uint64_t before = dir->bytes;
    struct endpoint *src = source_of(s, dir);
    const bool from_lobby = src != &s->front && src != &s->back;
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        bool more = drain(s, dir, src);
        if (session_is_over(s) || !news_flush(s) || (!dir->blocked && !flush(s, dir)))
            return;
        bytes_publish(s);
        if (from_lobby)
            lobby_heard(s); /* may end the session, not the lobby alone */
        if (session_is_over(s))
            return;
        if (!more) {
            moderate(s, dir, dir->bytes - before);
            return;
        }
    }
    worker_eager(s->worker, s);
}

/* The destination can take more: what waits leaves, and what the pause held back is read, for a poll would
 * not tell of bytes that OpenSSL already has. */
static bool unblock(struct session *s, struct relay_dir *dir)
{
    bool was_paused = dir->paused;
    if (!dir->blocked)
        return true;
    if (!flush(s, dir))
        return false;
    if (was_paused && !dir->paused)
        pump(s, dir);
    return !session_is_over(s);
}

void pump_front(struct session *s, int events)
{
    if ((events & UV_WRITABLE) && !unblock(s, &s->to_client))
        return;
    if (s->front.read_wants_write || (events & ~UV_WRITABLE))
        pump(s, to_server(s));
}

void pump_back(struct session *s, int events)
{
    if ((events & UV_WRITABLE) && !unblock(s, to_server(s)))
        return;
    if (s->back.read_wants_write || (events & ~UV_WRITABLE))
        pump(s, &s->to_client);
}

void pump_continue(struct session *s)
{
    pump(s, to_server(s));
    if (!session_is_over(s))
        pump(s, &s->to_client);
}

void pump_rested(struct session *s)
{
    if (s->to_client.moderation.resting) {
        tls_io_readable(&s->back.tls);
        pump(s, &s->to_client);
    }
    if (!session_is_over(s) && s->to_guest.moderation.resting) {
        tls_io_readable(&s->front.tls);
        pump(s, &s->to_guest);
    }
}

void pump_begin(struct session *s)
{
    if (flush(s, to_server(s)) && flush(s, &s->to_client))
        pump_continue(s);
}
