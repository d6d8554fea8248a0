#include "back.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "back_nla.h"
#include "broker_link.h"
#include "gateway.h"
#include "guest_prelude.h"
#include "lobby_visit.h"
#include "log.h"
#include "login.h"
#include "mcs.h"
#include "pump.h"
#include "session.h"
#include "socket_options.h"
#include "tls_client.h"
#include "tpkt.h"
#include "tsrequest.h"
#include "worker.h"

enum { GUEST_NAME_SIZE = 192 };

static void on_event(uv_poll_t *poll, int status, int events);

/* ---- what is said ---- */

static void say(struct session *s, const struct writer *w)
{
    if (!writer_ok(w) || relay_say(&s->to_guest, &s->worker->pool, w->start, writer_len(w)))
        session_fail(s, FAIL_INTERNAL, "a request to the guest has no room");
}

static void say_request(struct session *s)
{
    uint8_t out[X224_REQUEST_MAX_LEN];
    struct writer w = writer_init(out, sizeof out);
    x224_write_request(&w, NULL, NULL, 0,
                       lobby_is_dialling(s) ? RDP_PROTOCOL_SSL : back_nla_offer(&s->login->ticket));
    if (send(s->back.fd, out, writer_len(&w), MSG_NOSIGNAL) != (ssize_t)writer_len(&w))
        session_fail(s, FAIL_GUEST_UNREACHABLE, "the first request could not be sent: %s", strerror(errno));
    s->login->step = BACK_CONFIRM;
}

static void say_connect_initial(struct session *s)
{
    struct login *login = s->login;
    struct gcc_guest_rules rules = {.selected_protocol = login->guest_protocol};
    uint8_t blocks[LOGIN_PDU_MAX_LEN + 64], request[LOGIN_PDU_MAX_LEN + 128], out[LOGIN_PDU_MAX_LEN + 256];
    struct writer b = writer_init(blocks, sizeof blocks), r = writer_init(request, sizeof request),
                  w = writer_init(out, sizeof out);
    if (!lobby_is_dialling(s) && !session_policy_dial(s, &rules))
        return;
    if (gcc_rewrite_for_guest(cursor_init(login->gcc_blocks, login->gcc_len), &rules, &b)) {
        session_fail(s, FAIL_INTERNAL, "the client's settings cannot be replayed");
        return;
    }
    gcc_write_request(&r, blocks, writer_len(&b));
    struct mcs_connect_initial initial = login->initial;
    initial.user_data = request;
    initial.user_data_len = writer_len(&r);
    mcs_write_connect_initial(&w, &initial);
    say(s, &w);
    login->step = BACK_RESPONSE;
}

static void say_attach(struct session *s)
{
    uint8_t out[64];
    struct writer w = writer_init(out, sizeof out);
    mcs_write_erect_domain_request(&w);
    mcs_write_attach_user_request(&w);
    say(s, &w);
    s->login->step = BACK_ATTACH;
}

/* All joins in one write; the confirms come in the same order and are only counted. */
static void say_joins(struct session *s)
{
    uint8_t out[(GCC_CHANNELS_MAX + 3) * 16];
    struct writer w = writer_init(out, sizeof out);
    struct login *login = s->login;
    const struct gcc_server *guest = &login->guest;
    mcs_write_channel_join_request(&w, login->guest_user, login->guest_user);
    mcs_write_channel_join_request(&w, login->guest_user, guest->io_channel);
    login->joins_awaited = 2;
    for (uint32_t i = 0; i < guest->channel_count; i++) {
        if (guest->channels[i]) {
            mcs_write_channel_join_request(&w, login->guest_user, guest->channels[i]);
            login->joins_awaited++;
        }
    }
    if (guest->message_channel) {
        mcs_write_channel_join_request(&w, login->guest_user, guest->message_channel);
        login->joins_awaited++;
    }
    say(s, &w);
    login->step = BACK_JOIN;
}

static struct client_info_guest credentials_of(const struct login *login)
{
    struct client_info_guest guest = {.user = "",
                                      .password = "",
                                      .domain = "",
                                      .user_id = login->guest_user,
                                      .io_channel = login->guest.io_channel};
    switch (login->ticket.connect.credentials) {
    case TICKET_CARREL:
        guest.user = login->ticket.connect.user;
        guest.password = login->ticket.connect.password.bytes;
        guest.domain = login->ticket.connect.domain;
        guest.autologon = true;
        break;
    case TICKET_USER:
        guest.user = login->user;
        guest.password = login->password.bytes;
        guest.domain = login->domain;
        guest.autologon = true;
        break;
    case TICKET_PROMPT:
        break;
    }
    return guest;
}

