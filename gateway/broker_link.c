#include "broker_link.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "carrel_build.h"
#include "gateway.h"
#include "http_client.h"
#include "list.h"
#include "log.h"
#include "secret.h"
#include "tls_io.h"

struct queued {
    struct list link;
    struct broker_link *owner; /* borrowed */
    char session[ID_SIZE];
    int64_t connection;
    bool closed;
    enum fail fail;
    char detail[REASON_SIZE];
    uint64_t bytes_in, bytes_out;
    char reconnect[SECRET_DIGEST_SIZE]; /* of connected; may be empty */
    char denied[REASON_SIZE];
    bool noted;
    int64_t message; /* an order's number; 0: none */
    bool message_shown;
    char guest_fingerprint[TLS_FINGERPRINT_SIZE];
};

struct broker_link {
    struct gateway *gateway; /* borrowed */
    struct http_client *http;
    uint64_t heartbeat_ms;
    char address[80], fingerprint[TLS_FINGERPRINT_SIZE], started[32];
    uv_timer_t heartbeat, farewell;
    uv_timer_t next; /* no reports leave before it */
    uv_async_t wake;
    unsigned handles;
    bool idle; /* the gateway takes nobody in */
    bool beating, listening, down, closing, http_closed;
    int64_t order_number; /* the last one that was carried out */
    void (*close_session)(void *arg, const char *session, int64_t connection, enum fail fail);
    void (*drain)(void *arg, bool draining);
    void (*show)(void *arg, const struct broker_message *message);
    void *close_arg;
    void (*closed)(void *arg);
    void *closed_arg;

    pthread_mutex_t lock;
    struct list incoming;        /* struct queued, from any thread */
    unsigned count;              /* of incoming, waiting and flying together; under the lock */
    bool due;                    /* the main thread will look at incoming by itself; under the lock */
    struct list waiting, flying; /* the main thread's */
    unsigned flying_count;
    unsigned alone; /* so many are sent one by one: the broker did not understand them together */
};

static void orders_ask(struct broker_link *link);
static void close_when_quiet(struct broker_link *link);
static void on_next(uv_timer_t *timer);

/* The broker's absence and return are each told once. */
static void reached(struct broker_link *link, const struct http_answer *answer)
{
    bool down = answer->status < 0 || answer->status >= 500;
    if (answer->status != CE_CANCELLED)
        atomic_store(&link->gateway->ready, !down && !link->idle);
    if (answer->status == CE_CANCELLED || down == link->down)
        return;
    link->down = down;
    if (down)
        log_warning("The broker does not answer; running sessions go on. status=%d reason=\"%s\"",
                    answer->status, answer->error ? answer->error : "");
    else
        log_info("The broker answers.");
}

/* ---- heartbeat ---- */

static void put_session(void *arg, const struct registry_entry *entry)
{
    json_t *sessions = arg;
    json_t *item = json_pack(
        "{s:s, s:I, s:I, s:I}", "session", entry->session, "connection", (json_int_t)entry->connection,
        "bytes_in", (json_int_t)atomic_load_explicit(&entry->bytes_in, memory_order_relaxed), "bytes_out",
        (json_int_t)atomic_load_explicit(&entry->bytes_out, memory_order_relaxed));
    (void)json_array_append_new(sessions, item);
}

static void close_listed(struct broker_link *link, const json_t *item)
{
    const char *session = json_string_value(json_object_get(item, "session"));
    const char *code = json_string_value(json_object_get(item, "code"));
    const json_t *connection = json_object_get(item, "connection");
    if (session && json_is_integer(connection))
        link->close_session(link->close_arg, session, json_integer_value(connection), fail_parse(code));
}

static void nla_note(struct broker_link *link, bool can)
{
    if (atomic_exchange(&link->gateway->broker_nla, can) != can)
        log_info(can ? "The broker can do NLA: clients that offer it are let in by it."
                     : "The broker cannot do NLA any more: clients are let in by TLS.");
}

