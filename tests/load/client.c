#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "activation.h"
#include "error_info.h"
#include "gcc.h"
#include "gcc_client.h"
#include "gcc_server.h"
#include "mcs.h"
#include "mcs_ber.h"
#include "rdp_pdu.h"
#include "tpkt.h"
#include "traffic.h"
#include "x224.h"

enum {
    SENTENCE_MAX_LEN = 2048, /* the longest thing that the client says before it is active */
    ECHO_TAG = 1,
    CLIENT_BUILD = 19041,
    RDP_10_11 = 0x00080010,
};

static struct client *client_of(struct wire *w)
{
    return (struct client *)(void *)((char *)w - offsetof(struct client, wire));
}

static void fail(struct client *c, const char *why)
{
    if (!c->why[0])
        snprintf(c->why, sizeof c->why, "%s", why);
    wire_end(&c->wire, false);
}

static void say(struct client *c, const struct writer *w)
{
    if (!writer_ok(w))
        fail(c, "a PDU of the client has no room");
    else
        wire_send(&c->wire, w->start, writer_len(w));
}

/* ---- what is said ---- */

/* The client's name says which session this is: gateways pass it on, so that the guest's side of each session can be
 * compared with the client's (guest.c reads it). */
static void core_write(struct writer *w, const struct client *c)
{
    bool joins = c->config->joins;
    char name[CLIENT_NAME_SIZE];
    (void)snprintf(name, sizeof name, CLIENT_NAME_FORMAT, c->number % CLIENT_NUMBERS,
                   c->visit % CLIENT_NUMBERS);
    size_t name_len = strlen(name);
    size_t at = writer_len(w);
    writer_u16_le(w, GCC_CS_CORE);
    writer_u16_le(w, 216);
    writer_u32_le(w, RDP_10_11);
    writer_u16_le(w, 1024);
    writer_u16_le(w, 768);
    writer_u16_le(w, 0xca01); /* colour depth and secure access sequence, as every client sends them */
    writer_u16_le(w, 0xaa03);
    writer_u32_le(w, 0x409);
    writer_u32_le(w, CLIENT_BUILD);
    for (size_t i = 0; i < 16; i++)
        writer_u16_le(w, i < name_len ? (uint8_t)name[i] : 0);
    writer_u32_le(w, 4); /* keyboard: IBM enhanced, 12 function keys, no input method */
    writer_u32_le(w, 0);
    writer_u32_le(w, 12);
    writer_zero(w, 64);
    writer_u16_le(w, 0xca01);
    writer_u16_le(w, 1);
    writer_u32_le(w, 0);
    writer_u16_le(w, 24);
    writer_u16_le(w, 7);
    writer_u16_le(w, GCC_CS_SUPPORT_ERRINFO_PDU | (joins ? 0 : GCC_CS_SUPPORT_SKIP_CHANNELJOIN));
    writer_zero(w, 64);
    writer_u8(w, 6); /* a local network */
    writer_u8(w, 0);
    writer_u32_le(w, RDP_PROTOCOL_SSL);
    if (writer_ok(w))
        put_u16_le(w->start + at + 2, (uint16_t)(writer_len(w) - at));
}

static void blocks_write(struct writer *w, const struct client *c)
{
    const struct client_config *config = c->config;
    static const char *const names[] = {"rdpdr", "rdpsnd", "cliprdr", "drdynvc"};
    core_write(w, c);
    writer_u16_le(w, GCC_CS_SECURITY);
    writer_u16_le(w, 12);
    writer_zero(w, 8);
    writer_u16_le(w, GCC_CS_NET);
    writer_u16_le(w, (uint16_t)(8 + 12 * config->channels));
    writer_u32_le(w, config->channels);
    for (uint32_t i = 0; i < config->channels; i++) {
        char name[GCC_CHANNEL_NAME_MAX + 1] = {0};
        if (config->recording)
            memcpy(name, config->recording->channels[i], sizeof name);
        else if (i < sizeof names / sizeof names[0])
            snprintf(name, sizeof name, "%s", names[i]);
        else
            snprintf(name, sizeof name, "load%02u", i % 100);
        writer_bytes(w, name, sizeof name);
        writer_u32_le(w, 0xc0000000); /* initialised, encrypted: as clients mark them */
    }
}

