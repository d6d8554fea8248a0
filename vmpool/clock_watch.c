#include "clock_watch.h"

int64_t clock_watch_step(struct clock_watch *watch, int64_t wall_ms, int64_t steady_ms)
{
    int64_t step_ms = 0;
    if (watch->steady_ms)
        step_ms = (wall_ms - watch->wall_ms) - (steady_ms - watch->steady_ms);
    watch->wall_ms = wall_ms;
    watch->steady_ms = steady_ms;
    return step_ms > -CLOCK_STEP_MS && step_ms < CLOCK_STEP_MS ? 0 : step_ms;
}

int64_t clock_watch_bound(int64_t at_ms, int64_t now_ms, int64_t max_ms)
{
    return at_ms > now_ms + max_ms ? now_ms : at_ms;
}