static void say_client_info(struct session *s)
{
    uint8_t out[CLIENT_INFO_REWRITTEN_MAX_LEN];
    struct writer w = writer_init(out, sizeof out);
    struct client_info_guest guest = credentials_of(s->login);
    int rc = client_info_rewrite(s->login->info, s->login->info_len, &guest, &w);
    if (rc)
        session_fail(s, FAIL_INTERNAL, "the guest's credentials do not fit a Client Info: %s",
                     error_name(rc));
    else
        say(s, &w);
    s->to_guest.secret = true;
    secret_wipe_bytes(out, sizeof out);
    s->login->step = BACK_ANSWER;
}

/* ---- the relay begins ---- */

bool back_carry_over(struct session *s, struct relay_dir *dir, const struct login_input *in)
{
    uint8_t *at;
    size_t room;
    if (!in->len)
        return true;
    if (relay_room(dir, &s->worker->pool, &at, &room) || room < in->len) {
        session_fail(s, FAIL_INTERNAL, "no room for what came early");
        return false;
    }
    memcpy(at, in->bytes, in->len);
    if (relay_arrived(dir, in->len, &s->facts)) {
        session_fail(s, dir == &s->to_guest ? FAIL_CLIENT_PROTOCOL : FAIL_GUEST_PROTOCOL,
                     "what came first behind the log-in is no RDP");
        return false;
    }
    return true;
}

static void map_make(const struct login *login, struct id_map *ret)
{
    id_map_init(ret, login->client_user, login->guest_user, RDP_IO_CHANNEL, login->guest.io_channel,
                login->answered.message_channel, login->guest.message_channel, login->answered.channels,
                login->guest.channels, login->guest.channel_count);
}

static void relay_begin(struct session *s)
{
    struct login *login = s->login;
    char digest[SECRET_DIGEST_SIZE], shown[TLS_FINGERPRINT_SIZE] = "";
    if (!session_set_state(s, VISIT_RELAYING))
        return;
    /* The broker remembers the first certificate of a machine that nobody named one for. */
    if (!login->ticket.connect.fingerprint[0] && tls_io_peer_fingerprint(&s->back.tls, shown))
        shown[0] = '\0';
    map_make(login, &s->facts.map);
    session_policy_begin(s);
    char denied[REASON_SIZE];
    session_policy_denied(s, denied, sizeof denied);
    counter_add(&s->worker->gateway->counters.relays, 1);
    histogram_add(&s->worker->gateway->counters.login, uv_now(&s->worker->loop) - login->login_started_ms);
    reconnect_draw(s, digest);
    broker_link_report(s->worker->gateway->link,
                       &(struct broker_report){.session = s->registered.session,
                                               .connection = s->registered.connection,
                                               .reconnect = digest,
                                               .denied = denied,

                                               .guest_fingerprint = shown});
    log_info("The session reached its desktop. connection=%u session=%s user=%s desktop=%s guest=%s:%u "
             "tls=%s ms=%llu",
             s->number, s->registered.session, s->user, login->ticket.connect.desktop,
             login->ticket.connect.address, login->ticket.connect.port, tls_io_version(&s->back.tls),
             (unsigned long long)(uv_now(&s->worker->loop) - login->login_started_ms));
    banner_screen_note(&s->screen, &login->gcc);
    if (s->lobby)
        lobby_leave(s);
    bool ok = back_carry_over(s, &s->to_guest, &login->front_in) &&
              back_carry_over(s, &s->to_client, &login->back_in);
    login_destroy(&s->login);
    if (ok && !session_is_over(s))
        pump_begin(s);
}

/* The client looks at the lobby: what it must not see twice is answered for it, until the guest's Demand Active
 * is there. */
