#include "record.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "activation.h"
#include "gcc.h"
#include "gcc_server.h"
#include "load_tls.h"
#include "mcs.h"
#include "mcs_ber.h"
#include "recording_file.h"
#include "tpkt.h"
#include "wire.h"
#include "x224.h"

enum { BACKLOG = 16 };

/* How far a connection has come; both of its ends are always in the same step, because each PDU of the beginning is an
 * answer to the one before. */
enum pair_step {
    PAIR_REQUEST, /* X.224, in clear */
    PAIR_CONFIRM,
    PAIR_TLS,
    PAIR_INITIAL, /* MCS Connect-Initial */
    PAIR_RESPONSE,
    PAIR_CONNECTION, /* up to the guest's Font Map */
    PAIR_ACTIVE,
};

struct record;

struct pair {
    struct record *record;
    struct wire client, desktop;
    unsigned open; /* wires that have not closed yet */
    unsigned secured;
    enum pair_step step;
    bool recorded;
    struct recording names; /* of the channels only */
    struct recording_ids ids;
};

struct record {
    const struct plan *plan; /* borrowed */
    struct error *err;       /* borrowed */
    int rc;
    uv_loop_t loop;
    struct wire_loop shared;
    struct ssl_ctx_st *client_tls, *guest_tls;
    uv_poll_t listening;
    uv_signal_t interrupt, terminate;
    uint16_t port;
    int fd;
    struct pair *recorded; /* NULL: not yet */
    struct recording_file *file;
    bool over;
    uint64_t first_ns, last_ns;
    uint64_t file_bytes;
    struct {
        uint64_t pdus, bytes;
    } sides[2]; /* [true]: the guest's */
    uint64_t left_out;
};

static void stop(struct record *r);

static struct pair *pair_of(struct wire *w)
{
    return w->data;
}

static bool is_desktop(const struct wire *w)
{
    const struct pair *p = w->data;
    return w == &p->desktop;
}

static struct wire *other_end(struct wire *w)
{
    struct pair *p = w->data;
    return is_desktop(w) ? &p->client : &p->desktop;
}

static void pair_end(struct pair *p, const char *why)
{
    if (why)
        fprintf(stderr, "carrel-load: %s\n", why);
    wire_end(&p->client, false);
    wire_end(&p->desktop, false);
    if (p->recorded)
        stop(p->record);
}

/* ---- what is recorded ---- */

static void fail(struct record *r, int rc)
{
    r->rc = rc;
    stop(r);
}

static void became_active(struct pair *p)
{
    struct record *r = p->record;
    p->step = PAIR_ACTIVE;
    if (r->recorded)
        return;
    int rc = recording_file_open(&r->file, r->plan->record_path, &p->names, r->err);
    if (rc) {
        fail(r, rc);
        return;
    }
    r->recorded = p;
    p->recorded = true;
    r->first_ns = r->last_ns = uv_hrtime();
    fprintf(stderr, "carrel-load: recording\n");
}

static void take(struct pair *p, bool of_guest, const uint8_t *bytes, size_t len)
{
    struct record *r = p->record;
    struct recording_event event;
    if (recording_strip(bytes, len, &p->ids, &event)) {
        r->left_out++;
        return;
    }
    uint64_t now_ns = uv_hrtime(), since_us = (now_ns - r->last_ns) / 1000;
    r->last_ns += since_us * 1000; /* what was cut off is in the next one's */
    r->sides[of_guest].pdus++;
    r->sides[of_guest].bytes += len;
    int rc = recording_file_append(r->file, &event, of_guest, since_us, r->err);
    if (rc)
        fail(r, rc);
}

/* ---- the connection's beginning ---- */

static void heard_confirm(struct pair *p, const uint8_t *bytes, size_t len)
{
    struct x224_confirm answer;
    if (x224_parse_confirm(bytes, len, &answer)) {
        pair_end(p, "the desktop's X.224 answer is not understood");
        return;
    }
    wire_send(&p->client, bytes, len);
    if (answer.failed || answer.protocol != RDP_PROTOCOL_SSL) {
        pair_end(
            p, "client and desktop did not agree on TLS: only TLS mode can be recorded (xfreerdp3 /sec:tls)");
        return;
    }
    p->step = PAIR_TLS;
    wire_secure(&p->client, p->record->guest_tls, true);
    wire_secure(&p->desktop, p->record->client_tls, false);
}

