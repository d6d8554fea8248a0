/* What the gateway counts, for the log (SIGUSR1) and later for metrics. One for the process; any thread adds,
 * without order between the counters.
 */
#ifndef CARREL_GATEWAY_COUNTERS_H
#define CARREL_GATEWAY_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

#include <carrel/fail.h>

struct counters {
    atomic_ullong accepted;
    atomic_ullong logins;   /* calls to the broker */
    atomic_ullong relays;   /* sessions that reached their guest */
    atomic_ullong bytes_in; /* from clients, of ended sessions */
    atomic_ullong bytes_out;
    atomic_ullong dropped_pdus;
    atomic_ullong lost_reports; /* connection reports that the broker never got */
    atomic_ullong ends[FAIL_COUNT];
};

static inline void counter_add(atomic_ullong *counter, unsigned long long n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static inline unsigned long long counter_get(atomic_ullong *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

struct admission;
void counters_log(struct counters *counters, struct admission *admission);

#endif