static void prelude_hear(struct session *s)
{
    struct login_input *in = &s->login->back_in;
    struct id_map map;
    map_make(s->login, &map);
    while (s->state == VISIT_DIALLING && in->len) {
        uint8_t out[PRELUDE_ANSWER_MAX_LEN];
        struct writer w = writer_init(out, sizeof out);
        enum guest_prelude heard = PRELUDE_GOES_ON;
        size_t len;
        int rc = tpkt_frame(in->bytes, in->len, LOGIN_PDU_MAX_LEN, &len);
        if (rc == CE_NEED_MORE)
            return;
        if (!rc)
            rc = guest_prelude_hear(&map, in->bytes, len, &w, &heard, &s->facts.error_info);
        if (rc)
            session_fail(s, FAIL_GUEST_PROTOCOL, "the guest's bytes before its Demand Active are no RDP");
        else if (heard == PRELUDE_OVER)
            session_fail(s, FAIL_GUEST_CLOSED, "the guest refused the log-in, error info 0x%x",
                         s->facts.error_info);
        else if (heard == PRELUDE_ACTIVE)
            relay_begin(s);
        else {
            login_input_consume(in, len);
            if (writer_len(&w))
                say(s, &w);
        }
    }
}

/* ---- what is heard ---- */

static void connect_response(struct session *s, const uint8_t *pdu, size_t len)
{
    struct login *login = s->login;
    struct mcs_connect_response response;
    struct cursor blocks;
    int rc = mcs_parse_connect_response(pdu, len, &response);
    if (!rc && response.result != 0) {
        session_fail(s, FAIL_GUEST_PROTOCOL, "the guest refused the MCS connection with result %u",
                     response.result);
        return;
    }
    if (!rc)
        rc = gcc_parse_response(response.user_data, response.user_data_len, &blocks);
    if (!rc)
        rc = gcc_server_parse(blocks, &login->guest);
    if (rc)
        session_fail(s, FAIL_GUEST_PROTOCOL, "the guest's MCS Connect-Response is not understood");
    else if (login->guest.encryption_method != 0)
        session_fail(s, FAIL_GUEST_PROTOCOL, "the guest wants standard RDP encryption inside TLS");
    else if (login->guest.channel_count > login->gcc.channel_count)
        session_fail(s, FAIL_GUEST_PROTOCOL, "the guest answered %u channels to %u",
                     login->guest.channel_count, login->gcc.channel_count);
    else
        say_attach(s);
}

static void attach_confirm(struct session *s, const struct mcs_pdu *pdu)
{
    struct login *login = s->login;
    if (pdu->choice != MCS_ATTACH_USER_CONFIRM || pdu->result != 0) {
        session_fail(s, FAIL_GUEST_PROTOCOL, "the guest did not confirm Attach User (choice %d, result %u)",
                     (int)pdu->choice, pdu->result);
        return;
    }
    login->guest_user = pdu->user_id;
    /* The guest saw the client's own flags, so both have agreed when the guest has. */
    if ((login->guest.early_flags & GCC_SC_SKIP_CHANNELJOIN) &&
        (login->gcc.early_flags & GCC_CS_SUPPORT_SKIP_CHANNELJOIN))
        say_client_info(s);
    else
        say_joins(s);
}

static void join_confirm(struct session *s, const struct mcs_pdu *pdu)
{
    if (pdu->choice != MCS_CHANNEL_JOIN_CONFIRM || pdu->result != 0)
        session_fail(s, FAIL_GUEST_PROTOCOL, "the guest did not confirm a channel (choice %d, result %u)",
                     (int)pdu->choice, pdu->result);
    else if (--s->login->joins_awaited == 0)
        say_client_info(s);
}

static void pdu_heard(struct session *s, const uint8_t *bytes, size_t len)
{
    struct mcs_pdu pdu;
    if (s->login->step == BACK_RESPONSE) {
        connect_response(s, bytes, len);
        return;
    }
    if (mcs_parse(bytes, len, &pdu))
        session_fail(s, FAIL_GUEST_PROTOCOL, "an MCS PDU of the guest is not understood");
    else if (s->login->step == BACK_ATTACH)
        attach_confirm(s, &pdu);
    else
        join_confirm(s, &pdu);
}

/* With a guest, or with the lobby before it is shown. */
static bool talks(const struct session *s)
{
    return s->state == VISIT_DIALLING || (lobby_is_dialling(s) && !session_is_over(s));
}