static bool names_read(struct pair *p, const uint8_t *bytes, size_t len)
{
    struct mcs_connect_initial initial;
    struct gcc_client client;
    struct cursor blocks;
    if (mcs_parse_connect_initial(bytes, len, &initial) ||
        gcc_parse_request(initial.user_data, initial.user_data_len, &blocks) ||
        gcc_client_parse(blocks, &client))
        return false;
    p->names.channel_count = client.channel_count;
    for (uint32_t i = 0; i < client.channel_count; i++)
        memcpy(p->names.channels[i], client.channels[i].name, sizeof p->names.channels[i]);
    return true;
}

static bool ids_read(struct pair *p, const uint8_t *bytes, size_t len)
{
    struct mcs_connect_response response;
    struct gcc_server server;
    struct cursor blocks;
    if (mcs_parse_connect_response(bytes, len, &response) ||
        gcc_parse_response(response.user_data, response.user_data_len, &blocks) ||
        gcc_server_parse(blocks, &server))
        return false;
    p->ids.io_channel = server.io_channel;
    p->ids.channel_count = server.channel_count;
    memcpy(p->ids.channels, server.channels, sizeof p->ids.channels);
    return true;
}

static bool is_font_map(const uint8_t *bytes, size_t len)
{
    struct activation_pdu pdu;
    return bytes[0] == TPKT_VERSION && !activation_parse(bytes, len, &pdu) && pdu.kind == ACTIVATION_FONT_MAP;
}

static void on_pdu(struct wire *w, const uint8_t *bytes, size_t len)
{
    struct pair *p = pair_of(w);
    bool of_guest = is_desktop(w);
    if (p->step == PAIR_CONFIRM && of_guest) {
        heard_confirm(p, bytes, len);
        return;
    }
    if (p->step == PAIR_REQUEST && !of_guest)
        p->step = PAIR_CONFIRM;
    else if (p->step == PAIR_INITIAL && !of_guest && names_read(p, bytes, len))
        p->step = PAIR_RESPONSE;
    else if (p->step == PAIR_RESPONSE && of_guest && ids_read(p, bytes, len))
        p->step = PAIR_CONNECTION;
    else if (p->recorded && !p->record->over)
        take(p, of_guest, bytes, len);
    else if (p->step == PAIR_CONNECTION && of_guest && is_font_map(bytes, len))
        became_active(p);
    else if (p->step < PAIR_CONNECTION)
        pair_end(p, "a PDU came out of order, or is not understood");
    struct wire *to = other_end(w);
    wire_send(to, bytes, len);
    if (wire_is_full(to))
        wire_pause(w, true);
}

static void on_connected(struct wire *w)
{
    wire_pause(other_end(w), false);
}

static void on_secured(struct wire *w)
{
    struct pair *p = pair_of(w);
    if (++p->secured == 2) {
        p->step = PAIR_INITIAL;
        wire_pause(other_end(w), false);
    } else {
        wire_pause(w, true); /* what it says could not be passed on yet */
    }
}

static void on_drained(struct wire *w)
{
    wire_pause(other_end(w), false);
}

static void on_ended(struct wire *w, const char *why)
{
    struct pair *p = pair_of(w);
    (void)why; /* an end is nothing unusual */
    pair_end(p, p->step < PAIR_ACTIVE ? "a connection ended before its session was active" : NULL);
}

static void on_closed(struct wire *w)
{
    struct pair *p = pair_of(w);
    if (--p->open == 0)
        free(p);
}

static const struct wire_events wire_events = {.connected = on_connected,
                                               .secured = on_secured,
                                               .pdu = on_pdu,
                                               .drained = on_drained,
                                               .ended = on_ended,
                                               .closed = on_closed};

/* ---- life ---- */

