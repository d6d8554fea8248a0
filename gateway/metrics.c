#include "metrics.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admission.h"
#include "gateway.h"
#include "listener.h"
#include "log.h"
#include "session.h"

struct metrics {
    struct gateway *gateway; /* borrowed */
    struct MHD_Daemon *daemon;
};

/* ---- the text ---- */

static void head(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP carrel_gateway_%s %s\n# TYPE carrel_gateway_%s %s\n", name, help, name, type);
}

static void value(FILE *out, const char *name, const char *type, const char *help, unsigned long long n)
{
    head(out, name, type, help);
    fprintf(out, "carrel_gateway_%s %llu\n", name, n);
}

static void by_code(FILE *out, const char *name, const char *label, const char *help, atomic_ullong *counts)
{
    head(out, name, "counter", help);
    for (unsigned i = 0; i < FAIL_COUNT; i++)
        fprintf(out, "carrel_gateway_%s{%s=\"%s\"} %llu\n", name, label,
                i == FAIL_NONE ? "accepted" : fail_code((enum fail)i), counter_get(&counts[i]));
}

static void histogram(FILE *out, const char *name, const char *help, struct histogram *h)
{
    unsigned long long sum = 0;
    head(out, name, "histogram", help);
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        sum += counter_get(&h->counts[i]);
        if (i + 1 < HISTOGRAM_BUCKETS)
            fprintf(out, "carrel_gateway_%s_bucket{le=\"%g\"} %llu\n", name, histogram_bounds_ms[i] / 1000.0,
                    sum);
    }
    fprintf(out, "carrel_gateway_%s_bucket{le=\"+Inf\"} %llu\n", name, sum);
    fprintf(out, "carrel_gateway_%s_sum %g\n", name, (double)counter_get(&h->sum_ms) / 1000.0);
    fprintf(out, "carrel_gateway_%s_count %llu\n", name, sum);
}

struct living {
    unsigned long long sessions, bytes_in, bytes_out;
};

static void add_living(void *arg, const struct registry_entry *entry)
{
    struct living *living = arg;
    living->sessions++;
    living->bytes_in += atomic_load_explicit(&entry->bytes_in, memory_order_relaxed);
    living->bytes_out += atomic_load_explicit(&entry->bytes_out, memory_order_relaxed);
}

void metrics_print(struct gateway *gateway, FILE *out)
{
    struct counters *c = &gateway->counters;
    struct admission_figures figures = admission_figures(gateway->admission);
    struct living living = {0};
    registry_walk(&gateway->registry, add_living, &living);
    value(out, "ready", "gauge", "1: it takes connections and its broker answers.",
          atomic_load(&gateway->ready));
    value(out, "connections", "gauge", "Client connections.", figures.connections);
    value(out, "connections_before_login", "gauge", "Client connections that have not logged in.",
          figures.logins);
    value(out, "sessions", "gauge", "Sessions that were let in.", living.sessions);
    value(out, "accepted_total", "counter", "Client connections ever.", counter_get(&c->accepted));
    value(out, "relays_total", "counter", "Sessions that reached their desktop.", counter_get(&c->relays));
    value(out, "bytes_from_clients_total", "counter", "Relayed from clients to desktops.",
          counter_get(&c->bytes_in) + living.bytes_in);
    value(out, "bytes_to_clients_total", "counter", "Relayed from desktops to clients.",
          counter_get(&c->bytes_out) + living.bytes_out);
    value(out, "dropped_pdus_total", "counter", "PDUs that were not passed on.",
          counter_get(&c->dropped_pdus));
    value(out, "lost_reports_total", "counter", "Reports that the broker never got.",
          counter_get(&c->lost_reports));
    by_code(out, "logins_total", "outcome", "The broker's answers to log-ins.", c->login_outcomes);
    by_code(out, "ends_total", "code", "Connections that ended, and why; refusals too.", c->ends);
    histogram(out, "handshake_seconds", "From the connection to the end of TLS.", &c->handshake);
    histogram(out, "login_seconds", "From the user's name to the desktop's first picture data.", &c->login);
}

