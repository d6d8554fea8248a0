/* How many desktops of each pool are in use at most, by the quarter of an hour of the week: counted in memory from what
 * the passes know anyway, and written once a quarter, and now and then while it grows. Loop's thread, except for
 * usage_read().
 */
#ifndef VMPOOL_USAGE_H
#define VMPOOL_USAGE_H

#include "vmpool.h"

#define USAGE_BEAT_MS 300000 /* between writes of what has grown meanwhile */

/* In the snapshot's job: which quarter of which week it is for the pools' clocks. */
int usage_read(struct snapshot *snapshot, int64_t now_s) MUST_CHECK;

/* By who sizes the pools, in each pass. */
void usage_drive(struct vmpool *vm);
void usage_free(struct vmpool *vm);

#endif
