#include "pool_roll.h"

static void plan_canary(const struct roll_count *count, struct roll_plan *plan)
{
    if (count->new_stands) {
        plan->phase = ROLL_ROLLING;
        return;
    }
    if (count->new_coming || count->closed)
        return;
    if (count->total < count->max)
        plan->canary = true;
    else if (count->old_free)
        plan->remove = 1;
    else if (count->owned_idle)
        plan->renew = 1;
}

/* How many free ones may go now. */
static uint32_t replaceable(const struct roll_row *roll, const struct roll_count *count)
{
    if (!count->wanted)
        return count->old_free;
    int64_t allowed = (int64_t)count->wanted * roll->max_unavailable / 100;
    if (allowed < 1)
        allowed = 1;
    int64_t room = allowed - ((int64_t)count->wanted - (int64_t)count->free_ready);
    if (room <= 0)
        return 0;
    return room < count->old_free ? (uint32_t)room : count->old_free;
}

/* How many owned ones may get new disks now. */
static uint32_t renewable(const struct roll_row *roll, const struct roll_count *count)
{
    uint32_t allowed = (uint32_t)((uint64_t)count->owned * roll->max_unavailable / 100);
    if (!roll->renew)
        return 0;
    if (!allowed)
        allowed = 1;
    if (count->renewing >= allowed)
        return 0;
    return allowed - count->renewing < count->owned_idle ? allowed - count->renewing : count->owned_idle;
}

static void plan_force(const struct roll_row *roll, const struct roll_count *count, int64_t now_ms,
                       struct roll_plan *plan)
{
    if (!roll->force_after_ms || !roll->rolling_ms || !count->old_lent)
        return;
    plan->force_at_ms = roll->rolling_ms + roll->force_after_ms;
    int64_t warn_at_ms = plan->force_at_ms - ROLL_WARN_MS;
    plan->warn = !roll->warned && now_ms >= warn_at_ms;
    plan->force = roll->warned && now_ms >= plan->force_at_ms;
    if (!plan->warn && !plan->force)
        plan->look_at_ms = roll->warned ? plan->force_at_ms : warn_at_ms;
}

struct roll_plan pool_roll_plan(const struct roll_row *roll, const struct roll_count *count, int64_t now_ms)
{
    struct roll_plan plan = {.phase = roll->phase};
    if (roll->paused)
        return plan;
    switch (roll->phase) {
    case ROLL_SCHEDULED:
        if (now_ms >= roll->at_ms)
            plan.phase = ROLL_CANARY;
        else
            plan.look_at_ms = roll->at_ms;
        break;
    case ROLL_CANARY:
        plan_canary(count, &plan);
        break;
    case ROLL_ROLLING:
        if (!count->old_left) {
            plan.phase = ROLL_DONE;
            break;
        }
        plan.remove = replaceable(roll, count);
        plan.renew = renewable(roll, count);
        plan_force(roll, count, now_ms, &plan);
        break;
    case ROLL_STOPPED:
    case ROLL_DONE:
        break;
    }
    return plan;
}