/* ---- HTTP ---- */

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type,
                              char *text, size_t len, enum MHD_ResponseMemoryMode mode)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(len, text, mode);
    if (!response)
        return MHD_NO;
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer_words(struct MHD_Connection *connection, unsigned status, const char *words)
{
    char text[64];
    int n = snprintf(text, sizeof text, "%s\n", words);
    return answer(connection, status, "text/plain; charset=utf-8", text, (size_t)n, MHD_RESPMEM_MUST_COPY);
}

static enum MHD_Result answer_metrics(struct MHD_Connection *connection, struct gateway *gateway)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (!out)
        return MHD_NO;
    metrics_print(gateway, out);
    if (fclose(out)) {
        free(text);
        return MHD_NO;
    }
    return answer(connection, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", text, len,
                  MHD_RESPMEM_MUST_FREE);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_len, void **state)
{
    struct metrics *metrics = arg;
    static int seen;
    (void)version, (void)upload;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return MHD_NO;
    if (!*state) { /* the headers only; the answer comes when the request is whole */
        *state = &seen;
        return MHD_YES;
    }
    *upload_len = 0;
    if (!strcmp(path, "/metrics"))
        return answer_metrics(connection, metrics->gateway);
    if (!strcmp(path, "/healthz"))
        return answer_words(connection, MHD_HTTP_OK, "ok");
    if (strcmp(path, "/readyz") != 0)
        return answer_words(connection, MHD_HTTP_NOT_FOUND, "there is /metrics, /healthz and /readyz");
    if (atomic_load(&metrics->gateway->ready))
        return answer_words(connection, MHD_HTTP_OK, "ready");
    return answer_words(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "draining, or the broker does not answer");
}

int metrics_listen(const char *address, int *ret_fd, struct error *err)
{
    struct sockaddr_storage storage;
    socklen_t len;
    const int on = 1;
    if (listener_address_parse(address, &storage, &len))
        return error_set(err, CE_BAD_INPUT, "gateway.metrics: '%s' is not like 127.0.0.1:9389", address);
    int fd = socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) ||
        (storage.ss_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on)) ||
        bind(fd, (struct sockaddr *)&storage, len) || listen(fd, METRICS_CONNECTIONS_MAX)) {
        int rc = error_set(err, CE_IO, "cannot listen for metrics on %s: %s", address, strerror(errno));
        if (fd >= 0)
            close(fd);
        return rc;
    }
    *ret_fd = fd;
    return 0;
}

int metrics_open(struct metrics **ret, struct gateway *gateway, int fd, struct error *err)
{
    struct metrics *metrics = calloc(1, sizeof *metrics);
    struct sockaddr_storage bound;
    socklen_t len = sizeof bound;
    char host[INET6_ADDRSTRLEN] = "", port[8] = "";
    if (metrics) {
        metrics->gateway = gateway;
        metrics->daemon = MHD_start_daemon(
            MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, on_request, metrics,
            MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)METRICS_CONNECTIONS_MAX,
            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)METRICS_TIMEOUT_S, MHD_OPTION_END);
    }
    if (!metrics || !metrics->daemon) {
        free(metrics);
        close(fd);
        return error_set(err, CE_NOMEM, "metrics cannot be served");
    }
    if (!getsockname(fd, (struct sockaddr *)&bound, &len))
        session_peer_print(&bound, host, sizeof host, port, sizeof port);
    log_info("Metrics are served. address=%s port=%s", host, port);
    *ret = metrics;
    return 0;
}

void metrics_close(struct metrics **metrics)
{
    if (*metrics)
        MHD_stop_daemon((*metrics)->daemon);
    free(*metrics);
    *metrics = NULL;
}
