#include "lobby_visit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "back.h"
#include "broker_login.h"
#include "front.h"
#include "gateway.h"
#include "lobby_link.h"
#include "lobby_pages.h"
#include "log.h"
#include "login.h"
#include "pump.h"
#include "worker.h"

/* ---- what the person did ---- */

/* As a person types it: DOMAIN\user, or a user alone. */
static int credentials_take(struct login *login, const struct lobby_act *act)
{
    const char *backslash = strchr(act->user, '\\'), *user = backslash ? backslash + 1 : act->user;
    size_t domain_len = backslash ? (size_t)(backslash - act->user) : 0;
    if (domain_len >= sizeof login->domain || strlen(user) >= sizeof login->user)
        return CE_LIMIT;
    memcpy(login->domain, act->user, domain_len);
    login->domain[domain_len] = '\0';
    strcpy(login->user, user);
    return secret_set(&login->password, act->secret.bytes, act->secret.len);
}

static void login_act(struct session *s, const struct lobby_act *act)
{
    if (!act->user[0] || credentials_take(s->login, act)) {
        lobby_page_login(s, fail_sentence(FAIL_WRONG_PASSWORD));
        lobby_say(s);
        return;
    }
    lobby_page_moment(s, "Your user name and password are being checked.");
    lobby_say(s);
    front_login(s);
}

static void answer_act(struct session *s, const struct lobby_act *act)
{
    static const char *const moments[QUESTION_ASK_COUNT] = {
        [QUESTION_CODE] = "Your code is being checked.",
        [QUESTION_NEW_PASSWORD] = "Your new password is being set.",
        [QUESTION_POOL] = "Your desktop is being looked for."};
    struct login *login = s->login;
    if (secret_set(&login->answer, act->secret.bytes, act->secret.len)) {
        session_fail(s, FAIL_INTERNAL, "the person's answer is too long");
        return;
    }
    lobby_page_moment(s, moments[login->asked]);
    lobby_say(s);
    front_login(s);
}

/* An act that belongs to no state, or answers a question of before, was on its way while things changed. */
static void act_on(struct session *s, const struct lobby_act *act)
{
    if (act->did == LOBBY_DID_LEAVE) {
        enum fail fault = s->state == VISIT_NOTICE ? s->lobby->fault : FAIL_CANCELLED;
        session_fail(s, fault, "the person left the lobby in state %s", visit_state_name(s->state));
    } else if (act->did == LOBBY_DID_LOGIN && s->state == VISIT_FORM) {
        login_act(s, act);
    } else if (act->did == LOBBY_DID_ANSWER && s->state == VISIT_QUESTION &&
               act->page == s->lobby->shown.page) {
        answer_act(s, act);
    } else {
        log_debug("The lobby answered what nobody asked. connection=%u", s->number);
    }
}

static void on_control(uv_poll_t *poll, int status, int events)
{
    struct session *s = poll->data;
    char bytes[LOBBY_MESSAGE_MAX_BYTES];
    struct lobby_act act;
    (void)events;
    ssize_t n = status < 0 ? 0 : recv(s->lobby->control_fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        session_fail(s, FAIL_LOBBY_FAILED, "the lobby closed its control socket");
    } else if (lobby_act_read(bytes, (size_t)n, &act)) {
        session_fail(s, FAIL_LOBBY_FAILED, "what the lobby says is not understood");
    } else {
        act_on(s, &act);
        secret_wipe(&act.secret);
    }
    secret_wipe_bytes(bytes, sizeof bytes);
    session_settle(s);
}

/* ---- its beginning ---- */

static void on_control_closed(uv_handle_t *handle)
{
    struct session *s = handle->data;
    free(handle);
    session_handle_closed(s);
}

static void control_close(struct session *s)
{
    struct lobby_visit *lobby = s->lobby;
    if (lobby->control)
        uv_close((uv_handle_t *)lobby->control, on_control_closed);
    if (lobby->control_fd >= 0)
        close(lobby->control_fd);
    lobby->control = NULL;
    lobby->control_fd = -1;
}

static int control_open(struct session *s)
{
    struct lobby_visit *lobby = s->lobby;
    uv_poll_t *poll = calloc(1, sizeof *poll);
    if (!poll)
        return CE_NOMEM;
    if (uv_poll_init(&s->worker->loop, poll, lobby->control_fd)) {
        free(poll);
        return CE_IO;
    }
    poll->data = s;
    lobby->control = poll;
    s->open_handles++;
    return uv_poll_start(poll, UV_READABLE, on_control) ? CE_IO : 0;
}

bool lobby_can_ask(const struct session *s)
{
    struct lobby_link *link = s->worker->gateway->lobby;
    return s->lobby || (link && s->worker->config.gateway_lobby && lobby_link_has_room(link));
}

