#include "front.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "back.h"
#include "broker_login.h"
#include "front_nla.h"
#include "gateway.h"
#include "lobby_visit.h"
#include "log.h"
#include "login.h"
#include "mcs.h"
#include "proxy_header.h"
#include "session.h"
#include "tls_server.h"
#include "tpkt.h"
#include "worker.h"

enum {
    ANSWER_MAX_BYTES = 1024, /* Connect-Response with 31 channels has less than 250 */
    /* A peer whose PDUs come one by one is read so often in one go, then others have their turn. */
    READS_MAX = 64,
    MCS_RESULT_NO_SUCH_CHANNEL = 6, /* T.125 Result */
};

/* ---- preamble ---- */

static void answer_preamble(struct session *s, const struct writer *w)
{
    /* The socket is fresh and the answer has 19 bytes: what does not fit now never will. */
    if (send(s->front.fd, w->start, writer_len(w), MSG_NOSIGNAL) != (ssize_t)writer_len(w))
        session_fail(s, FAIL_CLIENT_CLOSED, "the answer to its first request could not be sent: %s",
                     strerror(errno));
}

static void preamble_answer(struct session *s)
{
    uint8_t bytes[X224_CONFIRM_MAX_LEN];
    struct writer w = writer_init(bytes, sizeof bytes);
    const struct x224_request *request = &s->login->request;
    uint32_t protocol = request->has_negotiation ? front_nla_choose(s, request->protocols) : RDP_PROTOCOL_RDP;
    if (protocol == RDP_PROTOCOL_RDP) {
        bool nla = front_nla_is_required(s);
        x224_write_failure(&w, nla ? RDP_NEG_HYBRID_REQUIRED_BY_SERVER : RDP_NEG_SSL_REQUIRED_BY_SERVER);
        answer_preamble(s, &w);
        session_fail(s, FAIL_CLIENT_SECURITY, "it offers protocols 0x%x, without %s", request->protocols,
                     nla ? "NLA" : "TLS");
        return;
    }
    s->login->selected_protocol = protocol;
    x224_write_confirm(&w, RDP_NEG_RSP_EXTENDED_CLIENT_DATA | RDP_NEG_RSP_DYNVC_GFX, protocol);
    answer_preamble(s, &w);
    if (session_is_over(s))
        return;
    if (tls_server_accept(s->worker->tls_server, &s->front.tls, s->front.fd))
        session_fail(s, FAIL_INTERNAL, "no memory for TLS");
    else
        session_set_state(s, VISIT_TLS);
}

void front_preamble(struct session *s)
{
    struct login_input *in = &s->login->front_in;
    size_t room = X224_REQUEST_MAX_LEN + 1 + (s->behind_proxy ? PROXY_HEADER_MAX_LEN : 0);
    ssize_t n = recv(s->front.fd, in->bytes + in->len, room - in->len, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        session_fail(s, FAIL_CLIENT_CLOSED, "%s", n ? strerror(errno) : "it closed before its first request");
        return;
    }
    in->len += (uint32_t)n;
    if (s->behind_proxy && !proxies_header_take(s))
        return;
    size_t len;
    int rc = tpkt_frame(in->bytes, in->len, X224_REQUEST_MAX_LEN, &len);
    if (rc == CE_NEED_MORE)
        return;
    if (!rc)
        rc = x224_parse_request(in->bytes, len, &s->login->request);
    if (rc)
        session_fail(s, FAIL_CLIENT_PROTOCOL, "its first bytes are no RDP connection request");
    else if (in->len > len)
        /* TLS starts with our answer: whoever puts bytes before it in clear is not the client, or not RDP. */
        session_fail(s, FAIL_CLIENT_PROTOCOL, "%u bytes in clear behind its request to start TLS",
                     (unsigned)(in->len - len));
    else
        preamble_answer(s);
    in->len = 0;
}

void front_handshake(struct session *s)
{
    enum tls_result result = tls_io_handshake(&s->front.tls);
    s->front.read_wants_write = result == TLS_WANT_WRITE;
    if (result == TLS_OK) {
        histogram_add(&s->worker->gateway->counters.handshake, uv_now(&s->worker->loop) - s->born_ms);
        if (s->login->selected_protocol == RDP_PROTOCOL_SSL) {
            if (session_set_state(s, VISIT_MCS))
                front_mcs(s);
        } else if (session_set_state(s, VISIT_NLA)) {
            front_nla(s);
        }
    } else if (result == TLS_CUT || result == TLS_CLOSED) {
        session_fail(s, FAIL_CLIENT_CLOSED, "during the TLS handshake: %s", tls_io_why(&s->front.tls));
    } else if (result == TLS_FAILED) {
        session_fail(s, FAIL_CLIENT_PROTOCOL, "the TLS handshake failed: %s", tls_io_why(&s->front.tls));
    } else if (s->front.tls.raw_in_bytes > s->worker->config.gateway_max_before_login_bytes) {
        session_fail(s, FAIL_CLIENT_PROTOCOL, "more bytes than gateway.max_before_login before its log-in");
    }
}

