#include "desktop_join.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "desktop_parts.h"
#include "last_line.h"
#include "log.h"
#include "process.h"

#define JOIN_VARIABLES 10

/* Outlives the desktop until the process has ended. */
struct join {
    struct vmpool *vm;
    struct desktop *d; /* NULL: nobody waits for it any more */
    struct process *process;
    char name[NAME_SIZE];
    char program[CONFIG_TEXT_SIZE];
    char text[JOIN_VARIABLES][CONFIG_TEXT_SIZE + 32];
    const char *environment[JOIN_VARIABLES + 1];
    size_t count;
};

static void put(struct join *join, const char *key, const char *value)
{
    char *text = join->text[join->count];
    snprintf(text, sizeof join->text[0], "%s=%s", key, value);
    join->environment[join->count++] = text;
}

static void fill(struct join *join, const struct desktop *d)
{
    const struct pool_row *pool = desktop_pool(d);
    const struct image_row *image = desktop_image(d);
    char port[8];
    snprintf(port, sizeof port, "%u", d->row.port);
    snprintf(join->program, sizeof join->program, "%s", d->vm->config.vmpool_join_hook);
    snprintf(join->name, sizeof join->name, "%s", d->row.name);
    put(join, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    put(join, "CARREL_DESKTOP", d->row.name);
    put(join, "CARREL_DESKTOP_ID", d->row.id);
    put(join, "CARREL_POOL", pool ? pool->name : "");
    put(join, "CARREL_ADDRESS", d->row.address);
    put(join, "CARREL_PORT", port);
    put(join, "CARREL_HOST", d->row.host);
    put(join, "CARREL_UUID", d->row.uuid);
    put(join, "CARREL_IMAGE", image ? image->name : "");
    put(join, "CARREL_OS", image ? image->os : "");
}

static void failed(struct desktop *d, const struct join *join, const struct process_result *result)
{
    char last[200], how[64], reason[REASON_SIZE];
    last_line(result->err && *result->err ? result->err : result->out ? result->out : "", last, sizeof last);
    if (result->rc == CE_TIMEOUT)
        snprintf(how, sizeof how, "was ended after %llu s",
                 (unsigned long long)d->vm->config.vmpool_join_timeout_ms / 1000);
    else
        snprintf(how, sizeof how, "failed with status %d", result->exit_status);
    snprintf(reason, sizeof reason, "the join hook %.120s %s%s%s", join->program, how, *last ? ": " : "",
             last);
    desktop_fail(d, reason);
}

static void on_hook_done(void *arg, const struct process_result *result)
{
    struct join *join = arg;
    struct vmpool *vm = join->vm;
    struct desktop *d = join->d;
    vm->joins--;
    if (d) {
        d->join = NULL;
        if (result->rc || result->exit_status) {
            failed(d, join, result);
        } else {
            log_info("desktop %s: the join hook is done", join->name);
            d->joined = true;
            d->answered = false; /* it may have been started anew */
            desktop_drive(d);
        }
    }
    free(join);
    if (vm->stopping)
        reconcile_want(vm);
}

static void start(struct desktop *d)
{
    struct join *join = calloc(1, sizeof *join);
    if (!join)
        return;
    struct error err = {0};
    join->vm = d->vm;
    fill(join, d);
    const char *argv[] = {join->program, NULL};
    const struct process_spec spec = {.argv = argv,
                                      .environment = join->environment,
                                      .limit_ms = d->vm->config.vmpool_join_timeout_ms,
                                      .done = on_hook_done,
                                      .arg = join};
    if (process_start(&join->process, d->vm->loop, &spec, &err)) {
        char reason[REASON_SIZE];
        snprintf(reason, sizeof reason, "the join hook: %.300s", err.text);
        free(join);
        desktop_fail(d, reason);
        return;
    }
    log_info("desktop %s: the join hook runs", d->row.name);
    d->vm->joins++;
    join->d = d;
    d->join = join;
}

/* One that somebody has, or had, was joined before, unless it has a new disk. */
static bool is_wanted(const struct desktop *d)
{
    return *d->vm->config.vmpool_join_hook && (d->row.renew || (!d->row.touched && !*d->row.owner_id));
}

bool desktop_join(struct desktop *d)
{
    if (d->joined || !is_wanted(d))
        return true;
    if (!d->join)
        start(d);
    return false;
}

void desktop_join_cancel(struct desktop *d)
{
    struct join *join = d->join;
    d->join = NULL;
    d->joined = false;
    if (!join)
        return;
    join->d = NULL;
    process_cancel(join->process);
}
