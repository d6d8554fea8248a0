#include "banner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "banner_click.h"
#include "broker_link.h"
#include "fp_bitmap.h"
#include "gateway.h"
#include "lobby/banner_message.h"
#include "lobby/banner_picture.h"
#include "lobby_link.h"
#include "lobby_visit.h"
#include "log.h"
#include "session.h"
#include "worker.h"

enum {
    REPEAT_MS = 1000, /* between two paintings */
    SOON_MS = 50,     /* the same, when the guest has said something since: it may have painted over it */
    LOOK_MS = 200,    /* while the session is not active, or its picture is being painted */
    RETRY_MS = 40,    /* while there is no room, or the guest is within an update of several PDUs */
    /* So long without a fast-path PDU of a guest that was asked for one: then it is not within such an update. */
    QUIET_MS = 1000,
    TILE = 64,       /* pixels: of the squares that the graphics pipeline's codecs paint */
    LINES_MS = 1000, /* so long at most the guest has to paint the lines */
    TOP = 16,        /* pixels at 100 %, kept free above it */
    AROUND = 8,      /* pixels that the guest is asked for when there is something to ask for only */
    BITMAPS = 64,    /* of one PDU, at most */
    FIRST_BYTES = 32 * 1024,
};

enum banner_state {
    BANNER_WAITING,
    BANNER_LOBBY,
    BANNER_PAINTING,
    BANNER_UP,
    BANNER_LEAVING,
    BANNER_STATE_COUNT,
};

#define BIT(state) (1u << BANNER_##state)

/* A deadline of 0: the message's own time ends it. */
static const struct {
    const char *name;
    uint64_t deadline_ms;
    const char *late; /* why it was not shown */
    unsigned next;
} states[BANNER_STATE_COUNT] = {
    [BANNER_WAITING] = {"waiting", 120 * 1000, "the session did not become active",
                        BIT(LOBBY) | BIT(PAINTING)},
    [BANNER_LOBBY] = {"lobby", 0, "", BIT(WAITING)},
    [BANNER_PAINTING] = {"painting", 15 * 1000, "the lobby did not paint it in time", BIT(UP) | BIT(WAITING)},
    [BANNER_UP] = {"up", 0, "", BIT(WAITING) | BIT(LEAVING)},
    [BANNER_LEAVING] = {"leaving", 5 * 1000, "", 0},
};

struct banner {
    enum banner_state state;
    uint64_t since_ms;
    uv_timer_t timer;
    struct broker_message message;
    uint64_t until_ms; /* 0: nobody has seen it yet */
    bool told;         /* the broker knows what became of it */
    uv_poll_t *poll;   /* of fd, on the heap as the banner may go first */
    int fd;            /* brings the picture; -1: none is awaited */
    uint8_t *bytes;
    size_t len, capacity;
    struct share_facts share; /* what the picture was made for */
    struct banner_picture picture;
    uint16_t left, top;
    unsigned next; /* tile of the painting that is under way; 0: none is */
    size_t next_at;
    bool asked;                         /* the guest, for the picture below */
    bool lines;                         /* it was asked for them before, see ask_lines() */
    uint64_t lines_bytes;               /* what it had sent by then */
    uint64_t painted_ms, painted_bytes; /* when it was whole, and what the guest had sent by then */
    bool soon;                          /* the next painting does not wait for REPEAT_MS */
    struct banner_click click;
};

static void on_timer(uv_timer_t *timer);

static uint64_t now_of(const struct session *s)
{
    return uv_now(&s->worker->loop);
}

/* ---- life ---- */

static void tell(struct session *s, bool shown, const char *why)
{
    struct banner *b = s->banner;
    if (b->told)
        return;
    b->told = true;
    log_info("A message was %s. connection=%u session=%s user=%s order=%lld%s%s",
             shown ? "shown" : "not shown", s->number, b->message.session, s->user[0] ? s->user : "-",
             (long long)b->message.order, *why ? " reason=" : "", why);
    broker_link_report(s->worker->gateway->link, &(struct broker_report){.session = b->message.session,
                                                                         .connection = b->message.connection,
                                                                         .message = b->message.order,
                                                                         .message_shown = shown,
                                                                         .detail = why});
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct session *s = handle->data;
    free(handle);
    session_handle_closed(s);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct session *s = handle->data;
    struct banner *b = (struct banner *)((char *)handle - offsetof(struct banner, timer));
    free(b->bytes);
    free(b);
    session_handle_closed(s);
}

