#include "counters.h"

#include <stdio.h>

#include "admission.h"
#include "log.h"

const unsigned histogram_bounds_ms[HISTOGRAM_BUCKETS - 1] = {5,   10,   25,   50,   100,   250,
                                                             500, 1000, 2500, 5000, 10000, 30000};

void histogram_add(struct histogram *histogram, uint64_t ms)
{
    unsigned i = 0;
    while (i < HISTOGRAM_BUCKETS - 1 && ms > histogram_bounds_ms[i])
        i++;
    counter_add(&histogram->counts[i], 1);
    counter_add(&histogram->sum_ms, ms);
}

void counters_log(struct counters *counters, struct admission *admission)
{
    struct admission_figures figures = admission_figures(admission);
    log_info(
        "The gateway's counters. connections=%llu logging_in=%llu addresses=%llu accepted=%llu logins=%llu "
        "relays=%llu bytes_in=%llu bytes_out=%llu dropped_pdus=%llu lost_reports=%llu",
        (unsigned long long)figures.connections, (unsigned long long)figures.logins,
        (unsigned long long)figures.addresses, counter_get(&counters->accepted),
        counter_get(&counters->logins), counter_get(&counters->relays), counter_get(&counters->bytes_in),
        counter_get(&counters->bytes_out), counter_get(&counters->dropped_pdus),
        counter_get(&counters->lost_reports));
    for (unsigned i = 0; i < FAIL_COUNT; i++) {
        unsigned long long n = counter_get(&counters->ends[i]);
        if (n)
            log_info("Connections that ended with one code. code=%s count=%llu", fail_code((enum fail)i), n);
    }
}