/* ---- MCS and GCC ---- */

static void say(struct session *s, const struct writer *w)
{
    if (!writer_ok(w) || relay_say(&s->to_client, &s->worker->pool, w->start, writer_len(w)))
        session_fail(s, FAIL_INTERNAL, "an answer to the client has no room");
}

/* Ids as Windows gives them: some clients do not look at what they get (rdp-notes: 1003, 1004.., then the
 * rest). */
static void ids_assign(struct login *login)
{
    const struct gcc_client *gcc = &login->gcc;
    struct gcc_server *answer = &login->answered;
    uint16_t next = RDP_IO_CHANNEL + 1;
    *answer = (struct gcc_server){.version = GCC_SC_VERSION,
                                  .requested_protocols = login->request.protocols,
                                  .io_channel = RDP_IO_CHANNEL,
                                  .channel_count = gcc->channel_count};
    if (gcc->early_flags & GCC_CS_SUPPORT_SKIP_CHANNELJOIN)
        answer->early_flags |= GCC_SC_SKIP_CHANNELJOIN;
    for (uint32_t i = 0; i < gcc->channel_count; i++)
        answer->channels[i] = next++;
    if (gcc->has_message_channel)
        answer->message_channel = next++;
    login->client_user = next;
}

static void connect_initial(struct session *s, const uint8_t *pdu, size_t len)
{
    struct login *login = s->login;
    struct cursor blocks;
    int rc = mcs_parse_connect_initial(pdu, len, &login->initial);
    if (!rc)
        rc = gcc_parse_request(login->initial.user_data, login->initial.user_data_len, &blocks);
    if (!rc)
        rc = gcc_client_parse(blocks, &login->gcc);
    if (rc || cursor_left(&blocks) > sizeof login->gcc_blocks) {
        session_fail(s, FAIL_CLIENT_PROTOCOL, "its MCS Connect-Initial is not understood");
        return;
    }
    login->gcc_len = (uint32_t)cursor_left(&blocks);
    memcpy(login->gcc_blocks, blocks.at, login->gcc_len);
    login->initial.user_data = NULL;
    login->has_connect_initial = true;
    ids_assign(login);

    uint8_t gcc[ANSWER_MAX_BYTES], user_data[ANSWER_MAX_BYTES], out[ANSWER_MAX_BYTES];
    struct writer g = writer_init(gcc, sizeof gcc), u = writer_init(user_data, sizeof user_data),
                  w = writer_init(out, sizeof out);
    gcc_server_write(&g, &login->answered);
    gcc_write_response(&u, gcc, writer_len(&g));
    mcs_write_connect_response(&w, &(struct mcs_connect_response){.parameters = mcs_response_parameters,
                                                                  .user_data = user_data,
                                                                  .user_data_len = writer_len(&u)});
    say(s, &w);
    log_debug(
        "A client introduces itself. connection=%u peer=%s name=\"%s\" build=%u version=0x%x channels=%u "
        "tls=%s",
        s->number, s->peer, login->gcc.client_name, login->gcc.client_build, login->gcc.version,
        login->gcc.channel_count, tls_io_version(&s->front.tls));
}

static bool channel_is_known(const struct login *login, uint16_t id)
{
    return (id >= RDP_IO_CHANNEL && id <= login->client_user);
}

static void channel_join(struct session *s, const struct mcs_pdu *pdu)
{
    uint8_t out[32];
    struct writer w = writer_init(out, sizeof out);
    uint8_t result = channel_is_known(s->login, pdu->channel_id) ? 0 : MCS_RESULT_NO_SUCH_CHANNEL;
    mcs_write_channel_join_confirm(&w, result, s->login->client_user, pdu->channel_id);
    say(s, &w);
}

/* ---- log-in ---- */

/* A routing token names a pool, where it can be a pool's name. What a balancer leaves there
 * ("1684385034.15629.0000", an address and a port as numbers) is not one. */