static void picture_drop(struct banner *b)
{
    if (b->poll)
        uv_close((uv_handle_t *)b->poll, on_poll_closed);
    if (b->fd >= 0)
        close(b->fd);
    free(b->bytes);
    b->poll = NULL;
    b->fd = -1;
    b->bytes = NULL;
    b->len = b->capacity = 0;
    b->next = 0;
}

void banner_close(struct session *s)
{
    struct banner *b = s->banner;
    if (!b)
        return;
    tell(s, false, "the connection ended before");
    s->facts.output = OUTPUT_UNWATCHED;
    s->facts.click = NULL;
    s->banner = NULL;
    picture_drop(b);
    uv_close((uv_handle_t *)&b->timer, on_timer_closed);
}

static void give_up(struct session *s, const char *why)
{
    tell(s, false, why);
    banner_close(s);
}

/* The only setter. */
static void state_set(struct session *s, enum banner_state state)
{
    struct banner *b = s->banner;
    if (!(states[b->state].next & 1u << state)) {
        log_error("A banner's state cannot follow. connection=%u state=%s asked=%s", s->number,
                  states[b->state].name, states[state].name);
        give_up(s, "the gateway is confused");
        return;
    }
    b->state = state;
    b->since_ms = now_of(s);
    /* Whether the guest is within an update is looked at from here on, or not any more. */
    s->facts.output = state == BANNER_PAINTING || state == BANNER_UP ? OUTPUT_UNKNOWN : OUTPUT_UNWATCHED;
    s->facts.click = state == BANNER_UP || state == BANNER_LEAVING ? &b->click : NULL;
}

static void later(struct banner *b, uint64_t ms)
{
    (void)uv_timer_start(&b->timer, on_timer, ms, 0);
}

static void shown(struct session *s)
{
    struct banner *b = s->banner;
    if (!b->until_ms)
        b->until_ms = now_of(s) + b->message.show_s * 1000ull;
    tell(s, true, "");
}

/* ---- the guest is asked for a part of its picture ---- */

static void ask(struct session *s, uint16_t left, uint16_t top, uint16_t width, uint16_t height)
{
    uint8_t out[256];
    const struct relay_facts *facts = &s->facts;
    const uint16_t user = facts->map.guest_user, io = facts->map.guest_io;
    const struct rdp_area area = {left, top, (uint16_t)(left + width - 1), (uint16_t)(top + height - 1)};
    const struct rdp_area all = {0, 0, (uint16_t)(facts->share.width - 1),
                                 (uint16_t)(facts->share.height - 1)};
    struct writer w = writer_init(out, sizeof out);
    if (facts->share.refresh) {
        rdp_write_refresh_rect(&w, user, io, facts->share_id, &area);
    } else if (facts->share.suppress) {
        rdp_write_suppress_output(&w, user, io, facts->share_id, NULL);
        rdp_write_suppress_output(&w, user, io, facts->share_id, &all);
    }
    s->banner->asked = !writer_len(&w) || !relay_insert(&s->to_guest, &s->worker->pool, out, writer_len(&w));
    if (writer_len(&w) && s->banner->asked && !s->to_guest.blocked)
        (void)session_flush(s, &s->back);
}

/* A guest that uses the graphics pipeline (xorgxrdp) leaves out each tile that is as it sent it last, of which it keeps a
 * digest of the part that was asked for; it knows nothing of the banner above it. So it is asked for one line of each row
 * of tiles before: the digests are others then, and the whole is sent. */