static void say_initial(struct client *c)
{
    uint8_t blocks[SENTENCE_MAX_LEN / 2], request[SENTENCE_MAX_LEN - 256], out[SENTENCE_MAX_LEN];
    struct writer b = writer_init(blocks, sizeof blocks), r = writer_init(request, sizeof request),
                  w = writer_init(out, sizeof out);
    struct mcs_connect_initial initial = {
        .target = {34, 2, 0, 1, 0, 1, 0xffff, 2},
        .minimum = {1, 1, 1, 1, 0, 1, 0x420, 2},
        .maximum = {0xffff, 0xfc17, 0xffff, 1, 0, 1, 0xffff, 2},
    };
    blocks_write(&b, c);
    gcc_write_request(&r, blocks, writer_len(&b));
    initial.user_data = request;
    initial.user_data_len = writer_len(&r);
    mcs_write_connect_initial(&w, &initial);
    c->step = CLIENT_RESPONSE;
    say(c, &w);
}

/* Text in UTF-16 with its terminator; users and passwords of a load test are plain ASCII. */
static void text_write(struct writer *w, const char *text)
{
    do
        writer_u16_le(w, (uint8_t)*text);
    while (*text++);
}

static void say_info(struct client *c)
{
    uint8_t out[SENTENCE_MAX_LEN];
    struct writer w = writer_init(out, sizeof out);
    static const char address[] = "127.0.0.1";
    size_t start = mcs_data_begin(&w, MCS_SEND_DATA_REQUEST, c->user_id, c->io_channel);
    writer_u16_le(&w, RDP_SEC_INFO_PKT);
    writer_u16_le(&w, 0);
    writer_u32_le(&w, 0);
    writer_u32_le(&w, 0x1 | 0x2 | 0x8 | 0x10 | 0x100); /* mouse, no ctrl-alt-del, autologon, Unicode, keys */
    writer_u16_le(&w, 0);
    writer_u16_le(&w, (uint16_t)(2 * strlen(c->user)));
    writer_u16_le(&w, (uint16_t)(2 * strlen(c->password)));
    writer_u32_le(&w, 0); /* shell, directory */
    text_write(&w, "");
    text_write(&w, c->user);
    text_write(&w, c->password);
    text_write(&w, "");
    text_write(&w, "");
    writer_u16_le(&w, 2); /* AF_INET */
    writer_u16_le(&w, 2 * sizeof address);
    text_write(&w, address);
    writer_u16_le(&w, 2);
    text_write(&w, "");
    writer_zero(&w, 172 + 4 + 4 + 2); /* time zone, session, performance flags, no cookie */
    mcs_data_end(&w, start);
    c->step = CLIENT_DEMAND;
    say(c, &w);
}

static void say_join(struct client *c)
{
    uint8_t out[32];
    struct writer w = writer_init(out, sizeof out);
    mcs_write_channel_join_request(&w, c->user_id, c->next_join);
    c->step = CLIENT_JOIN;
    say(c, &w);
}

static void send_input(struct client *c)
{
    uint8_t pdu[TRAFFIC_INPUT_LEN];
    c->inputs++;
    traffic_write_input(pdu, c->inputs);
    c->sent_ns[c->inputs % CLIENT_IN_FLIGHT_MAX] = uv_hrtime();
    wire_send(&c->wire, pdu, sizeof pdu);
}

/* ---- what is heard ---- */

static void heard_confirm(struct client *c, const uint8_t *pdu, size_t len)
{
    struct x224_confirm answer;
    if (x224_parse_confirm(pdu, len, &answer))
        fail(c, "its X.224 answer is not understood");
    else if (answer.failed || answer.protocol != RDP_PROTOCOL_SSL)
        fail(c, "it does not do TLS");
    else {
        c->step = CLIENT_TLS;
        wire_secure(&c->wire, c->config->tls, false);
    }
}

