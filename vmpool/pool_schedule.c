#include "pool_schedule.h"

#include <stdbool.h>
#include <stdio.h>

enum {
    DAY_S = 24 * 3600,
    SLOT_S = POWER_SLOT_MIN * 60,
    DAYS_BEFORE = 3, /* a rule of yesterday may still hold, and local days begin up to 14 hours earlier */
    DAYS_AFTER = 9,
    DAYS = DAYS_BEFORE + DAYS_AFTER + 4, /* whose offsets are asked for once */
    EDGES_MAX = 2 * POWER_RULES_MAX * (DAYS_BEFORE + DAYS_AFTER),
};

/* Offsets at the UTC midnights around a time: with two of them that are the same there is nothing to search. */
struct days {
    const struct zone *zone;
    int64_t first; /* days since 1970 */
    int32_t offset_s[DAYS];
};

static int64_t floor_div(int64_t a, int64_t b)
{
    return a >= 0 ? a / b : -((-a + b - 1) / b);
}

static unsigned weekday_of(int64_t day)
{
    return (unsigned)(((day + 3) % 7 + 7) % 7); /* 1970-01-01 was a Thursday; 0 is Monday */
}

static struct days days_around(const struct zone *zone, int64_t now_s)
{
    struct days days = {.zone = zone, .first = floor_div(now_s, DAY_S) - DAYS_BEFORE - 1};
    for (int i = 0; i < DAYS; i++)
        days.offset_s[i] = zone_offset_at(zone, (days.first + i) * DAY_S);
    return days;
}

/* The first second with the offset of TO_S, where that of FROM_S is another. */
static int64_t transition_between(const struct zone *zone, int64_t from_s, int64_t to_s)
{
    int32_t before = zone_offset_at(zone, from_s);
    while (to_s - from_s > 1) {
        int64_t middle_s = from_s + (to_s - from_s) / 2;
        if (zone_offset_at(zone, middle_s) == before)
            from_s = middle_s;
        else
            to_s = middle_s;
    }
    return to_s;
}

/* The first second at which the clocks show LOCAL_S (seconds since 1970 as they tell it) or later. */
static int64_t first_at(const struct days *days, int64_t local_s)
{
    int64_t day = floor_div(local_s, DAY_S) - days->first;
    int64_t before = day - 1 > 0 ? day - 1 : 0, behind = day + 2 < DAYS ? day + 2 : DAYS - 1;
    int32_t old_s = days->offset_s[before], new_s = days->offset_s[behind];
    if (old_s == new_s)
        return local_s - old_s;
    int64_t change_s =
        transition_between(days->zone, (days->first + before) * DAY_S, (days->first + behind) * DAY_S);
    if (local_s - old_s < change_s)
        return local_s - old_s;
    return local_s - new_s > change_s ? local_s - new_s : change_s;
}

/* Where the rule of that local day begins and ends. False: that is none of its days. */
static bool rule_on(const struct power_rule *rule, const struct days *days, int64_t day, int64_t *ret_begin_s,
                    int64_t *ret_end_s)
{
    const struct policy_window *w = &rule->window;
    if (!(w->days & 1U << weekday_of(day)))
        return false;
    int64_t end_day = w->from_min < w->to_min ? day : day + 1;
    *ret_begin_s = first_at(days, day * DAY_S + w->from_min * 60);
    *ret_end_s = first_at(days, end_day * DAY_S + w->to_min * 60);
    return *ret_begin_s < *ret_end_s;
}

static bool rule_holds(const struct power_rule *rule, const struct days *days, int64_t now_s)
{
    int64_t today = floor_div(now_s, DAY_S), begin_s, end_s;
    for (int64_t day = today - 2; day <= today + 1; day++) {
        if (rule_on(rule, days, day, &begin_s, &end_s) && begin_s <= now_s && now_s < end_s)
            return true;
    }
    return false;
}

static bool says_more(const struct power_rule *a, const struct power_rule *b)
{
    return a->mode != b->mode ? a->mode > b->mode : a->mode == POWER_SPARE && a->spare > b->spare;
}

