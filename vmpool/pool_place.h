/* What placement.h decides on, gathered from the rows of a pass: the hosts with what stands on them. Made for one
 * batch of new desktops of one pool and counted on while they are placed. Loop's thread.
 */
#ifndef VMPOOL_POOL_PLACE_H
#define VMPOOL_POOL_PLACE_H

#include "placement.h"
#include "vmpool.h"

struct pool_place {
    struct placement_need need;
    struct placement_host *hosts; /* as many as vm->world has, in its order */
    const struct pool_row *pool;  /* borrowed from vm->world */
};

/* CE_NOMEM. */
int pool_place_init(struct pool_place *place, const struct vmpool *vm,
                    const struct pool_row *pool) MUST_CHECK;
void pool_place_finish(struct pool_place *place);

/* How many desktops the pool can have, by its quota on each host that it may use. */
uint32_t pool_place_ceiling(const struct vmpool *vm, const struct pool_row *pool);

/* Leaves the hosts that have the disks of FROM's desktops, and the image; false: there is none but FROM, whatever else
 * may be in the way. */
bool pool_place_elsewhere(struct pool_place *place, const struct vmpool *vm, const struct host_row *from,
                          const char *image_id);

/* The host for one more desktop, which is counted there from now on; NULL with why (enum placement). */
const struct host_row *pool_place_next(struct pool_place *place, const struct vmpool *vm, int *ret_why);

#endif
