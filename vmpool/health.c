#include "health.h"

void health_note(struct health *health, bool answered, int64_t now_ms)
{
    if (answered) {
        *health = (struct health){0};
        return;
    }
    /* A clock that was set back begins anew: what was counted by it says nothing about how long. */
    if (!health->failures || now_ms < health->last_ms)
        *health = (struct health){.first_ms = now_ms, .last_ms = now_ms};
    health->failures++;
    health->before_ms = health->last_ms;
    health->last_ms = now_ms;
}

uint64_t health_pause_ms(const struct health *health, const struct health_rules *rules, size_t count)
{
    if (health->failures) {
        uint64_t pause_ms = rules->time_ms / (rules->failures > 1 ? rules->failures - 1 : 1);
        return pause_ms ? pause_ms : 1;
    }
    uint64_t round_ms = (uint64_t)count * 1000 / (rules->rate ? rules->rate : 1);
    return round_ms > rules->check_ms ? round_ms : rules->check_ms;
}

enum health_verdict health_judge(const struct health *health, const struct health_peers *peers,
                                 const struct health_rules *rules)
{
    if (!health->failures || health->failures < rules->failures ||
        (uint64_t)(health->last_ms - health->first_ms) < rules->time_ms)
        return HEALTH_WAIT;
    if (!peers->others || peers->answered)
        return HEALTH_SICK;
    return peers->failing == peers->others ? HEALTH_HOST : HEALTH_ASK_OTHERS;
}

bool health_spend(struct health_budget *budget, uint32_t desktops, int64_t now_ms)
{
    uint32_t most = desktops / 4 > HEALTH_BUDGET_MIN ? desktops / 4 : HEALTH_BUDGET_MIN;
    if (now_ms < budget->since_ms || now_ms - budget->since_ms >= HEALTH_BUDGET_MS)
        *budget = (struct health_budget){.since_ms = now_ms};
    if (budget->spent >= most)
        return false;
    budget->spent++;
    return true;
}
