/* What a pool's calendar says: how many desktops stand ready now, and when that changes next. Pure functions of the
 * rules, the time zone and the time; any thread. The policy:
 *
 *   1. A rule holds on its days (those of its beginning) from its first to its last time on the clocks of the pool's
 *      zone. One that ends at or before its beginning goes on behind midnight.
 *   2. Of rules that hold at once the one that says most counts: always-on, else the largest number, else on-connect,
 *      else off.
 *   3. Outside of all rules the pool's own word counts.
 *   4. A time that the clocks pass over when summer begins is the moment of the change; of a time that they show twice
 *      when it ends the first counts. A rule is thus neither missed nor begun twice.
 */
#ifndef VMPOOL_POOL_SCHEDULE_H
#define VMPOOL_POOL_SCHEDULE_H

#include <stddef.h>
#include <stdint.h>

#include <carrel/power.h>

#include "zone.h"

struct pool_schedule {
    enum power_mode mode; /* outside of the rules */
    uint32_t spare;       /* ... with POWER_SPARE */
    const struct power_rule *rules;
    unsigned count;
    const struct zone *zone;
};

struct schedule_answer {
    enum power_mode mode;
    uint32_t spare; /* 0 unless POWER_SPARE */
    int rule;       /* the one that counts; -1: none holds */
    int64_t until_s;
};

/* The answer at NOW; until_s is the first second of another answer, 0 when there is none within eight days. */
struct schedule_answer pool_schedule_at(const struct pool_schedule *schedule, int64_t now_s);

/* The quarter of an hour of the week that the zone's clocks show at AT, and the week's number (of usage_row). */
void pool_schedule_slot(const struct zone *zone, int64_t at_s, uint32_t *ret_slot, int64_t *ret_week);

/* The first second, from AT on, of the next quarter of an hour on the zone's clocks. */
int64_t pool_schedule_next_slot(const struct zone *zone, int64_t at_s);

/* "schedule Mon-Fri 07:30-18:00 says 10" */
void pool_schedule_words(const struct pool_schedule *schedule, const struct schedule_answer *answer,
                         char *ret, size_t size);

#endif