static void input_parse(struct session *s)
{
    while (talks(s) && s->login->step != BACK_ANSWER) {
        struct login_input *in = &s->login->back_in;
        size_t len;
        bool nla = s->login->step == BACK_NLA;
        int rc = nla ? tsrequest_frame(in->bytes, in->len, &len)
                     : tpkt_frame(in->bytes, in->len, LOGIN_PDU_MAX_LEN, &len);
        if (rc == CE_NEED_MORE)
            return;
        if (rc) {
            session_fail(s, FAIL_GUEST_PROTOCOL, "the guest's bytes are no %s", nla ? "CredSSP" : "MCS");
            return;
        }
        if (!nla)
            pdu_heard(s, in->bytes, len);
        else if (back_nla_heard(s, in->bytes, len))
            say_connect_initial(s);
        login_input_consume(in, len);
    }
    if (!talks(s) || !s->login->back_in.len)
        return;
    if (lobby_is_dialling(s))
        lobby_up(s);
    else if (s->lobby)
        prelude_hear(s);
    else
        relay_begin(s);
}

static void read_mcs(struct session *s)
{
    const int fd = s->back.fd; /* the lobby's is put aside when it is shown */
    while (talks(s) && s->back.fd == fd) {
        struct login_input *in = &s->login->back_in;
        size_t n;
        enum tls_result result =
            tls_io_read(&s->back.tls, in->bytes + in->len, sizeof in->bytes - in->len, &n);
        s->back.read_wants_write = result == TLS_WANT_WRITE;
        if (result == TLS_WANT_READ || result == TLS_WANT_WRITE)
            break;
        if (result != TLS_OK) {
            session_fail(s, FAIL_GUEST_PROTOCOL, "the guest ended the connection sequence: %s",
                         tls_io_why(&s->back.tls));
            return;
        }
        in->len += (uint32_t)n;
        input_parse(s);
    }
    if (talks(s) && s->back.fd == fd)
        (void)session_flush(s, &s->back);
}

/* What makes a guest the same guest for TLS: address and certificate. */
static void guest_name(const struct session *s, char ret[GUEST_NAME_SIZE])
{
    const struct ticket *ticket = &s->login->ticket;
    snprintf(ret, GUEST_NAME_SIZE, "%s %u %s", ticket->connect.address, ticket->connect.port,
             ticket->connect.fingerprint);
}

static int tls_open(struct session *s)
{
    char name[GUEST_NAME_SIZE];
    if (lobby_is_dialling(s)) {
        tls_io_open_plain(&s->back.tls, s->back.fd);
        return 0;
    }
    guest_name(s, name);
    return tls_client_connect(s->worker->tls_client, &s->back.tls, s->back.fd, name);
}

static void sequence_begin(struct session *s)
{
    if (s->login->guest_protocol == RDP_PROTOCOL_HYBRID)
        back_nla_begin(s);
    else
        say_connect_initial(s);
    if (!session_is_over(s) && session_flush(s, &s->back))
        read_mcs(s);
}

static void handshake(struct session *s)
{
    char fingerprint[TLS_FINGERPRINT_SIZE];
    const char *expected = s->login->ticket.connect.fingerprint;
    enum tls_result result = tls_io_handshake(&s->back.tls);
    s->back.read_wants_write = result == TLS_WANT_WRITE;
    if (result == TLS_WANT_READ || result == TLS_WANT_WRITE)
        return;
    if (result != TLS_OK) {
        char name[GUEST_NAME_SIZE];
        guest_name(s, name);
        tls_client_forget(s->worker->tls_client, name);
        session_fail(s, FAIL_GUEST_PROTOCOL, "the TLS handshake with the guest failed: %s",
                     tls_io_why(&s->back.tls));
        return;
    }
    if (*expected &&
        (tls_io_peer_fingerprint(&s->back.tls, fingerprint) || strcmp(fingerprint, expected) != 0)) {
        session_fail(s, FAIL_GUEST_MISTRUSTED,
                     "the guest's certificate is not the one that was read inside it");
        return;
    }
    sequence_begin(s);
}