static void heard_response(struct client *c, const uint8_t *pdu, size_t len)
{
    struct mcs_connect_response response;
    struct gcc_server server;
    struct cursor blocks;
    uint8_t out[64];
    struct writer w = writer_init(out, sizeof out);
    if (mcs_parse_connect_response(pdu, len, &response) || response.result != 0 ||
        gcc_parse_response(response.user_data, response.user_data_len, &blocks) ||
        gcc_server_parse(blocks, &server)) {
        fail(c, "its MCS Connect-Response is not understood");
        return;
    }
    c->io_channel = c->ids.io_channel = server.io_channel;
    c->ids.channel_count = server.channel_count;
    memcpy(c->ids.channels, server.channels, sizeof c->ids.channels);
    c->last_join = (uint16_t)(server.io_channel + server.channel_count);
    if (!c->config->joins && (server.early_flags & GCC_SC_SKIP_CHANNELJOIN))
        c->last_join = 0;
    mcs_write_erect_domain_request(&w);
    mcs_write_attach_user_request(&w);
    c->step = CLIENT_ATTACH;
    say(c, &w);
}

static void heard_domain(struct client *c, const uint8_t *bytes, size_t len)
{
    struct mcs_pdu pdu;
    if (mcs_parse(bytes, len, &pdu)) {
        fail(c, "an MCS PDU is not understood");
    } else if (pdu.choice == MCS_DISCONNECT_PROVIDER_ULTIMATUM) {
        fail(c, "it disconnected before the log-in");
    } else if (c->step == CLIENT_ATTACH) {
        c->user_id = c->next_join = c->ids.user_id = pdu.user_id;
        if (pdu.choice != MCS_ATTACH_USER_CONFIRM || pdu.result != 0)
            fail(c, "it did not confirm Attach User");
        else if (c->last_join)
            say_join(c);
        else
            say_info(c);
    } else if (pdu.choice != MCS_CHANNEL_JOIN_CONFIRM || pdu.result != 0) {
        fail(c, "it did not confirm a channel");
    } else if (c->next_join == c->last_join) {
        say_info(c);
    } else { /* the user's own channel first, then IO and those behind it */
        c->next_join = c->next_join == c->user_id ? c->io_channel : (uint16_t)(c->next_join + 1);
        say_join(c);
    }
}

static void became_active(struct client *c)
{
    c->step = CLIENT_ACTIVE;
    c->active_ns = uv_hrtime();
    c->config->events->active(c);
}

static void heard_share(struct client *c, const uint8_t *bytes, size_t len)
{
    uint8_t out[SENTENCE_MAX_LEN];
    struct writer w = writer_init(out, sizeof out);
    struct activation_pdu pdu;
    if (activation_parse(bytes, len, &pdu)) {
        fail(c, "a PDU is not understood");
        return;
    }
    if (pdu.kind == ACTIVATION_ERROR && pdu.code) {
        c->error_info = pdu.code;
        snprintf(c->why, sizeof c->why, "refused with error info 0x%x", pdu.code);
    } else if (pdu.kind == ACTIVATION_END) {
        c->farewell = true;
        fail(c, "it ended the connection");
    } else if (pdu.kind == ACTIVATION_DEMAND && c->step == CLIENT_DEMAND) {
        c->desktop_ns = uv_hrtime();
        c->step = CLIENT_FONT_MAP;
        c->ids.share_id = pdu.share_id;
        activation_write_confirm(&w, c->user_id, c->io_channel, pdu.share_id);
        say(c, &w);
    } else if (pdu.kind == ACTIVATION_FONT_MAP && c->step == CLIENT_FONT_MAP) {
        became_active(c);
    }
}

/* False: it is none of those that are played. */
static bool heard_played(struct client *c, const uint8_t *bytes, size_t len)
{
    struct recording_event event;
    if (!c->player.recording || recording_strip(bytes, len, &c->ids, &event))
        return false;
    if (player_hear(&c->player, &event)) {
        fail(c, "bytes were lost or altered on the way to the client");
        return true;
    }
    c->outputs++;
    c->config->events->output(c, len);
    return true;
}

static void heard_output(struct client *c, const uint8_t *bytes, size_t len)
{
    uint32_t tag;
    if (c->config->lenient) {
        c->config->events->output(c, len);
        return;
    }
    if (traffic_check_output(bytes, len, c->outputs, &tag)) {
        fail(c, "bytes were lost or altered on the way to the client");
        return;
    }
    c->outputs++;
    c->config->events->output(c, len);
    if (tag == TRAFFIC_NO_TAG || c->wire.over)
        return;
    if (c->step == CLIENT_ECHO && tag == ECHO_TAG) {
        c->answered = ECHO_TAG;
        c->desktop_ns = uv_hrtime();
        became_active(c);
        return;
    }
    if (tag != c->answered + 1 || tag > c->inputs) {
        fail(c, "an answer came out of order");
        return;
    }
    c->answered = tag;
    c->config->events->answer(c, uv_hrtime() - c->sent_ns[tag % CLIENT_IN_FLIGHT_MAX]);
}

