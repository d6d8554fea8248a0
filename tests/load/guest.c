#include "guest.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "activation.h"
#include "gcc.h"
#include "gcc_client.h"
#include "gcc_server.h"
#include "load_tls.h"
#include "mcs.h"
#include "mcs_ber.h"
#include "rdp_pdu.h"
#include "tpkt.h"
#include "traffic.h"
#include "x224.h"

enum {
    SENTENCE_MAX_LEN = 2048,
    BACKLOG = 4096,
    ACCEPTS_MAX = 64,
    POUR_BYTES = 128 * 1024, /* in one go, then others have their turn */
    FIRST_CHANNEL = 1004,
};

static struct guest_peer *peer_of(struct wire *w)
{
    return (struct guest_peer *)(void *)((char *)w - offsetof(struct guest_peer, wire));
}

static void fail(struct guest_peer *p, const char *why)
{
    p->guest->broken++;
    snprintf(p->guest->why, sizeof p->guest->why, "%s", why);
    wire_end(&p->wire, false);
}

static void say(struct guest_peer *p, const struct writer *w)
{
    if (!writer_ok(w))
        fail(p, "a PDU of the guest has no room");
    else
        wire_send(&p->wire, w->start, writer_len(w));
}

/* ---- traffic ---- */

bool guest_output(struct guest_peer *p, uint32_t len, uint32_t tag)
{
    static uint8_t pdu[TRAFFIC_OUTPUT_MAX];
    if (p->step != GUEST_ACTIVE || p->leaving || p->wire.over ||
        (tag == TRAFFIC_NO_TAG && wire_is_full(&p->wire)))
        return false;
    traffic_write_output(pdu, len, p->outputs++, tag);
    p->guest->outputs++;
    wire_send(&p->wire, pdu, len);
    return true;
}

static void pour(struct guest_peer *p)
{
    uint32_t every = p->guest->pour_every, poured = 0;
    uint32_t len = every && p->number % every ? 0 : p->guest->pour_len;
    while (len && poured < POUR_BYTES && guest_output(p, len, TRAFFIC_NO_TAG))
        poured += len;
    /* Where the socket took all of it, an empty poll for writing brings us back. */
    wire_want_drained(&p->wire, len && poured >= POUR_BYTES);
}

void guest_pour(struct guest *g, uint32_t len)
{
    g->pour_len = len;
    list_for_each_safe (at, &g->peers)
        pour(list_entry(at, struct guest_peer, link));
}

void guest_play(struct guest_peer *p, uint64_t passed_ns)
{
    static uint8_t pdu[RECORDING_BYTES_MAX + 64];
    const struct recording_event *event;
    uint64_t due_ns;
    while (p->step == GUEST_ACTIVE && !p->leaving && !p->wire.over && !wire_is_full(&p->wire) &&
           (event = player_due(&p->player, passed_ns, &due_ns))) {
        struct writer w = writer_init(pdu, sizeof pdu);
        recording_write_pdu(&w, event, &p->ids, true);
        player_said(&p->player);
        p->outputs++;
        p->guest->outputs++;
        hist_record(p->guest->config.late, passed_ns - due_ns);
        say(p, &w);
    }
}

void guest_leave(struct guest_peer *p)
{
    p->leaving = true;
    wire_farewell(&p->wire);
}

/* ---- the connection sequence ---- */

static void became_active(struct guest_peer *p)
{
    p->step = GUEST_ACTIVE;
    p->guest->active++;
    pour(p);
}

static void heard_request(struct guest_peer *p, const uint8_t *pdu, size_t len)
{
    struct x224_request request;
    uint8_t out[X224_CONFIRM_MAX_LEN];
    struct writer w = writer_init(out, sizeof out);
    if (x224_parse_request(pdu, len, &request)) {
        fail(p, "its X.224 request is not understood");
        return;
    }
    if (!(request.protocols & RDP_PROTOCOL_SSL)) { /* a probe: a refusal is what it wants to hear */
        x224_write_failure(&w, RDP_NEG_SSL_REQUIRED_BY_SERVER);
        say(p, &w);
        wire_end(&p->wire, false);
        return;
    }
    x224_write_confirm(&w, RDP_NEG_RSP_EXTENDED_CLIENT_DATA, RDP_PROTOCOL_SSL);
    p->step = GUEST_TLS;
    say(p, &w);
    if (!p->wire.over)
        wire_secure(&p->wire, p->guest->config.tls, true);
}

/* What client.c calls itself. */
static void name_read(struct guest_peer *p, const char *name)
{
    unsigned number, visit;
    if (sscanf(name, "l%7u%7u", &number, &visit) != 2)
        return;
    p->number = number;
    p->visit = visit;
}

