/* On which host a new guest starts. Pure; any thread. The policy, in this order:
 *
 *   1. A host must be usable, have the labels that the pool wants and none that it refuses, hold the image, have
 *      fewer desktops than it may in all and than the pool may have there, and have the memory, processors and disk
 *      that the guest needs, counted with over-commitment.
 *   2. Of those, the ones that may start another guest now.
 *   3. Of those, where the pool has the fewest desktops among hosts of the same value of its label "apart".
 *   4. Of those, the one with the most room left (spread) or the least (pack), by what is scarcer there,
 *      memory or processors; the one with fewer desktops of the pool when that is equal; else the first.
 */
#ifndef VMPOOL_PLACEMENT_H
#define VMPOOL_PLACEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <carrel/rows.h>

struct placement_host {
    bool usable;      /* up, and active */
    bool has_image;   /* guests of the pool's image can be cloned there */
    const char *name; /* borrowed, as labels */
    const char *labels;
    uint64_t memory_mib; /* what may be promised; 0: not known, taken as enough */
    uint64_t used_mib;   /* by our desktops there */
    uint64_t vcpus;      /* what may be promised; 0: not known, taken as enough */
    uint64_t used_vcpus;
    bool disk_known;
    uint64_t disk_free_mib;
    uint32_t starting; /* cloning or booting there */
    uint32_t starting_max;
    uint32_t of_pool; /* the pool's desktops there */
    uint32_t total;   /* desktops of all pools */
    uint32_t max;     /* ... at most; 0: any number */
};

struct placement_need {
    uint64_t memory_mib;
    uint64_t vcpus;
    uint64_t disk_mib;  /* what has to be free for a start */
    const char *labels; /* as in labels.h, with '!' */
    const char *apart;  /* "", "host", or a label's key; hosts without the label stand for themselves */
    enum pool_placement order;
    uint32_t host_max; /* desktops of the pool on one host; 0: any number */
};

/* Why no host was chosen: the last thing that the hosts which came furthest lacked. */
enum placement {
    PLACEMENT_NO_HOST = -1,    /* none is up and active */
    PLACEMENT_NO_LABEL = -2,   /* none of them has the labels */
    PLACEMENT_NO_IMAGE = -3,   /* the image is on none of them yet */
    PLACEMENT_POOL_QUOTA = -4, /* the pool has as many desktops on each of the others as it may on one host */
    PLACEMENT_HOST_QUOTA = -5, /* each of the others has as many desktops as it may */
    PLACEMENT_NO_MEMORY = -6,
    PLACEMENT_NO_CPU = -7,
    PLACEMENT_NO_DISK = -8,
    PLACEMENT_BUSY = -9, /* as many guests start already as may at once: ask again */
};

/* The index of the host, or one of the above. */
int placement_choose(const struct placement_host *hosts, size_t count, const struct placement_need *need);

/* A whole sentence's end for the pool's reason; "" for PLACEMENT_BUSY. */
const char *placement_words(int why);

/* How many desktops the pool can have, by its quota on each of so many hosts: MAX, or fewer. */
uint32_t placement_ceiling(uint32_t max, uint32_t host_max, size_t host_count);

/* One more guest of the pool starts on the host. */
void placement_take(struct placement_host *host, const struct placement_need *need);

#endif