/* Where its first page is set already; STATE follows. */
static bool enter(struct session *s, enum visit_state state)
{
    if (session_set_state(s, state)) {
        if (control_open(s))
            session_fail(s, FAIL_INTERNAL, "the lobby's control socket cannot be polled");
        else
            back_dial_lobby(s);
    }
    return true;
}

/* The two streams, and the room for what is shown. */
static bool lobby_open(struct session *s, bool stranger)
{
    struct lobby_ends ends;
    struct lobby_link *link = s->worker->gateway->lobby;
    if (!link || !s->worker->config.gateway_lobby || s->lobby)
        return false;
    struct lobby_visit *lobby = calloc(1, sizeof *lobby);
    int rc = lobby ? lobby_link_enter(link, stranger, &ends) : CE_NOMEM;
    if (rc) {
        free(lobby);
        log_warning("No lobby can be shown: %s. connection=%u peer=%s", error_name(rc), s->number, s->peer);
        return false;
    }
    s->lobby = lobby;
    lobby->end.fd = -1;
    lobby->stranger = stranger;
    lobby->control_fd = ends.control;
    lobby->to_lobby.direction = RDP_TO_GUEST;
    s->back.fd = ends.rdp;
    return true;
}

bool lobby_begin(struct session *s, enum visit_state state)
{
    if (!lobby_open(s, state == VISIT_FORM))
        return false;
    if (state == VISIT_FORM)
        lobby_page_login(s, NULL);
    else
        lobby_page_moment(s, "Your desktop is starting.");
    return enter(s, state);
}

/* The password was right: it is nobody whom the limit for strangers is for. */
static void known(struct session *s)
{
    if (s->lobby->stranger)
        lobby_link_known(s->worker->gateway->lobby);
    s->lobby->stranger = false;
}

bool lobby_question(struct session *s, const struct question *question)
{
    if (!s->lobby) {
        if (!lobby_open(s, false))
            return false;
        lobby_page_question(s, question);
        return enter(s, VISIT_QUESTION);
    }
    known(s);
    lobby_page_question(s, question);
    if (session_set_state(s, VISIT_QUESTION))
        lobby_say(s);
    return true;
}

/* ---- relayed ---- */

static void on_lobby(uv_poll_t *poll, int status, int events)
{
    struct session *s = poll->data;
    session_event_begin(&s->lobby->end, status, events);
    if (status < 0)
        events = UV_READABLE | UV_WRITABLE;
    if (lobby_is_up(s))
        pump_back(s, events);
    session_settle(s);
}

void lobby_up(struct session *s)
{
    struct login *login = s->login;
    struct lobby_visit *lobby = s->lobby;
    id_map_init(&s->facts.map, login->client_user, login->guest_user, RDP_IO_CHANNEL, login->guest.io_channel,
                login->answered.message_channel, login->guest.message_channel, login->answered.channels,
                login->guest.channels, login->guest.channel_count);
    /* The guest will need session->back. The poll goes along, and calls on_lobby() from its next start on. */
    lobby->end = s->back;
    lobby->end.on_event = on_lobby;
    lobby->end.watched = 0;
    s->back = (struct endpoint){.fd = -1};
    relay_finish(&s->to_guest, &s->worker->pool);
    s->to_guest.blocked = s->to_guest.paused = false;
    lobby->up = true;
    log_info("The lobby is shown. connection=%u session=%s peer=%s state=%s", s->number,
             s->registered.session[0] ? s->registered.session : "-", s->peer, visit_state_name(s->state));
    bool ok = back_carry_over(s, &lobby->to_lobby, &login->front_in) &&
              back_carry_over(s, &s->to_client, &login->back_in);
    login->front_in.len = login->back_in.len = 0;
    login->guest = (struct gcc_server){0};
    lobby_say(s);
    if (ok)
        pump_begin(s);
}

/* A Deactivate All is only understood by a client whose session is active. */
static void dial_when_possible(struct session *s)
{
    struct lobby_visit *lobby = s->lobby;
    if (!lobby->ready || !lobby_is_up(s) || !(s->facts.seen_by_client & RDP_SEEN_FONT_MAP))
        return;
    lobby->ready = false;
    lobby_page_moment(s, "Your desktop is ready. You are being connected.");
    lobby->shown.percent = 100;
    lobby_say(s);
    back_dial(s);
}

void lobby_heard(struct session *s)
{
    if (s->lobby->ready)
        dial_when_possible(s);
}

bool lobby_ticket(struct session *s)
{
    if (!s->lobby)
        return false;
    known(s);
    s->lobby->ready = true;
    if (s->state == VISIT_LOBBY || session_set_state(s, VISIT_LOBBY))
        dial_when_possible(s);
    return true;
}

