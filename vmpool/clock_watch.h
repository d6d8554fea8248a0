/* Notices that the wall clock was set. Pauses and deadlines are kept in its time, because rows of the store outlive the
 * process; a clock that was set back would make them as much longer as it was set back. Who finds a step forgets the
 * pauses that this process made; those of rows are bounded where they are read. Pure; loop's thread.
 */
#ifndef VMPOOL_CLOCK_WATCH_H
#define VMPOOL_CLOCK_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_STEP_MS 2000 /* smaller differences are a clock that is being disciplined */

struct clock_watch {
    int64_t wall_ms;
    int64_t steady_ms; /* of a clock that nobody sets */
};

/* By how much the wall clock was set since the last look; 0: not, or this is the first look. */
int64_t clock_watch_step(struct clock_watch *watch, int64_t wall_ms, int64_t steady_ms);

/* AT_MS, which lies at most MAX_MS ahead of the time at which it was made: NOW_MS when it lies further ahead, so that
 * a pause made before the clock was set back ends at once. */
int64_t clock_watch_bound(int64_t at_ms, int64_t now_ms, int64_t max_ms);

#endif
