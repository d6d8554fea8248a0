#include <carrel/power.h>

#include <stdio.h>
#include <string.h>

#include "policy_lists.h"

static const char *const modes[] = {[POWER_OFF] = "off",
                                    [POWER_ON_CONNECT] = "on-connect",
                                    [POWER_SPARE] = "spare",
                                    [POWER_ALWAYS_ON] = "always-on"};
static const char *const idles[] = {
    [POWER_KEEP] = "keep", [POWER_STOP] = "stop", [POWER_SUSPEND] = "suspend"};
static const char *const rests[] = {[REST_NONE] = "",
                                    [REST_STOPPING] = "stopping",
                                    [REST_SUSPENDING] = "suspending",
                                    [REST_SUSPENDED] = "suspended"};

#define COUNT(names) (sizeof(names) / sizeof((names)[0]))

static int value_of(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (!strcmp(names[i], name))
            return (int)i;
    }
    return -1;
}

const char *power_mode_name(enum power_mode mode)
{
    return (unsigned)mode < COUNT(modes) ? modes[mode] : "unknown";
}

int power_mode_parse(const char *name)
{
    return value_of(modes, COUNT(modes), name);
}

const char *power_idle_name(enum power_idle idle)
{
    return (unsigned)idle < COUNT(idles) ? idles[idle] : "unknown";
}

int power_idle_parse(const char *name)
{
    return value_of(idles, COUNT(idles), name);
}

const char *desktop_rest_name(enum desktop_rest rest)
{
    return (unsigned)rest < COUNT(rests) ? rests[rest] : "";
}

int desktop_rest_parse(const char *name)
{
    return value_of(rests, COUNT(rests), name);
}

uint32_t power_wanted(const struct power_row *row, const struct pool_row *pool, uint32_t lent)
{
    uint32_t spare = 0, left = pool->max > lent ? pool->max - lent : 0;
    if (row->now_mode == POWER_ALWAYS_ON) /* dedicated: those with an owner, and of others as many as usual */
        spare = pool->kind == POOL_DEDICATED ? pool->spare : left;
    else if (row->now_mode == POWER_SPARE)
        spare = row->now_spare;
    /* What is usual is the whole: who came already is part of it. */
    if (row->now_mode != POWER_OFF && row->now_demand > lent && row->now_demand - lent > spare)
        spare = row->now_demand - lent;
    return spare < pool->max ? spare : pool->max;
}

int power_hours_parse(const char *text, struct policy_window *ret)
{
    struct policy policy = {0};
    int rc = policy_hours_parse(text, &policy);
    if (rc || policy.window_count != 1 || policy.windows[0].zone[0])
        return CE_BAD_INPUT;
    *ret = policy.windows[0];
    return 0;
}

void power_hours_print(const struct policy_window *window, char ret[POWER_RULE_TEXT_SIZE])
{
    struct policy policy = {.window_count = 1};
    policy.windows[0] = *window;
    policy.windows[0].zone[0] = '\0';
    policy_hours_print(&policy, ret, POWER_RULE_TEXT_SIZE);
}