static void on_heartbeat_answer(void *arg, const struct http_answer *answer)
{
    struct broker_link *link = arg;
    size_t i;
    json_t *item;
    link->beating = false;
    reached(link, answer);
    if (answer->status == 200) {
        nla_note(link, json_is_true(json_object_get(answer->body, "nla")));
        json_array_foreach(json_object_get(answer->body, "stale"), i, item) close_listed(link, item);
        if (!link->closing && link->drain)
            link->drain(link->close_arg, json_is_true(json_object_get(answer->body, "draining")));
        if (!link->closing)
            orders_ask(link);
    } else if (answer->status > 0 && answer->status < 500) {
        log_error("The broker refuses this gateway. status=%d detail=\"%s\"", answer->status,
                  json_string_value(json_object_get(answer->body, "detail")));
    }
    close_when_quiet(link);
}

static void on_heartbeat(uv_timer_t *timer)
{
    struct broker_link *link = timer->data;
    char path[NAME_SIZE + 16];
    if (link->beating || link->closing)
        return;
    json_t *sessions = json_array();
    registry_walk(&link->gateway->registry, put_session, sessions);
    json_t *body = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "boot_id", link->gateway->boot_id, "address",
                             link->address, "fingerprint", link->fingerprint, "version", CARREL_VERSION,
                             "started", link->started, "sessions", sessions);
    if (body && link->gateway->succeeds[0])
        (void)json_object_set_new(body, "succeeds", json_string(link->gateway->succeeds));
    snprintf(path, sizeof path, "/v1/gateways/%s", link->gateway->name);
    link->beating = body && !http_client_call(link->http, "PUT", path, body, BROKER_CALL_MS,
                                              on_heartbeat_answer, link, NULL);
    json_decref(body);
}

/* ---- orders ---- */

static void message_show(struct broker_link *link, const json_t *item)
{
    const char *session = json_string_value(json_object_get(item, "session"));
    const char *text = json_string_value(json_object_get(item, "text"));
    struct broker_message message = {.connection = json_integer_value(json_object_get(item, "connection")),
                                     .order = json_integer_value(json_object_get(item, "number"))};
    json_int_t show_s = json_integer_value(json_object_get(item, "seconds"));
    if (!session || !text || strlen(text) >= sizeof message.text ||
        strlen(session) >= sizeof message.session || show_s < 1 || show_s > MESSAGE_SHOW_MAX_S) {
        log_warning("An order to show a message is not understood. number=%lld", (long long)message.order);
        return;
    }
    strcpy(message.session, session);
    strcpy(message.text, text);
    message.show_s = (uint32_t)show_s;
    if (link->show)
        link->show(link->close_arg, &message);
}

static void order_obey(struct broker_link *link, const json_t *item)
{
    int64_t number = json_integer_value(json_object_get(item, "number"));
    const char *verb = json_string_value(json_object_get(item, "verb"));
    if (verb && !strcmp(verb, "close"))
        close_listed(link, item);
    else if (verb && !strcmp(verb, "message"))
        message_show(link, item);
    else
        log_warning("An order is not understood. number=%lld", (long long)number);
    if (number > link->order_number)
        link->order_number = number;
}

static void on_orders(void *arg, const struct http_answer *answer)
{
    struct broker_link *link = arg;
    size_t i;
    json_t *item;
    link->listening = false;
    if (answer->status == 200) {
        json_array_foreach(json_object_get(answer->body, "items"), i, item) order_obey(link, item);
    }
    if (link->closing)
        close_when_quiet(link);
    else if (answer->status == 200)
        orders_ask(link);
    /* Otherwise the next heartbeat that succeeds asks again. */
}