static const char *pool_of(const struct x224_request *request)
{
    static const char balance_info[] = "tsv://MS Terminal Services Plugin.1.";
    const char *token = request->routing_token;
    if (!strncmp(token, balance_info, sizeof balance_info - 1)) /* "loadbalanceinfo" of an .rdp file */
        token += sizeof balance_info - 1;
    bool has_letter = false;
    for (const char *c = token; *c; c++)
        has_letter = has_letter || isalpha((unsigned char)*c);
    return has_letter && name_is_valid(token) ? token : NULL;
}

/* After NLA, for guests that want the user's own credentials. */
static void delegated_keep(struct login *login, const struct ticket *ticket)
{
    memcpy(login->user, ticket->delegated.user, sizeof login->user);
    memcpy(login->domain, ticket->delegated.domain, sizeof login->domain);
    login->password = ticket->delegated.password;
}

/* The ticket's long poll, as long as this state may last. */
static void ask_again(struct session *s, const struct ticket *ticket)
{
    uint64_t waited_ms = uv_now(&s->worker->loop) - s->state_since_ms;
    uint64_t limit_ms =
        s->lobby ? s->worker->config.gateway_lobby_wait_ms : s->worker->config.gateway_desktop_wait_ms;
    if (!session_is_over(s) &&
        broker_login_wait(s->login->broker, ticket, waited_ms < limit_ms ? limit_ms - waited_ms : 1))
        session_fail(s, FAIL_BROKER_UNREACHABLE, "the broker could not be asked again");
}

/* A new password that the broker did not ask for again was taken: guests that want the user's own get that one. */
static int answer_settle(struct login *login, const struct broker_login_answer *answer)
{
    bool taken = login->question[0] && login->asked == QUESTION_NEW_PASSWORD && !answer->fail &&
                 !(answer->question && answer->question->ask == QUESTION_NEW_PASSWORD);
    int rc = taken ? secret_set(&login->password, login->answer.bytes, login->answer.len) : 0;
    secret_wipe(&login->answer);
    return rc;
}

/* The password is right, and the broker wants to know more. */
static void question_ask(struct session *s, const struct question *question)
{
    struct login *login = s->login;
    admission_logged_in(s->worker->gateway->admission, &s->hold);
    memcpy(login->question, question->id, sizeof login->question);
    login->asked = question->ask;
    login->question_ms = question->expires_ms;
    broker_login_abandon(&login->broker);
    if (!lobby_question(s, question))
        session_fail(s, FAIL_LOBBY_FAILED, "the broker asks for %s, and no lobby can be shown",
                     question_answer_key(question->ask));
}

static void ticket_take(struct session *s, const struct ticket *ticket)
{
    struct login *login = s->login;
    if (ticket->has_delegated)
        delegated_keep(login, ticket);
    if (s->state == VISIT_LOGIN) {
        admission_logged_in(s->worker->gateway->admission, &s->hold);
        memcpy(s->registered.session, ticket->session, sizeof s->registered.session);
        s->registered.connection = ticket->connection;
        s->registered.worker = s->worker;
        registry_add(&s->worker->gateway->registry, &s->registered);
        log_info("A user was let in. connection=%u session=%s user=%s peer=%s client=\"%s\" ready=%s ms=%llu",
                 s->number, s->registered.session, s->user, s->peer, login->gcc.client_name,
                 ticket->ready ? "yes" : "no",
                 (unsigned long long)(uv_now(&s->worker->loop) - login->login_started_ms));
    }
    if (ticket->ready) {
        login->ticket = *ticket;
        broker_login_abandon(&login->broker);
        if (!lobby_ticket(s))
            back_dial(s);
        return;
    }
    login->ticket.host_away = ticket->host_away;
    if (lobby_progress(s, ticket) || s->state == VISIT_WAITING || session_set_state(s, VISIT_WAITING)) {
        ask_again(s, ticket);
    }
}

static void on_broker(void *arg, const struct broker_login_answer *answer)
{
    struct session *s = arg;
    if (answer->fail || (s->state == VISIT_LOGIN && answer->ticket))
        counter_add(&s->worker->gateway->counters.login_outcomes[answer->fail], 1);
    if (answer_settle(s->login, answer)) {
        session_fail(s, FAIL_INTERNAL, "the new password cannot be kept");
    } else if (answer->fail) {
        if (!lobby_refused(s, answer->fail, answer->detail))
            session_fail(s, answer->fail, "%s", answer->detail);
    } else if (answer->question) {
        question_ask(s, answer->question);
    } else {
        ticket_take(s, answer->ticket);
    }
    session_settle(s);
}

