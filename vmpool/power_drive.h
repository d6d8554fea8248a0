/* What calendars and former weeks say about the pools of a pass: read and asked in the snapshot's job, acted on by the
 * reconciler. Loop's thread, except for power_read().
 */
#ifndef VMPOOL_POWER_DRIVE_H
#define VMPOOL_POWER_DRIVE_H

#include <carrel/power.h>

#include "pool_demand.h"
#include "vmpool.h"

/* One pool that somebody said something of. */
struct power_now {
    struct power_row row;  /* now_*: what holds as of this pass */
    struct power_row told; /* as the store has it */
    uint32_t spare;        /* the pool's own */
    char words[POWER_WHY_SIZE];
    struct demand_slot slots[POWER_AHEAD_SLOTS]; /* autoscale */
    unsigned slot_count;
};

/* In the snapshot's job, behind the pools. */
int power_read(struct db *db, struct snapshot *snapshot) MUST_CHECK;

/* Puts what is wanted into the spare of the pass's pools, and tells the store of what changed. */
void power_apply(struct vmpool *vm);
/* Desktops of pools whose schedule says something else than BEFORE are driven. */
void power_world_changed(struct vmpool *vm, const struct snapshot *before);

/* NULL: nobody said anything; spare, and desktops are kept. */
const struct power_row *power_of_pool(const struct vmpool *vm, const char *pool_id);

#endif
