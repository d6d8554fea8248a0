/* What the gateway counts, for the log (SIGUSR1) and for metrics. One for the process; any thread adds,
 * without order between the counters.
 */
#ifndef CARREL_GATEWAY_COUNTERS_H
#define CARREL_GATEWAY_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

#include <carrel/fail.h>

enum { HISTOGRAM_BUCKETS = 13 };

/* Upper bounds of all buckets but the last one. */
extern const unsigned histogram_bounds_ms[HISTOGRAM_BUCKETS - 1];

struct histogram {
    atomic_ullong counts[HISTOGRAM_BUCKETS];
    atomic_ullong sum_ms;
};

struct counters {
    atomic_ullong accepted;
    atomic_ullong logins;   /* calls to the broker */
    atomic_ullong relays;   /* sessions that reached their guest */
    atomic_ullong bytes_in; /* from clients, of ended sessions */
    atomic_ullong bytes_out;
    atomic_ullong dropped_pdus;
    atomic_ullong lost_reports; /* connection reports that the broker never got */
    atomic_ullong ends[FAIL_COUNT];
    atomic_ullong login_outcomes[FAIL_COUNT]; /* the broker's answers; FAIL_NONE: let in */
    struct histogram handshake;               /* from accept to the end of TLS */
    struct histogram login;                   /* from Client Info to the relay */
};

static inline void counter_add(atomic_ullong *counter, unsigned long long n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static inline unsigned long long counter_get(atomic_ullong *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void histogram_add(struct histogram *histogram, uint64_t ms);

struct admission;
void counters_log(struct counters *counters, struct admission *admission);

#endif