static void orders_ask(struct broker_link *link)
{
    char path[NAME_SIZE + ID_SIZE + 96];
    if (link->listening)
        return;
    snprintf(path, sizeof path, "/v1/gateways/%s/orders?after=%lld&wait=%d&boot_id=%s", link->gateway->name,
             (long long)link->order_number, BROKER_ORDERS_WAIT_S, link->gateway->boot_id);
    link->listening = !http_client_call(link->http, "GET", path, NULL,
                                        BROKER_ORDERS_WAIT_S * 1000 + BROKER_CALL_MS, on_orders, link, NULL);
}

/* ---- reports: one request with many at a time, the oldest first, so that "closed" never overtakes "connected" ---- */

/* Takes what came meanwhile. While more will be sent anyway, whoever reports need not wake this thread. */
static void reports_collect(struct broker_link *link)
{
    pthread_mutex_lock(&link->lock);
    while (!list_is_empty(&link->incoming)) {
        struct list *first = link->incoming.next;
        list_remove(first);
        list_append(&link->waiting, first);
    }
    link->due = link->flying_count || !list_is_empty(&link->waiting);
    pthread_mutex_unlock(&link->lock);
}

static void reports_rest(struct broker_link *link, uint64_t ms)
{
    (void)uv_timer_start(&link->next, on_next, link->closing ? 0 : ms, 0);
}

static void report_drop(struct broker_link *link, struct queued *q)
{
    pthread_mutex_lock(&link->lock);
    link->count--;
    pthread_mutex_unlock(&link->lock);
    list_remove(&q->link);
    free(q);
}

static void report_answered(struct broker_link *link, struct queued *q, json_int_t status)
{
    if (status != 200)
        log_info("The broker has another view of a connection. session=%s connection=%lld status=%lld",
                 q->session, (long long)q->connection, (long long)status);
    if (!q->closed && !q->message && status == 409)
        link->close_session(link->close_arg, q->session, q->connection, FAIL_TAKEN_OVER);
    report_drop(link, q);
}

/* Back to where they were. */
static void reports_keep(struct broker_link *link)
{
    while (!list_is_empty(&link->flying)) {
        struct list *last = link->flying.prev;
        list_remove(last);
        list_append(link->waiting.next, last); /* before the oldest */
    }
}

static void on_reports_answer(void *arg, const struct http_answer *answer)
{
    struct broker_link *link = arg;
    unsigned count = link->flying_count;
    uint64_t rest_ms = BROKER_REPORTS_REST_MS;
    link->flying_count = 0;
    reached(link, answer);
    if (answer->status < 0 || answer->status >= 500) {
        reports_keep(link);
        rest_ms = BROKER_RETRY_MS;
        if (link->closing && answer->status == CE_CANCELLED)
            counter_add(&link->gateway->counters.lost_reports, count);
    } else if (answer->status != 200 && count > 1) {
        reports_keep(link); /* one of them is not understood: the others shall not go with it */
        link->alone = count;
    } else {
        const json_t *items = json_object_get(answer->body, "items");
        for (size_t i = 0; i < count; i++) {
            const json_t *status = json_object_get(json_array_get(items, i), "status");
            report_answered(link, list_entry(link->flying.next, struct queued, link),
                            answer->status != 200 ? answer->status : json_integer_value(status));
        }
    }
    reports_rest(link, rest_ms);
    close_when_quiet(link);
}

static json_t *report_state(const struct queued *q)
{
    if (q->message)
        return json_pack("{s:s, s:I, s:b, s:s}", "state", "message", "order", (json_int_t)q->message, "shown",
                         (int)q->message_shown, "detail", q->detail);
    if (!q->closed)
        return json_pack("{s:s}", "state", q->noted ? "denied" : "connected");
    return json_pack("{s:s, s:s, s:s, s:I, s:I}", "state", "closed", "code", fail_code(q->fail), "detail",
                     q->detail, "bytes_in", (json_int_t)q->bytes_in, "bytes_out", (json_int_t)q->bytes_out);
}

static int put_text(json_t *object, const char *name, const char *text)
{
    return text[0] ? json_object_set_new(object, name, json_string(text)) : 0;
}