/* From state MCS or FORM with what the client or the person said who it is, from QUESTION with an answer. */
void front_login(struct session *s)
{
    struct login *login = s->login;
    bool begins = !login->question[0];
    if (begins && !login->nla_exchange[0])
        session_note_user(s, login->user);
    if (!session_set_state(s, VISIT_LOGIN))
        return;
    if (begins) {
        login->login_started_ms = uv_now(&s->worker->loop);
        counter_add(&s->worker->gateway->counters.logins, 1);
    }
    struct broker_login_request request = {.can_ask = lobby_can_ask(s),
                                           .question = login->question,
                                           .answer_key = question_answer_key(login->asked),
                                           .answer = &login->answer,
                                           .nla = login->nla_exchange,
                                           .user = login->user,
                                           .domain = login->domain,
                                           .pool = pool_of(&login->request),
                                           .password = &login->password,
                                           .reconnect = &login->reconnect,
                                           .client_address = s->peer,
                                           .client_name = login->gcc.client_name,
                                           .client_build = login->gcc.client_build};
    if (!login->user[0] && !login->nla_exchange[0])
        session_fail(s, FAIL_WRONG_PASSWORD, "it sent no user name");
    else if (broker_login_start(&login->broker, s->worker, &request,
                                s->worker->config.gateway_broker_timeout_ms, on_broker, s))
        session_fail(s, FAIL_BROKER_UNREACHABLE, "the request could not be made");
}

/* Keeps the Client Info without the secrets, for the guest, and the password by itself. */
static int info_keep(struct login *login, const struct mcs_pdu *pdu, const struct client_info *info)
{
    static const struct client_info_guest nobody = {
        .user = "", .password = "", .domain = "", .user_id = MCS_USER_BASE};
    uint8_t bytes[CLIENT_INFO_REWRITTEN_MAX_LEN];
    struct writer w = writer_init(bytes, sizeof bytes);
    struct mcs_pdu rewritten;
    /* After NLA the broker knows who it is; what a client says here does not count. */
    bool counts = !login->nla_exchange[0];
    int rc = counts ? secret_set(&login->password, info->password, strlen(info->password)) : 0;
    if (!rc)
        rc = client_info_rewrite(pdu->data, pdu->data_len, &nobody, &w);
    if (!rc)
        rc = mcs_parse(bytes, writer_len(&w), &rewritten);
    if (rc)
        return rc;
    memcpy(login->info, rewritten.data, rewritten.data_len);
    login->info_len = (uint32_t)rewritten.data_len;
    if (counts) {
        memcpy(login->user, info->user, sizeof login->user);
        memcpy(login->domain, info->domain, sizeof login->domain);
    }
    return 0;
}

static int reconnect_keep(struct login *login, const struct client_info *info)
{
    char text[2 * RECONNECT_VERIFIER_LEN + 1];
    if (!info->has_reconnect_cookie)
        return 0;
    reconnect_verifier_print(info->reconnect_verifier, text);
    int rc = secret_set(&login->reconnect, text, sizeof text - 1);
    secret_wipe_bytes(text, sizeof text);
    return rc;
}

/* A client that brings no password can be asked for one in the lobby. */
static bool has_credentials(const struct login *login)
{
    return login->nla_exchange[0] || (login->user[0] && (login->password.len || login->reconnect.len));
}

static void client_info(struct session *s, const struct mcs_pdu *pdu)
{
    struct client_info info;
    s->client_info_seen = true;
    int rc =
        pdu->channel_id == RDP_IO_CHANNEL ? client_info_parse(pdu->data, pdu->data_len, &info) : CE_BAD_INPUT;
    if (!rc)
        rc = info_keep(s->login, pdu, &info);
    if (!rc)
        rc = reconnect_keep(s->login, &info);
    secret_wipe_bytes(&info, sizeof info);
    if (rc)
        session_fail(s, FAIL_CLIENT_PROTOCOL, "its Client Info is not understood");
    else if (has_credentials(s->login) || !lobby_begin(s, VISIT_FORM))
        front_login(s);
}

