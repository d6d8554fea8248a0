#include "hist.h"

#include <math.h>

/* Values below 2^(SUB_BITS+1) have a bucket each; above, the SUB_BITS bits behind the leading one choose. */
static unsigned index_of(uint64_t value)
{
    if (value < 2u << HIST_SUB_BITS)
        return (unsigned)value;
    unsigned shift = 63u - (unsigned)__builtin_clzll(value) - HIST_SUB_BITS;
    return (shift << HIST_SUB_BITS) + (unsigned)(value >> shift);
}

static uint64_t upper_edge(unsigned index)
{
    if (index < 2u << HIST_SUB_BITS)
        return index;
    unsigned shift = (index >> HIST_SUB_BITS) - 1;
    uint64_t low = (uint64_t)(index - (shift << HIST_SUB_BITS)) << shift;
    return low + ((1ull << shift) - 1);
}

void hist_record(struct hist *h, uint64_t value)
{
    if (!h->count || value < h->min)
        h->min = value;
    if (value > h->max)
        h->max = value;
    h->count++;
    h->sum += (double)value;
    h->buckets[index_of(value)]++;
}

void hist_merge(struct hist *h, const struct hist *other)
{
    if (!other->count)
        return;
    if (!h->count || other->min < h->min)
        h->min = other->min;
    if (other->max > h->max)
        h->max = other->max;
    h->count += other->count;
    h->sum += other->sum;
    for (unsigned i = 0; i < HIST_BUCKETS; i++)
        h->buckets[i] += other->buckets[i];
}

uint64_t hist_percentile(const struct hist *h, double percent)
{
    double rank = ceil(percent / 100.0 * (double)h->count);
    uint64_t wanted = rank < 1 ? 1 : (uint64_t)rank, seen = 0;
    if (!h->count)
        return 0;
    for (unsigned i = 0; i < HIST_BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen >= wanted)
            return upper_edge(i) < h->max ? upper_edge(i) : h->max;
    }
    return h->max;
}

double hist_mean(const struct hist *h)
{
    return h->count ? h->sum / (double)h->count : 0;
}