static void ask_lines(struct session *s)
{
    struct banner *b = s->banner;
    uint8_t out[2048];
    const struct relay_facts *facts = &s->facts;
    const unsigned bottom = b->top + b->picture.height;
    struct writer w = writer_init(out, sizeof out);
    for (unsigned y = b->top, n = 0; facts->share.refresh && y < bottom && n < 32; n++) {
        const struct rdp_area line = {b->left, (uint16_t)y, (uint16_t)(b->left + b->picture.width - 1),
                                      (uint16_t)y};
        rdp_write_refresh_rect(&w, facts->map.guest_user, facts->map.guest_io, facts->share_id, &line);
        y = (y / TILE + 1) * TILE;
    }
    b->lines = !writer_len(&w) || !relay_insert(&s->to_guest, &s->worker->pool, out, writer_len(&w));
    b->lines_bytes = s->to_client.bytes;
    if (writer_len(&w) && b->lines && !s->to_guest.blocked)
        (void)session_flush(s, &s->back);
}

/* ---- the picture ---- */

static void picture_take(struct session *s)
{
    struct banner *b = s->banner;
    if (banner_picture_parse(b->bytes, b->len, &b->picture) || b->picture.depth != b->share.depth ||
        b->picture.width > b->share.width || b->picture.height > b->share.height) {
        give_up(s, b->len ? "what the lobby painted is not understood" : "the lobby painted nothing");
        return;
    }
    struct banner_screen on = banner_screen_on(&s->screen, b->share.width, b->share.height);
    unsigned left = on.width > b->picture.width ? (on.width - b->picture.width) / 2u : 0;
    unsigned top = TOP * on.scale_percent / 100u;
    b->left = (uint16_t)((on.left + left) & ~3u);
    b->top = (uint16_t)(on.top + top + b->picture.height <= b->share.height ? on.top + top : 0);
    b->click = (struct banner_click){
        .left = b->left, .top = b->top, .width = b->picture.width, .height = b->picture.height};
    uv_close((uv_handle_t *)b->poll, on_poll_closed);
    b->poll = NULL;
    close(b->fd);
    b->fd = -1;
    log_debug("A banner is painted. connection=%u bytes=%zu tiles=%u", s->number, b->len, b->picture.count);
    enum relay_output output = s->facts.output;
    state_set(s, BANNER_UP);
    s->facts.output = output;
    later(b, 0);
}

static bool room_have(struct banner *b)
{
    if (b->len < b->capacity)
        return true;
    size_t capacity = b->capacity ? b->capacity * 2 : FIRST_BYTES;
    uint8_t *bigger = capacity <= BANNER_PICTURE_MAX_BYTES ? realloc(b->bytes, capacity) : NULL;
    if (!bigger)
        return false;
    b->bytes = bigger;
    b->capacity = capacity;
    return true;
}