static void domain_pdu(struct session *s, const uint8_t *bytes, size_t len)
{
    uint8_t out[32];
    struct writer w = writer_init(out, sizeof out);
    struct mcs_pdu pdu;
    if (mcs_parse(bytes, len, &pdu)) {
        session_fail(s, FAIL_CLIENT_PROTOCOL, "an MCS PDU before its log-in is not understood");
        return;
    }
    switch (pdu.choice) {
    case MCS_ERECT_DOMAIN_REQUEST:
        break;
    case MCS_ATTACH_USER_REQUEST:
        s->login->attached = true;
        mcs_write_attach_user_confirm(&w, 0, s->login->client_user);
        say(s, &w);
        break;
    case MCS_CHANNEL_JOIN_REQUEST:
        channel_join(s, &pdu);
        break;
    case MCS_SEND_DATA_REQUEST:
        if (s->login->attached) {
            client_info(s, &pdu);
            break;
        }
        session_fail(s, FAIL_CLIENT_PROTOCOL, "data before Attach User");
        break;
    case MCS_DISCONNECT_PROVIDER_ULTIMATUM:
        session_fail(s, FAIL_CLIENT_CLOSED, "it disconnected before its log-in");
        break;
    case MCS_ATTACH_USER_CONFIRM:
    case MCS_CHANNEL_JOIN_CONFIRM:
    case MCS_SEND_DATA_INDICATION:
        session_fail(s, FAIL_CLIENT_PROTOCOL, "it speaks like a server");
        break;
    }
}

/* Every whole PDU that is there, until one of them leads to another state. */
static void input_parse(struct session *s)
{
    while (s->state == VISIT_MCS) {
        struct login_input *in = &s->login->front_in;
        size_t len;
        int rc = tpkt_frame(in->bytes, in->len, LOGIN_PDU_MAX_LEN, &len);
        if (rc == CE_NEED_MORE)
            return;
        if (rc) {
            session_fail(s, FAIL_CLIENT_PROTOCOL, "its bytes before the log-in are no MCS");
            return;
        }
        if (s->login->has_connect_initial)
            domain_pdu(s, in->bytes, len);
        else
            connect_initial(s, in->bytes, len);
        secret_wipe_bytes(in->bytes, len); /* the last one had the password */
        login_input_consume(in, len);
    }
}

void front_mcs(struct session *s)
{
    bool emptied = false;
    input_parse(s); /* what came behind the last message of NLA */
    for (unsigned i = 0; s->state == VISIT_MCS && !emptied && i < READS_MAX; i++) {
        struct login_input *in = &s->login->front_in;
        size_t n;
        enum tls_result result =
            tls_io_read(&s->front.tls, in->bytes + in->len, sizeof in->bytes - in->len, &n);
        s->front.read_wants_write = result == TLS_WANT_WRITE;
        emptied = result == TLS_WANT_READ || result == TLS_WANT_WRITE;
        if (emptied)
            break;
        if (result != TLS_OK) {
            session_fail(s, result == TLS_FAILED ? FAIL_CLIENT_PROTOCOL : FAIL_CLIENT_CLOSED,
                         "before its log-in: %s", tls_io_why(&s->front.tls));
            return;
        }
        in->len += (uint32_t)n;
        if (s->front.tls.raw_in_bytes > s->worker->config.gateway_max_before_login_bytes)
            session_fail(s, FAIL_CLIENT_PROTOCOL,
                         "more bytes than gateway.max_before_login before its log-in");
        else
            input_parse(s);
    }
    /* The poll does not tell of records that OpenSSL has read already. */
    if (!session_is_over(s) && session_flush(s, &s->front) && s->state == VISIT_MCS && !emptied)
        worker_eager(s->worker, s);
}

/* ---- refusal ---- */

void front_refuse(struct session *s, enum fail fail)
{
    uint8_t out[RDP_REFUSAL_MAX_LEN];
    struct writer w = writer_init(out, sizeof out);
    uint32_t code = fail_rdp_error(fail);
    if (!s->front.tls.ssl || s->state < VISIT_MCS)
        return;
    /* After the guest's Disconnect Provider Ultimatum there is nothing to add. */
    if (s->facts.seen_by_client & RDP_SEEN_DISCONNECT)
        return;
    if (s->client_info_seen && code) {
        if (!(s->facts.seen_by_client & (RDP_SEEN_LICENCE | RDP_SEEN_DEMAND_ACTIVE)))
            rdp_write_licence_valid_client(&w, RDP_IO_CHANNEL);
        rdp_write_set_error_info(&w, RDP_IO_CHANNEL, s->facts.share_id, code);
    }
    if (s->state > VISIT_MCS || s->login->has_connect_initial)
        mcs_write_disconnect_ultimatum(&w, MCS_REASON_PROVIDER_INITIATED);
    if (writer_ok(&w) && relay_say(&s->to_client, &s->worker->pool, out, writer_len(&w)))
        log_warning("A refusal had no room. connection=%u", s->number);
}
