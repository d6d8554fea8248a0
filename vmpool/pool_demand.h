/* How many desktops of a pool are usually in use soon: what has to be started before the usual morning. Pure functions
 * of what was counted in former weeks; any thread. The policy:
 *
 *   1. Usual for a quarter of an hour of the week is what was in use then at most, in the second highest of the last
 *      four weeks: one odd week, a feast or a training day, changes nothing. With fewer than three weeks known it is
 *      the highest, with none nothing is usual.
 *   2. A quarter counts from so long before it as all its desktops take to boot, as boots took lately and as many at
 *      once as may start, with half of that and a minute to spare; until it is over.
 *   3. Of the quarters that count the largest decides.
 */
#ifndef VMPOOL_POOL_DEMAND_H
#define VMPOOL_POOL_DEMAND_H

#include <stdint.h>

#include <carrel/power.h>

struct demand_slot {
    int64_t begins_s; /* the present one: in the past */
    uint32_t slot;    /* of the week */
    int32_t peaks[POWER_WEEKS];
};

struct demand_question {
    const struct demand_slot *slots; /* in their order, without gaps; the first one is the present one */
    unsigned count;
    uint32_t parallel; /* boots at once */
    uint64_t boot_ms;  /* how long one takes */
    int64_t now_s;
};

struct demand_answer {
    uint32_t demand;   /* desktops in use; 0: nothing is usual */
    uint32_t slot;     /* the quarter that says so, of the week */
    int64_t look_at_s; /* when the answer may be another one for the time alone; 0: not known */
};

struct demand_answer pool_demand_at(const struct demand_question *question);

/* -1: not known. */
int32_t pool_demand_usual(const int32_t peaks[POWER_WEEKS]);

#endif