static void heard_initial(struct guest_peer *p, const uint8_t *pdu, size_t len)
{
    struct mcs_connect_initial initial;
    struct gcc_client client;
    struct cursor blocks;
    uint8_t gcc[512], user_data[640], out[1024];
    struct writer g = writer_init(gcc, sizeof gcc), u = writer_init(user_data, sizeof user_data),
                  w = writer_init(out, sizeof out);
    if (mcs_parse_connect_initial(pdu, len, &initial) ||
        gcc_parse_request(initial.user_data, initial.user_data_len, &blocks) ||
        gcc_client_parse(blocks, &client)) {
        fail(p, "its MCS Connect-Initial is not understood");
        return;
    }
    name_read(p, client.client_name);
    struct gcc_server answer = {.version = GCC_SC_VERSION,
                                .requested_protocols = RDP_PROTOCOL_SSL,
                                .io_channel = RDP_IO_CHANNEL,
                                .channel_count = client.channel_count};
    for (uint32_t i = 0; i < client.channel_count; i++)
        answer.channels[i] = (uint16_t)(FIRST_CHANNEL + i);
    p->user_id = (uint16_t)(FIRST_CHANNEL + client.channel_count + 3); /* not the one that a gateway gives */
    p->ids = (struct recording_ids){.user_id = RDP_SERVER_USER_ID,
                                    .io_channel = RDP_IO_CHANNEL,
                                    .share_id = ACTIVATION_SHARE_ID,
                                    .channel_count = answer.channel_count};
    memcpy(p->ids.channels, answer.channels, sizeof p->ids.channels);
    gcc_server_write(&g, &answer);
    gcc_write_response(&u, gcc, writer_len(&g));
    mcs_write_connect_response(&w, &(struct mcs_connect_response){.parameters = mcs_response_parameters,
                                                                  .user_data = user_data,
                                                                  .user_data_len = writer_len(&u)});
    p->step = GUEST_DOMAIN;
    say(p, &w);
}

static void heard_info(struct guest_peer *p, const uint8_t *bytes, size_t len)
{
    uint8_t out[SENTENCE_MAX_LEN];
    struct writer w = writer_init(out, sizeof out);
    struct activation_pdu pdu;
    if (activation_parse(bytes, len, &pdu) || pdu.kind != ACTIVATION_INFO) {
        fail(p, "a Client Info was expected");
        return;
    }
    activation_write_demand(&w, RDP_IO_CHANNEL);
    p->step = GUEST_CONFIRM;
    say(p, &w);
}

static void heard_domain(struct guest_peer *p, const uint8_t *bytes, size_t len)
{
    uint8_t out[64];
    struct writer w = writer_init(out, sizeof out);
    struct mcs_pdu pdu;
    if (mcs_parse(bytes, len, &pdu)) {
        fail(p, "an MCS PDU is not understood");
    } else if (pdu.choice == MCS_ATTACH_USER_REQUEST) {
        mcs_write_attach_user_confirm(&w, 0, p->user_id);
        say(p, &w);
    } else if (pdu.choice == MCS_CHANNEL_JOIN_REQUEST) {
        mcs_write_channel_join_confirm(&w, 0, p->user_id, pdu.channel_id);
        say(p, &w);
    } else if (pdu.choice == MCS_SEND_DATA_REQUEST) {
        heard_info(p, bytes, len);
    } else if (pdu.choice != MCS_ERECT_DOMAIN_REQUEST) {
        fail(p, "an MCS PDU came out of order");
    }
}

static void heard_confirm(struct guest_peer *p, const uint8_t *bytes, size_t len)
{
    uint8_t out[SENTENCE_MAX_LEN];
    struct writer w = writer_init(out, sizeof out);
    struct activation_pdu pdu;
    if (bytes[0] != TPKT_VERSION)
        return; /* input before the Font Map: real clients do that too */
    if (activation_parse(bytes, len, &pdu)) {
        fail(p, "a PDU of the activation is not understood");
    } else if (pdu.kind == ACTIVATION_FONT_LIST) {
        activation_write_finish(&w, RDP_IO_CHANNEL, p->user_id);
        say(p, &w);
        became_active(p);
    }
}

