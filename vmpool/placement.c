#include "placement.h"

int placement_choose(const struct placement_host *hosts, size_t count, uint64_t need_mib)
{
    int best = -1;
    uint64_t best_free = 0;
    bool usable = false, fits = false;
    for (size_t i = 0; i < count; i++) {
        const struct placement_host *h = &hosts[i];
        if (!h->usable)
            continue;
        usable = true;
        uint64_t memory_mib = h->memory_mib ? h->memory_mib : UINT64_MAX / 2;
        if (h->used_mib > memory_mib || need_mib > memory_mib - h->used_mib)
            continue;
        fits = true;
        if (h->starting >= h->starting_max)
            continue;
        uint64_t free_mib = memory_mib - h->used_mib;
        if (best < 0 || free_mib > best_free) {
            best = (int)i;
            best_free = free_mib;
        }
    }
    if (best >= 0)
        return best;
    return !usable ? PLACEMENT_NO_HOST : !fits ? PLACEMENT_NO_MEMORY : PLACEMENT_BUSY;
}
