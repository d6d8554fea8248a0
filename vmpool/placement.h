/* On which host a new guest starts. Pure; any thread. */
#ifndef VMPOOL_PLACEMENT_H
#define VMPOOL_PLACEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct placement_host {
    bool usable;         /* connected and enabled */
    uint64_t memory_mib; /* 0: not known, taken as enough */
    uint64_t used_mib;   /* by our desktops there */
    uint32_t starting;   /* cloning or booting there */
    uint32_t starting_max;
};

enum placement {
    PLACEMENT_NO_HOST = -1,   /* none is up and enabled */
    PLACEMENT_NO_MEMORY = -2, /* no usable host has the memory */
    PLACEMENT_BUSY = -3,      /* as many guests start already as may at once: ask again */
};

/* The index of the host with the most free memory that may start another guest, or one of the above. */
int placement_choose(const struct placement_host *hosts, size_t count, uint64_t need_mib);

#endif