static void on_picture(uv_poll_t *poll, int status, int events)
{
    struct session *s = poll->data;
    struct banner *b = s->banner;
    ssize_t n = 1;
    (void)events;
    while (n > 0) {
        if (!room_have(b)) {
            give_up(s, "what the lobby painted is too large");
            break;
        }
        n = status < 0 ? 0 : recv(b->fd, b->bytes + b->len, b->capacity - b->len, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        if (n <= 0)
            picture_take(s);
        else
            b->len += (size_t)n;
    }
    session_settle(s);
}

static int poll_open(struct session *s)
{
    struct banner *b = s->banner;
    uv_poll_t *poll = calloc(1, sizeof *poll);
    if (!poll)
        return CE_NOMEM;
    if (uv_poll_init(&s->worker->loop, poll, b->fd)) {
        free(poll);
        return CE_IO;
    }
    poll->data = s;
    b->poll = poll;
    s->open_handles++;
    return uv_poll_start(poll, UV_READABLE, on_picture) ? CE_IO : 0;
}

static void picture_ask(struct session *s)
{
    struct banner *b = s->banner;
    const struct banner_screen on = banner_screen_on(&s->screen, s->facts.share.width, s->facts.share.height);
    struct banner_request request = {
        .width = on.width, .height = on.height, .scale = on.scale_percent, .depth = s->facts.share.depth};
    char bytes[BANNER_MESSAGE_MAX_BYTES];
    size_t len;
    strcpy(request.text, b->message.text);
    b->share = s->facts.share;
    picture_drop(b);
    if (!banner_depth_is_known(request.depth)) {
        give_up(s, "its colour depth is not one that banners are painted for");
    } else if (!s->worker->gateway->lobby || !s->worker->config.gateway_lobby) {
        give_up(s, "the gateway has no lobby to paint it (gateway.lobby)");
    } else if (banner_request_write(&request, bytes, &len) ||
               lobby_link_banner(s->worker->gateway->lobby, bytes, len, &b->fd) || poll_open(s)) {
        give_up(s, "the lobby does not run");
    } else {
        state_set(s, BANNER_PAINTING);
        ask(s, on.left, on.top, AROUND, AROUND);
        later(b, LOOK_MS);
    }
}

/* ---- painting ---- */

/* Whether something may stand between the last whole PDU and the next one now. */
static bool may_insert(struct session *s)
{
    const struct banner *b = s->banner;
    const struct relay_facts *facts = &s->facts;
    if (s->to_client.paused || relay_unsent(&s->to_client) > RELAY_LOW_WATER_BYTES)
        return false;
    return facts->output == OUTPUT_WHOLE ||
           (facts->output == OUTPUT_UNKNOWN && b->asked && now_of(s) - b->since_ms >= QUIET_MS);
}

static size_t tiles_take(const struct banner *b, size_t *at, struct fp_bitmap ret[BITMAPS])
{
    size_t n = 0;
    while (n < BITMAPS && b->next + n < b->picture.count) {
        struct banner_tile t;
        if (banner_tile_next(b->bytes, b->len, at, &t))
            break;
        ret[n++] = (struct fp_bitmap){.x = t.x,
                                      .y = t.y,
                                      .width = t.width,
                                      .height = t.height,
                                      .compressed = (t.flags & BANNER_TILE_COMPRESSED) != 0,
                                      .bytes = t.bytes,
                                      .len = t.len};
    }
    return n;
}

/* One PDU of tiles. False: there is no room for it now. */
static bool tiles_insert(struct session *s)
{
    struct banner *b = s->banner;
    const struct fp_bitmap_share share = {.left = b->left,
                                          .top = b->top,
                                          .depth = b->share.depth,
                                          .fast_path = b->share.fast_path_output,
                                          .no_header = b->share.no_bitmap_header,
                                          .share_id = s->facts.share_id};
    uint8_t out[FP_BITMAP_PDU_MAX_LEN];
    struct fp_bitmap bitmaps[BITMAPS];
    struct writer w = writer_init(out, sizeof out);
    size_t at = b->next ? b->next_at : b->picture.at;
    size_t count = tiles_take(b, &at, bitmaps), taken = fp_bitmap_write(&w, &share, bitmaps, count);
    if (!taken || !writer_ok(&w) || relay_insert(&s->to_client, &s->worker->pool, out, writer_len(&w)))
        return false;
    if (!b->next)
        b->next_at = b->picture.at;
    for (size_t i = 0; i < taken; i++) {
        struct banner_tile t;
        (void)!banner_tile_next(b->bytes, b->len, &b->next_at, &t);
    }
    b->next += (unsigned)taken;
    return true;
}

/* All tiles, or as many as there is room for. */
static void paint(struct session *s)
{
    struct banner *b = s->banner;
    while (b->next < b->picture.count && may_insert(s) && tiles_insert(s))
        if (!s->to_client.blocked && !session_flush(s, &s->front))
            return;
    if (b->next < b->picture.count) {
        later(b, RETRY_MS);
        return;
    }
    b->next = 0;
    b->soon = false;
    b->painted_ms = now_of(s);
    b->painted_bytes = s->to_client.bytes;
    shown(s);
    later(b, REPEAT_MS);
}

static void leave(struct session *s)
{
    struct banner *b = s->banner;
    state_set(s, BANNER_LEAVING);
    b->click.width = b->click.height = 0;
    b->asked = false;
    ask_lines(s);
    later(b, LOOK_MS);
}

/* ---- steps ---- */

static bool is_same_share(const struct share_facts *a, const struct share_facts *b)
{
    return a->width == b->width && a->height == b->height && a->depth == b->depth;
}

static void wait_step(struct session *s)
{
    struct banner *b = s->banner;
    if (b->until_ms && now_of(s) >= b->until_ms) {
        banner_close(s); /* it was seen long enough before the desktop was resized */
    } else if (lobby_is_up(s)) {
        state_set(s, BANNER_LOBBY);
        lobby_message(s, b->message.text);
        if (!session_is_over(s))
            shown(s);
        later(b, LOOK_MS);
    } else if (s->state == VISIT_RELAYING && s->facts.active) {
        picture_ask(s);
    } else {
        later(b, LOOK_MS);
    }
}

static void lobby_step(struct session *s)
{
    struct banner *b = s->banner;
    if (!lobby_is_up(s)) {
        state_set(s, BANNER_WAITING); /* the rest of its time on the desktop */
        later(b, LOOK_MS);
    } else if (now_of(s) >= b->until_ms) {
        lobby_message(s, "");
        banner_close(s);
    } else {
        later(b, LOOK_MS);
    }
}

static void up_step(struct session *s)
{
    struct banner *b = s->banner;
    bool over = b->click.clicked || (b->until_ms && now_of(s) >= b->until_ms);
    if (!s->facts.active || !is_same_share(&b->share, &s->facts.share)) {
        state_set(s, BANNER_WAITING);
        later(b, LOOK_MS);
    } else if (over && !b->next) {
        leave(s);
    } else {
        paint(s);
    }
}

/* A button that went down on the banner may still be held; its release is kept from the guest, too. */
static void leave_step(struct session *s)
{
    struct banner *b = s->banner;
    const uint64_t passed_ms = now_of(s) - b->since_ms;
    if (!b->lines)
        ask_lines(s);
    else if (!b->asked &&
             (b->lines_bytes != s->to_client.bytes || passed_ms >= LINES_MS || !s->facts.share.refresh))
        ask(s, b->left, b->top, b->picture.width, b->picture.height);
    if (b->asked && !b->click.held)
        banner_close(s);
    else
        later(b, RETRY_MS);
}

static void step(struct session *s)
{
    struct banner *b = s->banner;
    uint64_t deadline_ms = states[b->state].deadline_ms;
    if (deadline_ms && now_of(s) - b->since_ms >= deadline_ms) {
        give_up(s, states[b->state].late);
        return;
    }
    switch (b->state) {
    case BANNER_WAITING:
        wait_step(s);
        break;
    case BANNER_LOBBY:
        lobby_step(s);
        break;
    case BANNER_PAINTING:
        later(b, LOOK_MS);
        break;
    case BANNER_UP:
        up_step(s);
        break;
    case BANNER_LEAVING:
        leave_step(s);
        break;
    case BANNER_STATE_COUNT:
        break;
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct session *s = timer->data;
    if (s->banner && !session_is_over(s))
        step(s);
    session_settle(s);
}

void banner_look(struct session *s)
{
    struct banner *b = s->banner;
    if (b->state != BANNER_UP || b->next || b->soon)
        return;
    if (b->click.clicked) {
        leave(s);
    } else if (b->painted_ms && b->painted_bytes != s->to_client.bytes) {
        const uint64_t passed_ms = now_of(s) - b->painted_ms;
        b->soon = true;
        later(b, passed_ms < SOON_MS ? SOON_MS - passed_ms : 0);
    }
}

void banner_order(struct session *s, const struct broker_message *message)
{
    struct banner *old = s->banner;
    if (session_is_over(s))
        return;
    if (old && old->state == BANNER_UP)
        ask(s, old->left, old->top, old->picture.width, old->picture.height);
    if (old)
        tell(s, false, "another message came");
    banner_close(s);
    struct banner *b = calloc(1, sizeof *b);
    if (!b) {
        log_error("No memory for a banner. connection=%u", s->number);
        return;
    }
    b->fd = -1;
    b->message = *message;
    b->since_ms = now_of(s);
    (void)uv_timer_init(&s->worker->loop, &b->timer);
    b->timer.data = s;
    s->open_handles++;
    s->banner = b;
    log_debug("A message is to be shown. connection=%u session=%s order=%lld", s->number, message->session,
              (long long)message->order);
    step(s);
}