static void on_listening(uv_poll_t *poll, int status, int events)
{
    struct record *r = poll->data;
    (void)status;
    (void)events;
    int fd = accept4(r->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct pair *p = fd < 0 ? NULL : calloc(1, sizeof *p);
    if (!p) {
        if (fd >= 0)
            close(fd);
        return;
    }
    p->record = r;
    if (wire_adopt(&p->client, &r->shared, fd, &wire_events)) {
        free(p);
        return;
    }
    p->client.data = p;
    p->open = 1;
    if (wire_connect(&p->desktop, &r->shared, (const struct sockaddr *)&r->plan->target, r->plan->target_len,
                     &wire_events)) {
        fprintf(stderr, "carrel-load: the desktop cannot be reached\n");
        p->desktop.over = true;
        wire_end(&p->client, false);
        return;
    }
    p->desktop.data = p;
    p->open = 2;
    wire_pause(&p->client, true);
}

static void interrupted(uv_signal_t *signal, int number)
{
    (void)number;
    stop(signal->data);
}

static void stop(struct record *r)
{
    if (r->over)
        return;
    r->over = true;
    if (r->file && !r->rc)
        r->rc = recording_file_end(r->file, &r->file_bytes, r->err);
    uv_close((uv_handle_t *)&r->listening, NULL);
    uv_close((uv_handle_t *)&r->interrupt, NULL);
    uv_close((uv_handle_t *)&r->terminate, NULL);
    uv_close((uv_handle_t *)&r->shared.idle, NULL);
    close(r->fd);
    if (r->recorded)
        pair_end(r->recorded, NULL);
}

static int listen_open(struct record *r)
{
    const struct plan *plan = r->plan;
    struct sockaddr_storage bound;
    struct sockaddr_in in;
    socklen_t len = sizeof bound;
    int one = 1, fd = socket(plan->guest.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) ||
        bind(fd, (const struct sockaddr *)&plan->guest, plan->guest_len) || listen(fd, BACKLOG) ||
        getsockname(fd, (struct sockaddr *)&bound, &len)) {
        int number = errno;
        if (fd >= 0)
            close(fd);
        return error_set(r->err, CE_IO, "the recorder cannot listen: %s", strerror(number));
    }
    memcpy(&in, &bound, sizeof in); /* the port stands in the same place in both families */
    r->fd = fd;
    r->port = ntohs(in.sin_port);
    return 0;
}

static int listen_start(struct record *r)
{
    wire_loop_init(&r->shared, &r->loop);
    (void)uv_signal_init(&r->loop, &r->interrupt);
    (void)uv_signal_init(&r->loop, &r->terminate);
    if (uv_poll_init(&r->loop, &r->listening, r->fd) ||
        uv_poll_start(&r->listening, UV_READABLE, on_listening))
        return error_set(r->err, CE_NOMEM, "the recorder's socket cannot be polled");
    r->listening.data = r->interrupt.data = r->terminate.data = r;
    (void)uv_signal_start(&r->interrupt, interrupted, SIGINT);
    (void)uv_signal_start(&r->terminate, interrupted, SIGTERM);
    /* Said last: whoever waits for it may end the recorder from then on. */
    fprintf(stderr, "carrel-load: the recorder listens on port %u\n", r->port);
    return 0;
}

static void record_report(const struct record *r, struct report *report)
{
    snprintf(report->title, sizeof report->title, "record: %s", r->plan->record_path);
    report_metric(report, UNIT_NS, (double)(r->last_ns - r->first_ns), "recording.length");
    report_metric(report, UNIT_COUNT, (double)r->sides[true].pdus, "recording.output_pdus");
    report_metric(report, UNIT_BYTES, (double)r->sides[true].bytes, "recording.output_bytes");
    report_metric(report, UNIT_COUNT, (double)r->sides[false].pdus, "recording.input_pdus");
    report_metric(report, UNIT_BYTES, (double)r->sides[false].bytes, "recording.input_bytes");
    report_metric(report, UNIT_COUNT, (double)r->left_out, "recording.left_out");
    report_metric(report, UNIT_BYTES, (double)r->file_bytes, "recording.file_bytes");
}

int record_run(const struct plan *plan, struct report *report, struct error *err)
{
    struct record *r = calloc(1, sizeof *r);
    if (!r)
        return error_set(err, CE_NOMEM, "no memory");
    *r = (struct record){.plan = plan, .err = err};
    int rc = load_tls_client(&r->client_tls, err);
    if (!rc)
        rc = load_tls_guest(&r->guest_tls, true, false, err);
    if (!rc && uv_loop_init(&r->loop))
        rc = error_set(err, CE_NOMEM, "no event loop");
    if (!rc)
        rc = listen_open(r);
    if (!rc)
        rc = listen_start(r);
    if (!rc) {
        uv_run(&r->loop, UV_RUN_DEFAULT);
        (void)uv_loop_close(&r->loop);
        rc = r->rc;
    }
    if (!rc && !r->recorded)
        rc = error_set(err, CE_NOT_FOUND, "no session became active; nothing was recorded");
    if (!rc)
        record_report(r, report);
    recording_file_destroy(&r->file);
    load_tls_free(&r->client_tls);
    load_tls_free(&r->guest_tls);
    free(r);
    return rc;
}
