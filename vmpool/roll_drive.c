#include "roll_drive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "desktop.h"
#include "image_copy.h"
#include "lease.h"
#include "log.h"
#include "pool_place.h"
#include "pool_roll.h"

const struct roll_row *roll_of_pool(const struct vmpool *vm, const char *pool_id)
{
    for (size_t i = 0; i < vm->world->roll_count; i++) {
        if (!strcmp(vm->world->rolls[i].pool_id, pool_id))
            return &vm->world->rolls[i];
    }
    return NULL;
}

bool roll_keeps_image(const struct vmpool *vm, const struct pool_row *pool, const char *image_id)
{
    const struct roll_row *roll = roll_of_pool(vm, pool->id);
    return !strcmp(pool->image_id, image_id) ||
           (roll && (!strcmp(roll->from_image_id, image_id) || !strcmp(roll->to_image_id, image_id)));
}

/* --- the row ----------------------------------------------------------------------------------------------
 */

struct roll_job {
    struct vmpool *vm;
    char pool_id[ID_SIZE];
    enum roll_phase from, to;
    bool warn;
    int64_t force_at_ms;
    uint32_t users;
};

static int run_roll(struct db *db, void *arg)
{
    const struct roll_job *job = arg;
    int rc = store_lease_check(db, LEASE_POOLS, job->vm->boot);
    if (rc)
        return rc;
    if (job->warn)
        return store_roll_warned(db, job->pool_id, job->force_at_ms, job->users);
    return store_roll_move(db, job->pool_id, job->from, job->to, "");
}

static void on_roll(void *arg, int rc)
{
    struct roll_job *job = arg;
    if (rc && rc != CE_CONFLICT && rc != CE_NOT_FOUND && !job->vm->stopping)
        log_warning("the roll of pool %s could not be written: %s", job->pool_id, error_name(rc));
    free(job);
}

/* A second job before the first one shows is refused by the store: it compares the phase. */
static void roll_write(struct vmpool *vm, const struct roll_row *roll, const struct roll_plan *plan,
                       uint32_t users)
{
    struct roll_job *job = calloc(1, sizeof *job);
    if (!job)
        return;
    *job = (struct roll_job){.vm = vm,
                             .from = roll->phase,
                             .to = plan->phase,
                             .warn = plan->phase == roll->phase,
                             .force_at_ms = plan->force_at_ms,
                             .users = users};
    snprintf(job->pool_id, sizeof job->pool_id, "%s", roll->pool_id);
    vmpool_write(vm, run_roll, on_roll, job);
}

/* --- its desktops -----------------------------------------------------------------------------------------
 */

static bool is_owned(const struct desktop *d)
{
    return *d->row.owner_id && d->row.state != DESKTOP_RECYCLING;
}

/* What its user has open lies in its memory: it counts as one with a user. */
static bool is_suspended(const struct desktop *d)
{
    return d->row.state == DESKTOP_STOPPED &&
           (d->row.rest == REST_SUSPENDED || d->row.rest == REST_SUSPENDING);
}

/* Nobody is on it, or waits for it, and its guest is not on its way to rest. */
static bool is_idle(const struct desktop *d)
{
    bool off = d->row.state == DESKTOP_STOPPED &&
               (d->row.rest == REST_NONE || d->row.rest == REST_SUSPENDED) && !d->row.wanted;
    return !*d->row.session_id && (off || d->row.state == DESKTOP_READY || d->row.state == DESKTOP_FAILED);
}

/* ... and its host can make it a disk of the new image. */
static bool may_renew(const struct vmpool *vm, const struct roll_row *roll, const struct desktop *d)
{
    const struct host_row *host = snapshot_host(vm->world, d->row.host_id);
    return is_owned(d) && is_idle(d) && !d->busy && !d->stale && store_now_ms() >= d->next_try_ms && host &&
           host_row_is_usable(vm, host) && image_copy_is_there(vm, host, roll->to_image_id);
}

/* A dedicated pool's desktops that somebody owns. They are looked at one by one, as long as the roll lasts. */
static void count_owned(const struct vmpool *vm, const struct roll_row *roll, const struct tally *tally,
                        bool is_new, struct roll_count *count)
{
    list_for_each (pos, &tally->members) {
        const struct desktop *d = list_entry(pos, struct desktop, place.entry);
        if (!is_owned(d))
            continue;
        count->owned++;
        count->old_left += !is_new;
        /* Those with a session and those that boot are counted by their tally. */
        count->new_stands += is_new && d->row.state == DESKTOP_READY;
        count->new_coming += is_new && d->row.state == DESKTOP_STOPPED && d->row.renew;
        count->renewing += is_new && (d->row.renew || d->row.state == DESKTOP_BOOTING);
        count->old_lent += !is_new && is_suspended(d);
        count->owned_idle += !is_new && !is_suspended(d) && may_renew(vm, roll, d);
    }
}

