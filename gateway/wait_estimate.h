/* How long a desktop will still take to start, from the percentages that the broker told: they rise with the
 * time that earlier starts took, so their pace says when 100 comes. Pure, any thread.
 */
#ifndef CARREL_GATEWAY_WAIT_ESTIMATE_H
#define CARREL_GATEWAY_WAIT_ESTIMATE_H

#include <stdint.h>

struct wait_estimate {
    unsigned first_percent, percent;
    uint64_t first_ms, percent_ms; /* when each was told */
};

/* A percentage was told. One below the last (another desktop was lost, this one starts anew) begins again. */
void wait_estimate_note(struct wait_estimate *e, unsigned percent, uint64_t now_ms);

/* Seconds still to wait, at least 1; 0: nobody can say yet. */
unsigned wait_estimate_left_s(const struct wait_estimate *e, uint64_t now_ms);

#endif
