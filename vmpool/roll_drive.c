#include "roll_drive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "desktop.h"
#include "lease.h"
#include "log.h"
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

static struct roll_count count_desktops(const struct vmpool *vm, const struct pool_row *pool,
                                        const struct roll_row *roll)
{
    struct roll_count count = {.closed = !pool->enabled,
                               .wanted = pool->enabled ? pool->spare + pool->waiting : pool->spare,
                               .max = pool->max};
    const struct census_group *group = census_find(&vm->census, pool->id);
    if (!group)
        return count;
    list_for_each (pos, &group->of_pool) {
        const struct tally *tally = list_entry(pos, struct tally, in_pool);
        count.total += tally->total;
        count.free_ready += tally->free_ready;
        if (!strcmp(tally->image->id, roll->to_image_id)) {
            count.new_stands += tally->free_ready + tally->lent;
            count.new_coming += tally->starting;
            continue;
        }
        count.old_free += tally->free_ready;
        /* What somebody owns keeps its disk. */
        count.old_left += pool->kind == POOL_DEDICATED ? tally->free_ready + tally->coming : tally->total;
        count.old_lent += pool->kind == POOL_DEDICATED ? 0 : tally->lent;
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

static void end_lent(struct tally *tally, const char *reason)
{
    list_for_each (pos, &tally->members) {
        struct desktop *d = list_entry(pos, struct desktop, place.entry);
        if (!d->busy && !d->stale && desktop_state_is_lent(d->row.state))
            desktop_evict(d, FAIL_ADMIN_LOGOFF, reason);
    }
}

static void act_on_old(struct vmpool *vm, const struct roll_row *roll, const struct roll_plan *plan)
{
    struct census_group *group = census_find(&vm->census, roll->pool_id);
    char reason[REASON_SIZE];
    uint32_t left = plan->remove;
    snprintf(reason, sizeof reason, "the pool is rolled to %s", roll->to);
    if (!group)
        return;
    list_for_each (pos, &group->of_pool) {
        struct tally *tally = list_entry(pos, struct tally, in_pool);
        if (!strcmp(tally->image->id, roll->to_image_id))
            continue;
        if (left)
            left = retire_free(tally, reason, left);
        if (plan->force)
            end_lent(tally, reason);
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
    if (plan.remove || plan.force)
        act_on_old(vm, roll, &plan);
    if (!plan.canary || vm->inserting)
        return false;
    struct pool_row ahead = *pool; /* placed and cloned as of the new image */
    snprintf(ahead.image_id, sizeof ahead.image_id, "%s", roll->to_image_id);
    make_canary(vm, &ahead);
    return vm->inserting > 0;
}