static struct roll_count count_desktops(const struct vmpool *vm, const struct pool_row *pool,
                                        const struct roll_row *roll)
{
    struct roll_count count = {.closed = !pool->enabled,
                               .wanted = pool->enabled ? pool->spare + pool->waiting : pool->spare,
                               .max = pool_place_ceiling(vm, pool)};
    const struct census_group *group = census_find(&vm->census, pool->id);
    if (!group)
        return count;
    list_for_each (pos, &group->of_pool) {
        const struct tally *tally = list_entry(pos, struct tally, in_pool);
        count.total += tally->total - tally->detached;
        count.free_ready += tally->free_ready;
        bool is_new = !strcmp(tally->image->id, roll->to_image_id);
        if (roll->renew)
            count_owned(vm, roll, tally, is_new, &count);
        if (is_new) {
            count.new_stands += tally->free_ready + tally->lent;
            count.new_coming += tally->starting;
            continue;
        }
        count.old_free += tally->free_ready;
        /* Those of a dedicated pool that somebody owns are counted above. */
        count.old_left += pool->kind == POOL_DEDICATED
                              ? tally->free_ready + tally->coming
                              : tally->total - tally->detached; /* those go when they are attached again */
        count.old_lent += pool->kind == POOL_DEDICATED && !roll->renew ? 0 : tally->lent;
    }
    return count;
}

static uint32_t retire_free(struct tally *tally, const char *reason, uint32_t count)
{
    list_for_each (pos, &tally->members) {
        struct desktop *d = list_entry(pos, struct desktop, place.entry);
        if (!count)
            break;
        if (d->busy || d->stale || d->row.state != DESKTOP_READY || !desktop_row_is_free(&d->row))
            continue;
        desktop_retire(d, reason);
        count--;
    }
    return count;
}

static uint32_t renew_owned(const struct vmpool *vm, const struct roll_row *roll, struct tally *tally,
                            const char *reason, uint32_t count)
{
    list_for_each (pos, &tally->members) {
        struct desktop *d = list_entry(pos, struct desktop, place.entry);
        if (!count)
            break;
        if (is_suspended(d) || !may_renew(vm, roll, d))
            continue;
        desktop_renew(d, roll->to_image_id, reason);
        count--;
    }
    return count;
}

static void end_lent(const struct vmpool *vm, const struct roll_row *roll, struct tally *tally,
                     const char *reason)
{
    list_for_each (pos, &tally->members) {
        struct desktop *d = list_entry(pos, struct desktop, place.entry);
        if (roll->renew && is_suspended(d) && may_renew(vm, roll, d))
            desktop_renew(d, roll->to_image_id, reason);
        if (d->busy || d->stale || !desktop_state_is_lent(d->row.state))
            continue;
        if (d->row.kind == POOL_DEDICATED)
            desktop_dismiss(d, FAIL_ADMIN_LOGOFF, reason);
        else
            desktop_evict(d, FAIL_ADMIN_LOGOFF, reason);
    }
}

static void act_on_old(struct vmpool *vm, const struct roll_row *roll, const struct roll_plan *plan)
{
    struct census_group *group = census_find(&vm->census, roll->pool_id);
    char reason[REASON_SIZE];
    uint32_t left = plan->remove, renew = plan->renew;
    snprintf(reason, sizeof reason, "the pool is rolled to %s", roll->to);
    if (!group)
        return;
    list_for_each (pos, &group->of_pool) {
        struct tally *tally = list_entry(pos, struct tally, in_pool);
        if (!strcmp(tally->image->id, roll->to_image_id))
            continue;
        if (left)
            left = retire_free(tally, reason, left);
        if (renew)
            renew = renew_owned(vm, roll, tally, reason, renew);
        if (plan->force)
            end_lent(vm, roll, tally, reason);
    }
}

bool roll_drive(struct vmpool *vm, const struct pool_row *pool,
                void (*make_canary)(struct vmpool *vm, const struct pool_row *pool))
{
    const struct roll_row *roll = roll_of_pool(vm, pool->id);
    if (!roll || !*roll->to_image_id)
        return false;
    const struct roll_count count = count_desktops(vm, pool, roll);
    const struct roll_plan plan = pool_roll_plan(roll, &count, store_now_ms());
    if (plan.look_at_ms)
        reconcile_due(vm, plan.look_at_ms);
    if (plan.phase != roll->phase) {
        log_info("pool %s: its roll to %s is %s now", pool->name, roll->to, roll_phase_name(plan.phase));
        roll_write(vm, roll, &plan, 0);
        return true;
    }
    if (plan.warn)
        roll_write(vm, roll, &plan, count.old_lent);
    if (plan.remove || plan.renew || plan.force)
        act_on_old(vm, roll, &plan);
    if (!plan.canary || vm->inserting)
        return false;
    struct pool_row ahead = *pool; /* placed and cloned as of the new image */
    snprintf(ahead.image_id, sizeof ahead.image_id, "%s", roll->to_image_id);
    make_canary(vm, &ahead);
    return vm->inserting > 0;
}
