#include "pool_demand.h"

int32_t pool_demand_usual(const int32_t peaks[POWER_WEEKS])
{
    int32_t highest = -1, second = -1;
    unsigned known = 0;
    for (int i = 0; i < POWER_WEEKS; i++) {
        if (peaks[i] < 0)
            continue;
        known++;
        if (peaks[i] > highest) {
            second = highest;
            highest = peaks[i];
        } else if (peaks[i] > second) {
            second = peaks[i];
        }
    }
    return known >= 3 ? second : highest;
}

/* All of them, whoever came already: the answer must not swing back while people come. */
static int64_t lead_s(const struct demand_question *q, uint32_t usual)
{
    uint32_t parallel = q->parallel ? q->parallel : 1;
    uint64_t boots_ms = q->boot_ms * ((usual + parallel - 1) / parallel);
    return (int64_t)(boots_ms * 3 / 2 / 1000) + 60;
}

static void look_at(struct demand_answer *answer, int64_t at_s, int64_t now_s)
{
    if (at_s > now_s && (!answer->look_at_s || at_s < answer->look_at_s))
        answer->look_at_s = at_s;
}

struct demand_answer pool_demand_at(const struct demand_question *q)
{
    struct demand_answer answer = {0};
    for (unsigned i = 0; i < q->count; i++) {
        int32_t usual = pool_demand_usual(q->slots[i].peaks);
        if (i == 1)
            look_at(&answer, q->slots[i].begins_s, q->now_s); /* the present quarter is over */
        if (usual <= 0)
            continue;
        int64_t from_s = q->slots[i].begins_s - lead_s(q, (uint32_t)usual);
        look_at(&answer, from_s, q->now_s);
        if (from_s > q->now_s || (uint32_t)usual <= answer.demand)
            continue;
        answer.demand = (uint32_t)usual;
        answer.slot = q->slots[i].slot;
    }
    return answer;
}
