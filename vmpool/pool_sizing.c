#include "pool_sizing.h"

static uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t minus(uint32_t a, uint32_t b)
{
    return a > b ? a - b : 0;
}

struct pool_plan pool_sizing_plan(const struct pool_row *pool, const struct pool_count *count, int64_t now_ms)
{
    struct pool_plan plan = {0};
    if (pool->deleting)
        return plan; /* the reconciler removes every desktop of it anyway */
    uint32_t fresh = minus(count->free_ready, count->stale);
    uint32_t wanted = pool->enabled ? pool->spare + pool->waiting : pool->spare;
    uint32_t have = fresh + count->coming;

    /* Stale guests go once enough fresh ones stand ready, one generation after the other; without
     * demand and with a full pool they have to make room first. */
    if (count->stale && (fresh >= wanted || (count->total >= pool->max && have < wanted)))
        plan.remove = count->stale;
    if (fresh > wanted)
        plan.remove += fresh - wanted;
    if (count->total > pool->max)
        plan.remove =
            min_u32(count->free_ready,
                    plan.remove > count->total - pool->max ? plan.remove : count->total - pool->max);

    if (!pool->enabled || pool->stopped || have >= wanted)
        return plan;
    uint32_t room = minus(pool->max, count->total);
    uint32_t create = min_u32(wanted - have, room);
    if (!create)
        return plan;
    if (pool->failures && pool->retry_at_ms > now_ms) {
        plan.wait_until_ms = pool->retry_at_ms;
        return plan;
    }
    /* After a failure one guest goes ahead; the others follow when it stands. */
    if (pool->failures)
        create = count->coming ? 0 : 1;
    plan.create = create;
    return plan;
}

uint64_t backoff_pause_ms(uint32_t failures, uint64_t pause_ms, uint64_t pause_max_ms)
{
    for (uint32_t i = 1; i < failures && pause_ms < pause_max_ms; i++)
        pause_ms *= 2;
    return pause_ms < pause_max_ms ? pause_ms : pause_max_ms;
}

struct pool_backoff pool_backoff_next(const struct pool_row *pool, int64_t now_ms, uint64_t pause_ms,
                                      uint64_t pause_max_ms, uint64_t failure_limit)
{
    struct pool_backoff next = {
        .failures = pool->failures, .retry_at_ms = pool->retry_at_ms, .stopped = pool->stopped};
    if (pool->stopped || (pool->failures && pool->retry_at_ms > now_ms))
        return next;
    next.failures = pool->failures + 1;
    next.retry_at_ms = now_ms + (int64_t)backoff_pause_ms(next.failures, pause_ms, pause_max_ms);
    next.stopped = failure_limit && next.failures >= failure_limit;
    return next;
}