static struct schedule_answer answer_at(const struct pool_schedule *s, const struct days *days, int64_t now_s)
{
    struct schedule_answer answer = {
        .mode = s->mode, .spare = s->mode == POWER_SPARE ? s->spare : 0, .rule = -1};
    for (unsigned i = 0; i < s->count; i++) {
        if (!rule_holds(&s->rules[i], days, now_s))
            continue;
        if (answer.rule < 0 || says_more(&s->rules[i], &s->rules[answer.rule]))
            answer.rule = (int)i;
    }
    if (answer.rule >= 0) {
        const struct power_rule *rule = &s->rules[answer.rule];
        answer.mode = rule->mode;
        answer.spare = rule->mode == POWER_SPARE ? rule->spare : 0;
    }
    return answer;
}

/* All seconds behind NOW at which some rule begins or ends. */
static unsigned edges_behind(const struct pool_schedule *s, const struct days *days, int64_t now_s,
                             int64_t edges_s[EDGES_MAX])
{
    unsigned count = 0;
    int64_t today = floor_div(now_s, DAY_S);
    for (unsigned i = 0; i < s->count && i < POWER_RULES_MAX; i++) {
        for (int64_t day = today - DAYS_BEFORE + 1; day <= today + DAYS_AFTER; day++) {
            int64_t begin_s, end_s;
            if (!rule_on(&s->rules[i], days, day, &begin_s, &end_s))
                continue;
            if (begin_s > now_s)
                edges_s[count++] = begin_s;
            if (end_s > now_s)
                edges_s[count++] = end_s;
        }
    }
    return count;
}

static int64_t next_change(const struct pool_schedule *s, const struct days *days, int64_t now_s,
                           const struct schedule_answer *now)
{
    int64_t edges_s[EDGES_MAX];
    unsigned count = edges_behind(s, days, now_s, edges_s);
    for (int64_t at_s = now_s;;) {
        int64_t next_s = INT64_MAX;
        for (unsigned i = 0; i < count; i++) {
            if (edges_s[i] > at_s && edges_s[i] < next_s)
                next_s = edges_s[i];
        }
        if (next_s == INT64_MAX || next_s > now_s + (DAYS_AFTER - 1) * DAY_S)
            return 0;
        const struct schedule_answer then = answer_at(s, days, next_s);
        if (then.mode != now->mode || then.spare != now->spare)
            return next_s;
        at_s = next_s;
    }
}

struct schedule_answer pool_schedule_at(const struct pool_schedule *schedule, int64_t now_s)
{
    const struct days days = days_around(schedule->zone, now_s);
    struct schedule_answer answer = answer_at(schedule, &days, now_s);
    answer.until_s = next_change(schedule, &days, now_s, &answer);
    return answer;
}

void pool_schedule_slot(const struct zone *zone, int64_t at_s, uint32_t *ret_slot, int64_t *ret_week)
{
    int64_t local_s = at_s + zone_offset_at(zone, at_s);
    int64_t day = floor_div(local_s, DAY_S);
    *ret_slot = weekday_of(day) * (DAY_S / SLOT_S) + (uint32_t)((local_s - day * DAY_S) / SLOT_S);
    *ret_week = floor_div(day + 3, 7);
}

int64_t pool_schedule_next_slot(const struct zone *zone, int64_t at_s)
{
    int64_t local_s = at_s + zone_offset_at(zone, at_s);
    return at_s + SLOT_S - (local_s - floor_div(local_s, SLOT_S) * SLOT_S);
}

static void mode_words(enum power_mode mode, uint32_t spare, char *ret, size_t size)
{
    if (mode == POWER_SPARE)
        snprintf(ret, size, "%u", spare);
    else
        snprintf(ret, size, "%s", power_mode_name(mode));
}

void pool_schedule_words(const struct pool_schedule *schedule, const struct schedule_answer *answer,
                         char *ret, size_t size)
{
    char said[32], hours[POWER_RULE_TEXT_SIZE];
    mode_words(answer->mode, answer->spare, said, sizeof said);
    if (answer->rule < 0) {
        snprintf(ret, size, "%s says %s",
                 schedule->count ? "outside of its schedule the pool" : "the pool itself", said);
        return;
    }
    power_hours_print(&schedule->rules[answer->rule].window, hours);
    snprintf(ret, size, "schedule %s says %s", hours, said);
}