static void confirm(struct session *s)
{
    struct login_input *in = &s->login->back_in;
    struct x224_confirm answer;
    size_t len;
    ssize_t n = recv(s->back.fd, in->bytes + in->len, X224_CONFIRM_MAX_LEN + 1 - in->len, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        session_fail(s, FAIL_GUEST_UNREACHABLE, "no answer to the first request: %s",
                     n ? strerror(errno) : "the guest closed the connection");
        return;
    }
    in->len += (uint32_t)n;
    int rc = tpkt_frame(in->bytes, in->len, X224_CONFIRM_MAX_LEN, &len);
    if (rc == CE_NEED_MORE)
        return;
    if (!rc)
        rc = x224_parse_confirm(in->bytes, len, &answer);
    if (rc || in->len != len)
        session_fail(s, FAIL_GUEST_PROTOCOL, "the guest's X.224 answer is not understood");
    else if (answer.failed)
        session_fail(s, FAIL_GUEST_PROTOCOL, "the guest refused what was offered with code %u",
                     answer.failure_code);
    else if (!answer.has_negotiation || !back_nla_may_choose(&s->login->ticket, answer.protocol))
        session_fail(s, FAIL_GUEST_PROTOCOL, "the guest chose protocol 0x%x, which its pool does not take",
                     answer.protocol);
    else if (tls_open(s))
        session_fail(s, FAIL_INTERNAL, "no memory for TLS");
    if (session_is_over(s))
        return;
    in->len = 0;
    s->login->guest_protocol = answer.protocol;
    s->login->step = BACK_TLS;
    if (lobby_is_dialling(s))
        sequence_begin(s);
    else
        handshake(s);
}

static void connected(struct session *s)
{
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(s->back.fd, SOL_SOCKET, SO_ERROR, &error, &len))
        error = errno;
    if (error)
        session_fail(s, FAIL_GUEST_UNREACHABLE, "%s:%u: %s", s->login->ticket.connect.address,
                     s->login->ticket.connect.port, strerror(error));
    else
        say_request(s);
}

static void dialling_event(struct session *s)
{
    switch (s->login->step) {
    case BACK_CONNECT:
        connected(s);
        break;
    case BACK_CONFIRM:
        confirm(s);
        break;
    case BACK_TLS:
        handshake(s);
        break;
    case BACK_NLA:
    case BACK_RESPONSE:
    case BACK_ATTACH:
    case BACK_JOIN:
    case BACK_ANSWER:
        if (session_flush(s, &s->back))
            read_mcs(s);
        break;
    }
}

static void on_event(uv_poll_t *poll, int status, int events)
{
    struct session *s = poll->data;
    session_event_begin(&s->back, status, events);
    if (status < 0)
        events = UV_READABLE | UV_WRITABLE;
    if (talks(s))
        dialling_event(s);
    else if (s->state == VISIT_RELAYING)
        pump_back(s, events);
    session_settle(s);
}

/* ---- dialling ---- */

/* Addresses only: a name would have to be looked up, and the broker knows the address. */
static int address_make(const struct ticket *ticket, struct sockaddr_storage *ret, socklen_t *ret_len)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(ticket->connect.port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(ticket->connect.port)};
    if (inet_pton(AF_INET, ticket->connect.address, &in.sin_addr) == 1) {
        memcpy(ret, &in, sizeof in);
        *ret_len = sizeof in;
        return 0;
    }
    if (inet_pton(AF_INET6, ticket->connect.address, &in6.sin6_addr) == 1) {
        memcpy(ret, &in6, sizeof in6);
        *ret_len = sizeof in6;
        return 0;
    }
    return CE_BAD_INPUT;
}

void back_dial(struct session *s)
{
    struct sockaddr_storage address = {0};
    socklen_t len;
    const struct ticket *ticket = &s->login->ticket;
    if (ticket->connect.credentials != TICKET_USER)
        secret_wipe(&s->login->password);
    if (!session_set_state(s, VISIT_DIALLING))
        return;
    if (address_make(ticket, &address, &len)) {
        session_fail(s, FAIL_GUEST_UNREACHABLE, "'%s' is no IP address", ticket->connect.address);
        return;
    }
    s->back.fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->back.fd < 0) {
        session_fail(s, FAIL_INTERNAL, "no socket for the guest: %s", strerror(errno));
        return;
    }
    socket_options_set(s->back.fd);
    s->login->step = BACK_CONNECT;
    if (connect(s->back.fd, (const struct sockaddr *)&address, len) && errno != EINPROGRESS) {
        session_fail(s, FAIL_GUEST_UNREACHABLE, "%s:%u: %s", ticket->connect.address, ticket->connect.port,
                     strerror(errno));
        return;
    }
    if (session_poll_open(s, &s->back, on_event))
        session_fail(s, FAIL_INTERNAL, "the guest's socket cannot be polled");
}

void back_dial_lobby(struct session *s)
{
    s->login->step = BACK_CONNECT; /* it is connected: the first event says so */
    if (session_poll_open(s, &s->back, on_event))
        session_fail(s, FAIL_INTERNAL, "the lobby's socket cannot be polled");
}
