/* The clock of leases: CLOCK_BOOTTIME, which runs while the machine sleeps and which nobody sets. Any thread. */
#ifndef VMPOOL_BOOTTIME_H
#define VMPOOL_BOOTTIME_H

#include <stdint.h>
#include <time.h>

static inline uint64_t boottime_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#endif
