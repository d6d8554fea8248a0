#include "limit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tls_record.h"
#include "tls_io.h"

enum { BATCH_BYTES = 4 << 20 };

struct limit {
    struct tls_record record;
    uint8_t clear[TLS_RECORD_MAX_BYTES], copy[TLS_RECORD_MAX_BYTES];
    uint8_t sealed[TLS_RECORD_MAX_BYTES + TLS_RECORD_TAG_LEN];
};

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* BATCH_BYTES in records of LEN; only the second half of the work is the relay's, so the first is not timed. */
static bool batch(struct limit *l, size_t len, uint64_t *ret_ns, uint64_t *ret_bytes)
{
    size_t count = BATCH_BYTES / len;
    if (!tls_record_seal(&l->record, l->clear, len, l->sealed))
        return false;
    uint64_t from_ns = cpu_ns();
    for (size_t i = 0; i < count; i++) {
        if (!tls_record_open(&l->record, l->sealed, len, l->clear))
            return false;
        memcpy(l->copy, l->clear, len);
        if (!tls_record_seal(&l->record, l->copy, len, l->sealed))
            return false;
    }
    *ret_ns += cpu_ns() - from_ns;
    *ret_bytes += count * len;
    return true;
}

int limit_run(const struct plan *plan, struct report *report, struct error *err)
{
    struct limit *l = calloc(1, sizeof *l);
    /* A PDU longer than a record travels in several; the average one is what counts then. */
    size_t records = (plan->pdu_bytes + TLS_RECORD_MAX_BYTES - 1) / TLS_RECORD_MAX_BYTES;
    size_t len = plan->pdu_bytes / records;
    uint64_t ns = 0, bytes = 0;
    bool ok = l && tls_record_init(&l->record);
    while (ok && ns < plan->duration_ms * 1000000)
        ok = batch(l, len, &ns, &bytes);
    if (ok) {
        snprintf(report->title, sizeof report->title, "limit: AES-128-GCM, records of %zu bytes", len);
        report_metric(report, UNIT_BYTES, (double)bytes, "stream.bytes");
        report_metric(report, UNIT_S_PER_GB, (double)ns / (double)bytes, "limit.cpu_per_gb");
    }
    if (l)
        tls_record_finish(&l->record);
    free(l);
    return ok ? 0 : error_set(err, CE_INTERNAL, "AES-GCM failed");
}