static json_t *report_make(const struct queued *q)
{
    json_t *report = report_state(q);
    if (report && (put_text(report, "session", q->session) ||
                   json_object_set_new(report, "connection", json_integer(q->connection)) ||
                   put_text(report, "reconnect", q->reconnect) || put_text(report, "denied", q->denied) ||
                   put_text(report, "guest_fingerprint", q->guest_fingerprint))) {
        json_decref(report);
        return NULL;
    }
    return report;
}

/* Moves the oldest that wait to flying, and makes their request. */
static json_t *reports_make(struct broker_link *link)
{
    json_t *reports = json_array();
    unsigned most = link->alone ? 1 : REPORTS_MAX;
    while (link->flying_count < most && !list_is_empty(&link->waiting)) {
        struct list *first = link->waiting.next;
        if (json_array_append_new(reports, report_make(list_entry(first, struct queued, link))))
            break;
        list_remove(first);
        list_append(&link->flying, first);
        link->flying_count++;
    }
    return json_pack("{s:o}", "reports", reports);
}

static void reports_send(struct broker_link *link)
{
    char path[NAME_SIZE + 32];
    if (link->http_closed || link->flying_count || uv_is_active((uv_handle_t *)&link->next) ||
        list_is_empty(&link->waiting))
        return;
    json_t *body = reports_make(link);
    snprintf(path, sizeof path, "/v1/gateways/%s/reports", link->gateway->name);
    if (!body || !link->flying_count ||
        http_client_call(link->http, "POST", path, body, BROKER_CALL_MS, on_reports_answer, link, NULL)) {
        reports_keep(link);
        link->flying_count = 0;
        reports_rest(link, BROKER_RETRY_MS);
    } else if (link->alone) {
        link->alone--;
    }
    json_decref(body);
}

static void on_next(uv_timer_t *timer)
{
    struct broker_link *link = timer->data;
    reports_collect(link);
    reports_send(link);
}

static void on_wake(uv_async_t *wake)
{
    struct broker_link *link = wake->data;
    reports_collect(link);
    reports_send(link);
    close_when_quiet(link);
}

static void text_copy(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text ? text : "");
}

void broker_link_report(struct broker_link *link, const struct broker_report *report)
{
    struct queued *q = calloc(1, sizeof *q);
    if (q) {
        *q = (struct queued){.owner = link,
                             .connection = report->connection,
                             .noted = report->noted,
                             .message = report->message,
                             .message_shown = report->message_shown,
                             .closed = report->closed,
                             .fail = report->fail,
                             .bytes_in = report->bytes_in,
                             .bytes_out = report->bytes_out};
        text_copy(q->session, sizeof q->session, report->session);
        text_copy(q->detail, sizeof q->detail, report->detail);
        text_copy(q->reconnect, sizeof q->reconnect, report->reconnect);
        text_copy(q->denied, sizeof q->denied, report->denied);
        text_copy(q->guest_fingerprint, sizeof q->guest_fingerprint, report->guest_fingerprint);
        pthread_mutex_lock(&link->lock);
        bool full = link->count >= BROKER_REPORTS_MAX;
        bool wake = !full && !link->due;
        if (!full) {
            link->count++;
            link->due = true;
            list_append(&link->incoming, &q->link);
        }
        pthread_mutex_unlock(&link->lock);
        if (wake)
            uv_async_send(&link->wake);
        if (!full)
            return;
    }
    free(q);
    counter_add(&link->gateway->counters.lost_reports, 1);
}

/* ---- life ---- */

static void queue_free(struct list *queue)
{
    list_for_each_safe (at, queue) {
        list_remove(at);
        free(list_entry(at, struct queued, link));
    }
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct broker_link *link = handle->data;
    if (--link->handles)
        return;
    void (*closed)(void *arg) = link->closed;
    void *arg = link->closed_arg;
    queue_free(&link->incoming);
    queue_free(&link->waiting);
    queue_free(&link->flying);
    pthread_mutex_destroy(&link->lock);
    free(link);
    closed(arg);
}

