#include "bare.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tls_record.h"
#include "tls_io.h"

enum {
    RECORDS_MAX = 2, /* of one PDU */
    SEALED_MAX_BYTES = TLS_RECORD_HEADER_LEN + TLS_RECORD_MAX_BYTES + TLS_RECORD_TAG_LEN,
};

struct bare {
    struct tls_record record;
    int in[2], out[2];   /* the loop has in[1] and out[0] */
    size_t len, records; /* bytes in a record, records in a PDU */
    uint8_t pdu[RECORDS_MAX * SEALED_MAX_BYTES];
    uint8_t clear[TLS_RECORD_MAX_BYTES], copy[TLS_RECORD_MAX_BYTES];
    uint8_t got[TLS_READ_AHEAD_BYTES], sent[TLS_READ_AHEAD_BYTES];
};

static uint64_t now_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static size_t sealed_len(const struct bare *b)
{
    return TLS_RECORD_HEADER_LEN + b->len + TLS_RECORD_TAG_LEN;
}

/* A TCP connection over loopback to ourselves. */
static bool connect_pair(int ret[2])
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int one = 1, listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ret[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = listening >= 0 && ret[0] >= 0 && !bind(listening, (struct sockaddr *)&at, len) &&
              !listen(listening, 1) && !getsockname(listening, (struct sockaddr *)&at, &len) &&
              !connect(ret[0], (struct sockaddr *)&at, len);
    ret[1] = ok ? accept4(listening, NULL, NULL, SOCK_CLOEXEC) : -1;
    for (unsigned i = 0; i < 2; i++)
        (void)setsockopt(ret[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    close(listening);
    return ret[1] >= 0;
}

static bool send_all(int fd, const uint8_t *bytes, size_t len)
{
    while (len) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

static void *pour(void *arg)
{
    struct bare *b = arg;
    while (send_all(b->in[0], b->pdu, b->records * sealed_len(b)))
        continue;
    return NULL;
}

static void *throw_away(void *arg)
{
    struct bare *b = arg;
    uint8_t *bytes = malloc(TLS_READ_AHEAD_BYTES);
    while (bytes && recv(b->out[1], bytes, TLS_READ_AHEAD_BYTES, 0) > 0)
        continue;
    free(bytes);
    return NULL;
}

/* The whole records among HELD bytes go out; how many bytes are left of the next one, or -1. */
static ssize_t pass_on(struct bare *b, size_t held, uint64_t *ret_bytes)
{
    size_t at = 0, filled = 0;
    for (; held - at >= sealed_len(b); at += sealed_len(b), filled += sealed_len(b)) {
        uint8_t *out = b->sent + filled;
        if (!tls_record_open(&b->record, b->got + at + TLS_RECORD_HEADER_LEN, b->len, b->clear))
            return -1;
        memcpy(b->copy, b->clear, b->len);
        memset(out, 0, TLS_RECORD_HEADER_LEN);
        if (!tls_record_seal(&b->record, b->copy, b->len, out + TLS_RECORD_HEADER_LEN))
            return -1;
        *ret_bytes += b->len;
    }
    memmove(b->got, b->got + at, held - at);
    return send_all(b->out[0], b->sent, filled) ? (ssize_t)(held - at) : -1;
}

static bool relay(struct bare *b, uint64_t duration_ns, uint64_t *ret_ns, uint64_t *ret_bytes)
{
    const uint64_t from_ns = now_ns(CLOCK_THREAD_CPUTIME_ID), began_ns = now_ns(CLOCK_MONOTONIC);
    ssize_t held = 0;
    while (now_ns(CLOCK_MONOTONIC) - began_ns < duration_ns) {
        ssize_t n = recv(b->in[1], b->got + held, sizeof b->got - (size_t)held, 0);
        if (n <= 0)
            return false;
        held = pass_on(b, (size_t)(held + n), ret_bytes);
        if (held < 0)
            return false;
    }
    *ret_ns = now_ns(CLOCK_THREAD_CPUTIME_ID) - from_ns;
    return true;
}

static bool pdu_make(struct bare *b)
{
    for (size_t i = 0; i < b->records; i++) {
        if (!tls_record_seal(&b->record, b->clear, b->len,
                             b->pdu + i * sealed_len(b) + TLS_RECORD_HEADER_LEN))
            return false;
    }
    return true;
}

/* The threads end with their sockets. */
static bool run(struct bare *b, uint64_t duration_ns, uint64_t *ret_ns, uint64_t *ret_bytes)
{
    pthread_t source, sink;
    if (pthread_create(&source, NULL, pour, b))
        return false;
    bool ok = !pthread_create(&sink, NULL, throw_away, b);
    bool has_sink = ok;
    ok = ok && relay(b, duration_ns, ret_ns, ret_bytes);
    (void)shutdown(b->in[0], SHUT_RDWR); /* its send() may wait for us, who read no more */
    (void)shutdown(b->out[0], SHUT_RDWR);
    pthread_join(source, NULL);
    if (has_sink)
        pthread_join(sink, NULL);
    return ok;
}

int bare_run(const struct plan *plan, struct report *report, struct error *err)
{
    struct bare *b = calloc(1, sizeof *b);
    uint64_t ns = 0, bytes = 0;
    if (!b)
        return error_set(err, CE_NOMEM, "no memory for the loop");
    b->in[0] = b->in[1] = b->out[0] = b->out[1] = -1;
    b->records = (plan->pdu_bytes + TLS_RECORD_MAX_BYTES - 1) / TLS_RECORD_MAX_BYTES;
    b->len = plan->pdu_bytes / b->records;
    bool ok = tls_record_init(&b->record) && pdu_make(b) && connect_pair(b->in) && connect_pair(b->out) &&
              run(b, plan->duration_ms * 1000000, &ns, &bytes) && bytes;
    if (ok) {
        snprintf(report->title, sizeof report->title, "bare: a relay without protocols, records of %zu bytes",
                 b->len);
        report_metric(report, UNIT_BYTES, (double)bytes, "stream.bytes");
        report_metric(report, UNIT_S_PER_GB, (double)ns / (double)bytes, "bare.cpu_per_gb");
    }
    for (unsigned i = 0; i < 2; i++) {
        close(b->in[i]);
        close(b->out[i]);
    }
    tls_record_finish(&b->record);
    free(b);
    return ok ? 0 : error_set(err, CE_IO, "the bare loop broke: %s", strerror(errno));
}
