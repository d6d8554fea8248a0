#include "wait_estimate.h"

enum {
    PERCENT_DONE = 100,
    PERCENT_STEP_MIN = 3, /* a smaller rise says too little about the pace */
    LEFT_MAX_S = 3600,    /* more than this is "nobody can say" */
};

void wait_estimate_note(struct wait_estimate *e, unsigned percent, uint64_t now_ms)
{
    if (percent == 0 || percent > PERCENT_DONE)
        return;
    if (!e->percent || percent < e->percent) {
        e->first_percent = percent;
        e->first_ms = now_ms;
        e->percent = 0;
    }
    if (percent != e->percent) {
        e->percent = percent;
        e->percent_ms = now_ms;
    }
}

unsigned wait_estimate_left_s(const struct wait_estimate *e, uint64_t now_ms)
{
    if (e->percent < e->first_percent + PERCENT_STEP_MIN || e->percent_ms <= e->first_ms)
        return 0;
    uint64_t pace_ms = (e->percent_ms - e->first_ms) / (e->percent - e->first_percent);
    uint64_t left_ms = pace_ms * (PERCENT_DONE - e->percent), since_ms = now_ms - e->percent_ms;
    left_ms = since_ms < left_ms ? left_ms - since_ms : 0;
    if (left_ms / 1000 > LEFT_MAX_S)
        return 0;
    return left_ms < 1000 ? 1 : (unsigned)((left_ms + 500) / 1000);
}