static void on_pdu(struct wire *w, const uint8_t *bytes, size_t len)
{
    struct client *c = client_of(w);
    switch (c->step) {
    case CLIENT_CONFIRM:
        heard_confirm(c, bytes, len);
        break;
    case CLIENT_RESPONSE:
        heard_response(c, bytes, len);
        break;
    case CLIENT_ATTACH:
    case CLIENT_JOIN:
        heard_domain(c, bytes, len);
        break;
    case CLIENT_DEMAND:
    case CLIENT_FONT_MAP:
    case CLIENT_ACTIVE:
        if (c->step == CLIENT_ACTIVE && heard_played(c, bytes, len))
            break;
        if (bytes[0] == TPKT_VERSION)
            heard_share(c, bytes, len);
        else if (c->step == CLIENT_ACTIVE)
            heard_output(c, bytes, len);
        else
            fail(c, "output before the activation");
        break;
    case CLIENT_ECHO:
        heard_output(c, bytes, len);
        break;
    case CLIENT_CONNECT:
    case CLIENT_TLS:
        fail(c, "bytes before their time");
        break;
    }
}

static void on_connected(struct wire *w)
{
    struct client *c = client_of(w);
    uint8_t out[X224_REQUEST_MAX_LEN];
    struct writer request = writer_init(out, sizeof out);
    if (!c->config->rdp) {
        c->step = CLIENT_TLS;
        wire_secure(w, c->config->tls, false);
        return;
    }
    x224_write_request(&request, c->user, NULL, 0, RDP_PROTOCOL_SSL);
    c->step = CLIENT_CONFIRM;
    say(c, &request);
}

static void on_secured(struct wire *w)
{
    struct client *c = client_of(w);
    c->secured_ns = uv_hrtime();
    if (c->config->rdp) {
        say_initial(c);
        return;
    }
    c->step = CLIENT_ECHO;
    send_input(c);
}

static void on_ended(struct wire *w, const char *why)
{
    struct client *c = client_of(w);
    if (!c->why[0])
        snprintf(c->why, sizeof c->why, "%s", why);
}

static void on_closed(struct wire *w)
{
    struct client *c = client_of(w);
    c->config->events->gone(c);
    free(c);
}

static const struct wire_events wire_events = {
    .connected = on_connected, .secured = on_secured, .pdu = on_pdu, .ended = on_ended, .closed = on_closed};

int client_open(struct client **ret, const struct client_config *config, void *owner, const char *user,
                const char *password, uint32_t number, uint32_t visit)
{
    struct client *c = calloc(1, sizeof *c);
    if (!c)
        return CE_NOMEM;
    int rc = wire_connect(&c->wire, config->shared, config->address, config->address_len, &wire_events);
    if (rc) {
        free(c);
        return rc;
    }
    c->config = config;
    c->owner = owner;
    c->user = user;
    c->number = number;
    c->visit = visit;
    c->password = password;
    c->began_ns = uv_hrtime();
    c->player =
        (struct player){.recording = config->recording, .speed = config->speed, .rounds = config->rounds};
    *ret = c;
    return 0;
}

bool client_input(struct client *c)
{
    if (c->step != CLIENT_ACTIVE || c->wire.over || wire_is_full(&c->wire) ||
        c->inputs - c->answered >= CLIENT_IN_FLIGHT_MAX)
        return false;
    send_input(c);
    return true;
}

unsigned client_play(struct client *c, uint64_t passed_ns)
{
    static uint8_t pdu[RECORDING_BYTES_MAX + 64];
    const struct recording_event *event;
    uint64_t due_ns;
    unsigned count = 0;
    while (c->step == CLIENT_ACTIVE && !c->wire.over && !wire_is_full(&c->wire) &&
           (event = player_due(&c->player, passed_ns, &due_ns))) {
        struct writer w = writer_init(pdu, sizeof pdu);
        recording_write_pdu(&w, event, &c->ids, false);
        player_said(&c->player);
        c->inputs++;
        count++;
        say(c, &w);
    }
    return count;
}

void client_end(struct client *c, bool cut)
{
    c->ended_by_us = true;
    wire_end(&c->wire, cut);
}