static void on_http_closed(void *arg)
{
    struct broker_link *link = arg;
    uv_close((uv_handle_t *)&link->heartbeat, on_handle_closed);
    uv_close((uv_handle_t *)&link->next, on_handle_closed);
    uv_close((uv_handle_t *)&link->farewell, on_handle_closed);
    uv_close((uv_handle_t *)&link->wake, on_handle_closed);
}

static void http_end(struct broker_link *link)
{
    if (link->http_closed)
        return;
    link->http_closed = true;
    http_client_close(link->http, on_http_closed, link);
}

static void close_when_quiet(struct broker_link *link)
{
    if (!link->closing || link->http_closed)
        return;
    pthread_mutex_lock(&link->lock);
    bool quiet = link->count == 0;
    pthread_mutex_unlock(&link->lock);
    /* With a broker that is away there is nobody to wait for. */
    if (quiet || link->down)
        http_end(link);
}

static void on_farewell(uv_timer_t *timer)
{
    http_end(timer->data);
}

void broker_link_close(struct broker_link *link, void (*closed)(void *arg), void *arg)
{
    link->closing = true;
    link->closed = closed;
    link->closed_arg = arg;
    uv_timer_stop(&link->heartbeat);
    uv_timer_stop(&link->next);
    (void)uv_timer_start(&link->farewell, on_farewell, BROKER_FAREWELL_MS, 0);
    on_wake(&link->wake);
}

static void identity_make(struct broker_link *link)
{
    struct timespec now;
    struct tm utc;
    id_make(ID_BOOT, link->gateway->boot_id);
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t n = strftime(link->started, sizeof link->started, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(link->started + n, sizeof link->started - n, ".%03ldZ", now.tv_nsec / 1000000);
}

int broker_link_open(struct broker_link **ret, uv_loop_t *loop, struct gateway *gateway,
                     const struct config *config, const char *address,
                     void (*close_session)(void *arg, const char *session, int64_t connection,
                                           enum fail fail),
                     void *arg, struct error *err)
{
    struct broker_link *link = calloc(1, sizeof *link);
    if (!link)
        return error_set(err, CE_NOMEM, "no memory");
    link->gateway = gateway;
    link->heartbeat_ms = config->gateway_heartbeat_ms ? config->gateway_heartbeat_ms : 1000;
    link->close_session = close_session;
    link->close_arg = arg;
    text_copy(link->address, sizeof link->address, address);
    identity_make(link);
    list_init(&link->incoming);
    list_init(&link->waiting);
    list_init(&link->flying);
    pthread_mutex_init(&link->lock, NULL);
    if (http_client_open(&link->http, loop, config->gateway_broker_socket) ||
        uv_timer_init(loop, &link->heartbeat) || uv_timer_init(loop, &link->next) ||
        uv_timer_init(loop, &link->farewell) || uv_async_init(loop, &link->wake, on_wake))
        return error_set(err, CE_NOMEM, "the link to the broker cannot be set up"); /* the process ends */
    link->handles = 4;
    link->heartbeat.data = link->next.data = link->farewell.data = link->wake.data = link;
    *ret = link;
    return 0;
}

void broker_link_start(struct broker_link *link)
{
    (void)uv_timer_start(&link->heartbeat, on_heartbeat, 0, link->heartbeat_ms);
}

void broker_link_set_idle(struct broker_link *link, bool idle)
{
    link->idle = idle;
    atomic_store(&link->gateway->ready, !link->down && !idle);
}

void broker_link_on_drain(struct broker_link *link, void (*drain)(void *arg, bool draining))
{
    link->drain = drain;
}

void broker_link_on_message(struct broker_link *link,
                            void (*show)(void *arg, const struct broker_message *message))
{
    link->show = show;
}

void broker_link_set_fingerprint(struct broker_link *link, const char *fingerprint)
{
    text_copy(link->fingerprint, sizeof link->fingerprint, fingerprint);
}