bool lobby_progress(struct session *s, const struct ticket *ticket)
{
    if (!s->lobby)
        return false;
    known(s);
    lobby_page_starting(s, ticket);
    if ((s->state == VISIT_LOBBY || session_set_state(s, VISIT_LOBBY)) && s->lobby->up)
        lobby_say(s);
    return true;
}

/* To the person, who knows nothing of clients and their deadlines. */
static const char lapsed[] = "That took too long, so you are not logged in. Connect again.";

/* A first try at user and password. Who failed at a question begins anew, with a new connection. */
static bool may_try_again(const struct session *s, enum fail fail)
{
    return (fail == FAIL_WRONG_PASSWORD || fail == FAIL_TOO_MANY_TRIES) && s->state == VISIT_LOGIN &&
           !s->login->question[0];
}

bool lobby_refused(struct session *s, enum fail fail, const char *detail)
{
    if (!lobby_is_up(s))
        return false;
    log_info("The lobby tells why there is no desktop. connection=%u session=%s user=%s peer=%s code=%s "
             "detail=\"%s\"",
             s->number, s->registered.session[0] ? s->registered.session : "-", s->user[0] ? s->user : "-",
             s->peer, fail_code(fail), detail);
    broker_login_abandon(&s->login->broker);
    if (may_try_again(s, fail)) {
        counter_add(&s->worker->gateway->counters.ends[fail], 1);
        secret_wipe(&s->login->password);
        lobby_page_login(s, fail_sentence(fail));
        if (session_set_state(s, VISIT_FORM))
            lobby_say(s);
        return true;
    }
    s->lobby->fault = fail;
    lobby_page_notice(s, fail == FAIL_CLIENT_TIMEOUT ? lapsed
                         : fail_is_limit(fail)       ? ticket_refusal_words(detail, fail)
                                                     : fail_sentence(fail));
    if (session_set_state(s, VISIT_NOTICE))
        lobby_say(s);
    return true;
}

void lobby_message(struct session *s, const char *text)
{
    snprintf(s->lobby->shown.message, sizeof s->lobby->shown.message, "%s", text);
    lobby_say(s);
}

bool lobby_deadline(struct session *s)
{
    if (s->state == VISIT_WAITING &&
        uv_now(&s->worker->loop) - s->state_since_ms < s->worker->config.gateway_lobby_after_ms)
        return false; /* gateway.desktop_wait is shorter */
    if (s->state == VISIT_WAITING)
        return !s->lobby_tried && (s->lobby_tried = true) && lobby_begin(s, VISIT_LOBBY);
    if (s->state == VISIT_LOBBY)
        return lobby_refused(s,
                             s->login->ticket.host_away ? FAIL_HOST_AWAITED : visit_state_timeout(s->state),
                             "no desktop came in time");
    if (s->state == VISIT_QUESTION)
        return lobby_refused(s, visit_state_timeout(s->state),
                             "nobody answered the broker's question in time");
    if (s->state == VISIT_LOGIN)
        return lobby_refused(s, visit_state_timeout(s->state), "the broker did not answer in time");
    if (s->state != VISIT_NOTICE)
        return false;
    session_fail(s, s->lobby->fault, "the reason was shown long enough");
    return true;
}

/* ---- its end ---- */

/* The client may be in the middle of a PDU whose rest is still to come: its beginning goes along, or the
 * stream would be out of step. */
static void beginning_move(struct session *s)
{
    struct relay_dir *from = &s->lobby->to_lobby;
    size_t len = from->tail - from->ready, room;
    uint8_t *at;
    if (!len)
        return;
    if (relay_room(&s->to_guest, &s->worker->pool, &at, &room) || room < len) {
        session_fail(s, FAIL_INTERNAL, "no room for the beginning of a PDU");
        return;
    }
    memcpy(at, from->buffer + from->ready, len);
    s->to_guest.tail += (uint32_t)len;
}

void lobby_leave(struct session *s)
{
    uint8_t out[64];
    struct writer w = writer_init(out, sizeof out);
    rdp_write_deactivate_all(&w, RDP_IO_CHANNEL, s->facts.share_id);
    if (relay_say(&s->to_client, &s->worker->pool, out, writer_len(&w))) {
        session_fail(s, FAIL_INTERNAL, "the switch has no room");
        return;
    }
    beginning_move(s);
    s->facts.seen_by_client &= ~(uint32_t)RDP_SEEN_FONT_MAP;
    s->facts.confirm_due = true;
    lobby_close(s);
}

void lobby_close(struct session *s)
{
    struct lobby_visit *lobby = s->lobby;
    if (!lobby)
        return;
    control_close(s);
    if (lobby->up)
        session_poll_close(&lobby->end);
    relay_finish(&lobby->to_lobby, &s->worker->pool);
    lobby_link_leave(s->worker->gateway->lobby, lobby->stranger);
    free(lobby);
    s->lobby = NULL;
}
