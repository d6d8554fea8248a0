/* A histogram of durations or sizes with a bounded relative error: 128 buckets for each power of two, so a
 * percentile is at most 0.8 % above the true one, whatever the range. Recording costs no memory and a few
 * instructions. Plain memory of the caller, any thread.
 */
#ifndef CARREL_LOAD_HIST_H
#define CARREL_LOAD_HIST_H

#include <stdint.h>

enum {
    HIST_SUB_BITS = 7,
    HIST_BUCKETS = (64 - HIST_SUB_BITS + 1) << HIST_SUB_BITS,
};

struct hist {
    uint64_t count, min, max;
    double sum;
    uint64_t buckets[HIST_BUCKETS];
};

void hist_record(struct hist *h, uint64_t value);
void hist_merge(struct hist *h, const struct hist *other);

/* The value that PERCENT of the recorded ones do not exceed (the upper edge of its bucket, never above the
 * largest recorded one); 0 while nothing is recorded. */
uint64_t hist_percentile(const struct hist *h, double percent);
double hist_mean(const struct hist *h);

#endif