static void heard_input(struct guest_peer *p, const uint8_t *bytes, size_t len)
{
    uint32_t tag;
    struct recording_event event;
    if (p->guest->config.lenient)
        return;
    if (p->player.recording && !recording_strip(bytes, len, &p->ids, &event)) {
        if (player_hear(&p->player, &event)) {
            fail(p, "bytes were lost or altered on the way to the guest");
            return;
        }
        p->inputs++;
        p->guest->inputs++;
        p->guest->input_bytes += len;
        return;
    }
    if (bytes[0] == TPKT_VERSION)
        return;
    if (traffic_check_input(bytes, len, &tag) || tag != p->inputs + 1) {
        fail(p, "bytes were lost or altered on the way to the guest");
        return;
    }
    p->inputs = tag;
    p->guest->inputs++;
    p->guest->input_bytes += len;
    (void)guest_output(p, p->guest->config.answer_len, tag);
}

static void on_pdu(struct wire *w, const uint8_t *bytes, size_t len)
{
    struct guest_peer *p = peer_of(w);
    switch (p->step) {
    case GUEST_REQUEST:
        heard_request(p, bytes, len);
        break;
    case GUEST_INITIAL:
        heard_initial(p, bytes, len);
        break;
    case GUEST_DOMAIN:
        heard_domain(p, bytes, len);
        break;
    case GUEST_CONFIRM:
        heard_confirm(p, bytes, len);
        break;
    case GUEST_ACTIVE:
        heard_input(p, bytes, len);
        break;
    case GUEST_TLS:
        fail(p, "bytes before their time");
        break;
    }
}

/* ---- life ---- */

static void on_secured(struct wire *w)
{
    struct guest_peer *p = peer_of(w);
    p->guest->resumed += load_tls_resumed(w->tls.ssl);
    if (p->guest->config.rdp)
        p->step = GUEST_INITIAL;
    else
        became_active(p);
}

static void on_drained(struct wire *w)
{
    pour(peer_of(w));
}

static void on_ended(struct wire *w, const char *why)
{
    (void)w;
    (void)why; /* the client's side of the session tells what happened */
}

static void on_closed(struct wire *w)
{
    struct guest_peer *p = peer_of(w);
    if (p->step == GUEST_ACTIVE)
        p->guest->active--;
    list_remove(&p->link);
    free(p);
}

static const struct wire_events wire_events = {
    .secured = on_secured, .pdu = on_pdu, .drained = on_drained, .ended = on_ended, .closed = on_closed};

static void adopt(struct guest *g, int fd)
{
    struct guest_peer *p = calloc(1, sizeof *p);
    if (!p) {
        close(fd);
        return;
    }
    if (wire_adopt(&p->wire, g->config.shared, fd, &wire_events)) {
        free(p);
        return;
    }
    p->guest = g;
    p->number = GUEST_STRANGER;
    p->player = (struct player){.recording = g->config.recording,
                                .speed = g->config.speed,
                                .rounds = g->config.rounds,
                                .guest = true};
    p->step = g->config.rdp ? GUEST_REQUEST : GUEST_TLS;
    list_append(&g->peers, &p->link);
    g->accepted++;
    if (!g->config.rdp)
        wire_secure(&p->wire, g->config.tls, true);
}

static void on_listening(uv_poll_t *poll, int status, int events)
{
    struct guest *g = poll->data;
    (void)status;
    (void)events;
    for (unsigned i = 0; i < ACCEPTS_MAX; i++) {
        int fd = accept4(g->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            adopt(g, fd);
        else if (errno != ECONNABORTED && errno != EINTR)
            return;
    }
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage bound;
    struct sockaddr_in in;
    socklen_t len = sizeof bound;
    if (getsockname(fd, (struct sockaddr *)&bound, &len))
        return 0;
    memcpy(&in, &bound, sizeof in); /* the port stands in the same place in both families */
    return ntohs(in.sin_port);
}

int guest_open(struct guest *g, const struct guest_config *config, const struct sockaddr *address,
               socklen_t len, struct error *err)
{
    int one = 1, fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) || bind(fd, address, len) ||
        listen(fd, BACKLOG)) {
        int number = errno;
        if (fd >= 0)
            close(fd);
        return error_set(err, CE_IO, "the guest cannot listen: %s", strerror(number));
    }
    *g = (struct guest){.config = *config, .fd = fd, .port = port_of(fd)};
    list_init(&g->peers);
    if (uv_poll_init(config->shared->loop, &g->listening, fd) ||
        uv_poll_start(&g->listening, UV_READABLE, on_listening)) {
        close(fd);
        return error_set(err, CE_NOMEM, "the guest's socket cannot be polled");
    }
    g->listening.data = g;
    return 0;
}

void guest_close(struct guest *g)
{
    if (g->closed)
        return;
    g->closed = true;
    g->pour_len = 0;
    uv_close((uv_handle_t *)&g->listening, NULL);
    close(g->fd);
    list_for_each_safe (at, &g->peers)
        wire_end(&list_entry(at, struct guest_peer, link)->wire, false);
}
