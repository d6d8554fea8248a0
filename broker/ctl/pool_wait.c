#include "pool_wait.h"

#include <string.h>

#include "act.h"
#include "api.h"
#include "progress.h"

#define LOOK_MS 500

/* What DESKTOP contributes, 0-100, or -1: it will not become ready by itself. */
static int desktop_percent(const json_t *desktop, bool *ret_busy)
{
    const char *state = api_text(desktop, "state");
    *ret_busy = !strcmp(state, "cloning") || !strcmp(state, "booting");
    if (!strcmp(state, "ready"))
        return 100;
    if (!*ret_busy)
        return -1;
    long long percent = api_number(desktop, "percent");
    return percent < 0 ? 0 : percent > 99 ? 99 : (int)percent;
}

unsigned pool_wait_percent(const json_t *desktops, size_t wanted, const json_t **ret_busy)
{
    /* How many there are of each percentage, so that the best WANTED of them are summed without sorting. */
    unsigned count[101] = {0};
    size_t i;
    json_t *desktop;
    *ret_busy = NULL;
    json_array_foreach(desktops, i, desktop)
    {
        bool busy;
        int percent = desktop_percent(desktop, &busy);
        if (percent >= 0)
            count[percent]++;
        if (busy)
            *ret_busy = desktop;
    }
    size_t sum = 0, left = wanted;
    for (int percent = 100; percent >= 0; percent--) {
        size_t n = count[percent] < left ? count[percent] : left;
        sum += n * (size_t)percent;
        left -= n;
    }
    return wanted ? (unsigned)(sum / wanted) : 100;
}

static bool no_host_is_up(struct ctl *ctl)
{
    CLEANUP_JSON json_t *status = api_ask(ctl, "/v1/status");
    const json_t *hosts = json_object_get(status, "hosts");
    return hosts && !api_number(hosts, "up");
}

/* One sentence about where the pool stands. */
static void describe(struct ctl *ctl, const json_t *pool, const json_t *busy, size_t wanted, bool patient,
                     char *text, size_t size)
{
    const char *reason = api_text(pool, "reason");
    long long ready = api_number(pool, "ready");
    if (api_number(pool, "failures") && *reason)
        snprintf(text, size, "%lld of %zu ready; %lld failed in a row: %s", ready, wanted,
                 api_number(pool, "failures"), reason);
    else if (busy)
        snprintf(text, size, "%lld of %zu ready, %s is %s", ready, wanted, api_text(busy, "name"),
                 api_text(busy, "state"));
    else if (!patient && no_host_is_up(ctl))
        snprintf(text, size, "%lld of %zu ready; no host is up, see 'carrelctl host list'", ready, wanted);
    else
        snprintf(text, size, "%lld of %zu ready", ready, wanted);
}

static size_t wanted_of(const json_t *pool)
{
    long long spare = api_number(pool, "spare"), max = api_number(pool, "max"),
              lent = api_number(pool, "lent");
    long long room = max > lent ? max - lent : 0;
    long long wanted = spare < room ? spare : room;
    return wanted > 0 ? (size_t)wanted : 0;
}

/* 1: ready; 0: not yet; negative: never mind, *ret_rc says what became of it. */
static int look(struct ctl *ctl, const json_t *pool, const char *name, int *ret_rc)
{
    const char *reason = api_text(pool, "reason");
    if ((size_t)api_number(pool, "ready") >= wanted_of(pool))
        return 1;
    if (api_flag(pool, "stopped")) {
        ctl_complain(ctl,
                     "pool %s has stopped after %lld failures: %s. 'carrelctl pool retry %s' tries again",
                     name, api_number(pool, "failures"), *reason ? reason : "no reason was given", name);
        *ret_rc = CTL_FAILED;
        return -1;
    }
    if (api_flag(pool, "deleting") || !json_is_true(json_object_get(pool, "enabled"))) {
        ctl_complain(ctl, "pool %s is %s, so no desktop starts", name,
                     api_flag(pool, "deleting") ? "being deleted" : "disabled");
        *ret_rc = CTL_FAILED;
        return -1;
    }
    return 0;
}

int pool_wait(struct ctl *ctl, const char *name, uint64_t patience_s, json_t **ret)
{
    CLEANUP_TEXT char *path = api_path("/v1/pools/%s", name);
    CLEANUP_TEXT char *desktops_path = api_path("/v1/desktops?pool=%s", name);
    double begun_s = act_clock_s();
    char text[600] = "";
    struct progress progress;
    progress_begin(&progress, ctl, "Pool %s", name);
    int rc = CTL_OK;
    for (;;) {
        CLEANUP_JSON json_t *answer = NULL;
        json_t *pool = NULL;
        rc = api_call(ctl, "GET", path, NULL, &pool);
        if (rc)
            break;
        json_decref(*ret);
        *ret = pool;
        if (look(ctl, pool, name, &rc))
            break;
        rc = api_call(ctl, "GET", desktops_path, NULL, &answer);
        if (rc)
            break;
        double waited_s = act_clock_s() - begun_s;
        const json_t *busy;
        size_t wanted = wanted_of(pool);
        unsigned percent = pool_wait_percent(json_object_get(answer, "items"), wanted, &busy);
        describe(ctl, pool, busy, wanted, waited_s < 3, text, sizeof text);
        progress_update(&progress, percent > 99 ? 99 : percent, text);
        if (waited_s >= (double)patience_s) {
            progress_end(&progress);
            ctl_complain(ctl,
                         "pool %s is not ready after %llu s: %s. It goes on; see 'carrelctl pool show %s'",
                         name, (unsigned long long)patience_s, text, name);
            return CTL_FAILED;
        }
        rc = api_pause(ctl, LOOK_MS);
        if (rc)
            break;
    }
    if (!rc && progress.begun)
        progress_update(&progress, 100, "ready");
    progress_end(&progress);
    return rc;
}
