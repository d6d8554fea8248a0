#include "reconcile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "desktop.h"
#include "golden.h"
#include "guest_name.h"
#include "host.h"
#include "host_lane.h"
#include "image.h"
#include "image_copy.h"
#include "image_prune.h"
#include "lease.h"
#include "log.h"
#include "order.h"
#include "pool_place.h"
#include "pool_sizing.h"
#include "power_drive.h"
#include "roll_drive.h"
#include "usage.h"
#include "uuid.h"

#define CREATE_AT_ONCE 16 /* desktops of one job; the rest follows in the next pass */

/* --- new desktops -----------------------------------------------------------------------------------------
 */

struct insert_job {
    struct vmpool *vm;
    size_t count;
    struct desktop_row rows[CREATE_AT_ONCE];
};

/* The pool's limit or a name taken meanwhile ends the batch; what was inserted before stays. */
static int run_insert(struct db *db, void *arg)
{
    struct insert_job *job = arg;
    int lost = store_lease_check(db, LEASE_POOLS, job->vm->boot);
    if (lost)
        return lost;
    for (size_t i = 0; i < job->count; i++) {
        int rc = store_desktop_insert(db, &job->rows[i]);
        if (rc)
            return i && (rc == CE_LIMIT || rc == CE_EXISTS || rc == CE_CONFLICT || rc == CE_NOT_FOUND) ? 0
                                                                                                       : rc;
    }
    return 0;
}

static void on_inserted(void *arg, int rc)
{
    struct insert_job *job = arg;
    struct vmpool *vm = job->vm;
    vm->inserting--;
    struct census_group *group = rc ? census_find(&vm->census, job->rows[0].pool_id) : NULL;
    if (group)
        group->name_from = 1; /* the names are not taken after all */
    if (rc && rc != CE_LIMIT && rc != CE_CONFLICT && !vm->stopping)
        log_warning("new desktops of pool %s could not be written: %s", job->rows[0].pool_id, error_name(rc));
    free(job);
    if (!rc)
        reconcile_want(vm);
}

struct name_search {
    const struct vmpool *vm;
    const struct insert_job *job;
};

static bool name_is_taken(void *arg, const char *name)
{
    const struct name_search *search = arg;
    if (desktop_name_is_taken(search->vm, name))
        return true;
    for (size_t i = 0; i < search->job->count; i++) {
        if (!strcmp(search->job->rows[i].name, name))
            return true;
    }
    list_for_each (pos, &search->vm->hosts) {
        if (host_name_is_foreign(list_entry(pos, struct host, entry), name))
            return true;
    }
    return false;
}

/* Names below the number that the pool's group keeps are known to be taken. */
static int pick_name(struct vmpool *vm, const struct pool_row *pool, const struct insert_job *job,
                     char ret[NAME_SIZE])
{
    struct name_search search = {.vm = vm, .job = job};
    struct census_group *group = census_find(&vm->census, pool->id);
    unsigned from = group ? group->name_from : 1;
    int rc = guest_name_pick(pool->pattern, &from, name_is_taken, &search, ret);
    if (rc == CE_LIMIT) {
        from = 1;
        rc = guest_name_pick(pool->pattern, &from, name_is_taken, &search, ret);
    }
    if (!rc && group)
        group->name_from = from;
    return rc;
}

struct reason_job {
    char pool_id[ID_SIZE];
    char reason[REASON_SIZE];
};

static int run_reason(struct db *db, void *arg)
{
    const struct reason_job *job = arg;
    struct pool_row pool;
    int rc = store_pool_get_plain(db, job->pool_id, &pool);
    if (rc || pool.failures || pool.stopped || !strcmp(pool.reason, job->reason))
        return rc;
    return store_pool_set_failure(db, pool.id, 0, 0, false, job->reason);
}

static void on_reason(void *arg, int rc)
{
    free(arg);
}

/* Why a pool that has no failure gets no guests; "" when it does. */
static void pool_tell(struct vmpool *vm, const struct pool_row *pool, const char *reason)
{
    if (pool->failures || pool->stopped || !strcmp(pool->reason, reason))
        return;
    if (*reason)
        log_warning("pool %s: %s", pool->name, reason);
    struct reason_job *job = calloc(1, sizeof *job);
    if (!job)
        return;
    snprintf(job->pool_id, sizeof job->pool_id, "%s", pool->id);
    snprintf(job->reason, sizeof job->reason, "%s", reason);
    vmpool_write(vm, run_reason, on_reason, job);
}

/* One more row for the job; NULL: it was added, else why not ("" for: not now). */
static const char *add_desktop(struct vmpool *vm, struct pool_place *place, const struct image_row *image,
                               struct insert_job *job)
{
    int why = 0;
    const struct pool_row *pool = place->pool;
    const struct host_row *chosen = pool_place_next(place, vm, &why);
    if (!chosen)
        return placement_words(why);
    struct host *host = host_find(vm, chosen->id);
    if (host && host_virt(host, image) < 0)
        return host->start_trouble;
    if (!host && !*chosen->virt && !strcmp(vm->config.vmpool_virt, "auto"))
        return "";
    struct desktop_row *row = &job->rows[job->count];
    memset(row, 0, sizeof *row);
    if (pick_name(vm, pool, job, row->name))
        return "its pattern gives no free name: it must hold %d once";
    snprintf(row->pool_id, sizeof row->pool_id, "%s", pool->id);
    snprintf(row->host_id, sizeof row->host_id, "%s", chosen->id);
    snprintf(row->image_id, sizeof row->image_id, "%s", image->id);
    snprintf(row->guest_user, sizeof row->guest_user, "%s", image->guest_user);
    uuid_make(row->uuid);
    job->count++;
    return NULL;
}

static void pool_create(struct vmpool *vm, const struct pool_row *pool, uint32_t count)
{
    const struct image_row *image = snapshot_image(vm->world, pool->image_id);
    if (!image || image->state != IMAGE_READY) {
        pool_tell(vm, pool,
                  image && image->state == IMAGE_FAILED ? "its image could not be imported"
                                                        : "its image is not ready yet");
        return;
    }
    struct insert_job *job = calloc(1, sizeof *job);
    if (!job)
        return;
    job->vm = vm;
    const char *why = NULL;
    struct pool_place place;
    if (pool_place_init(&place, vm, pool)) {
        free(job);
        return;
    }
    while (!why && job->count < count && job->count < CREATE_AT_ONCE)
        why = add_desktop(vm, &place, image, job);
    pool_place_finish(&place);
    if (why && *why)
        pool_tell(vm, pool, why);
    else if (job->count)
        pool_tell(vm, pool, "");
    if (!job->count) {
        free(job);
        return;
    }
    vm->inserting++;
    vmpool_write(vm, run_insert, on_inserted, job);
}

/* --- one pool ---------------------------------------------------------------------------------------------
 */

static struct pool_count count_desktops(const struct vmpool *vm, const struct pool_row *pool)
{
    struct pool_count count = {0};
    const struct census_group *group = census_find(&vm->census, pool->id);
    if (!group)
        return count;
    list_for_each (pos, &group->of_pool) {
        const struct tally *tally = list_entry(pos, struct tally, in_pool);
        count.total += tally->total - (pool->deleting ? 0 : tally->detached);
        count.coming += tally->coming;
        count.free_ready += tally->free_ready;
        count.stale += roll_keeps_image(vm, pool, tally->image->id) ? 0 : tally->free_ready;
    }
    return count;
}

static uint32_t tally_remove(struct tally *tally, bool other_image, uint32_t count)
{
    list_for_each (pos, &tally->members) {
        struct desktop *d = list_entry(pos, struct desktop, place.entry);
        if (!count)
            break;
        if (d->busy || d->stale || d->row.state != DESKTOP_READY || !desktop_row_is_free(&d->row))
            continue;
        desktop_retire(d, other_image ? "the pool has another image now" : "the pool needs fewer desktops");
        count--;
    }
    return count;
}

/* Ready guests that nobody has: those of an older image first, then the others. */
static void pool_remove(struct vmpool *vm, const struct pool_row *pool, uint32_t count)
{
    struct census_group *group = census_find(&vm->census, pool->id);
    for (int stale = 1; group && stale >= 0; stale--) {
        list_for_each (pos, &group->of_pool) {
            struct tally *tally = list_entry(pos, struct tally, in_pool);
            bool other_image = strcmp(tally->image->id, pool->image_id) != 0;
            if (tally->free_ready && other_image == (stale == 1))
                count = tally_remove(tally, other_image, count);
        }
    }
}

static int run_pool_delete(struct db *db, void *arg)
{
    return store_pool_delete(db, arg);
}

static void on_pool_deleted(void *arg, int rc)
{
    free(arg);
}

static void make_canary(struct vmpool *vm, const struct pool_row *pool)
{
    pool_create(vm, pool, 1);
}

static void drive_pool(struct vmpool *vm, const struct pool_row *pool)
{
    const struct pool_count count = count_desktops(vm, pool);
    if (pool->deleting) {
        char *id = count.total ? NULL : strdup(pool->id);
        if (id)
            vmpool_write(vm, run_pool_delete, on_pool_deleted, id);
        return;
    }
    if (roll_drive(vm, pool, make_canary))
        return;
    const struct pool_plan plan = pool_sizing_plan(pool, &count, store_now_ms());
    if (plan.wait_until_ms)
        reconcile_due(vm, plan.wait_until_ms);
    if (plan.remove)
        pool_remove(vm, pool, plan.remove);
    if (plan.create && !vm->inserting)
        pool_create(vm, pool, plan.create);
}

/* --- passes -----------------------------------------------------------------------------------------------
 */

struct pass {
    struct vmpool *vm;
    struct snapshot *snapshot;
};

static void pass_begin(struct vmpool *vm);

static int run_pass(struct db *db, void *arg)
{
    struct pass *pass = arg;
    return snapshot_read(db, pass->snapshot);
}

/* A pause that was noted before the clock was set back would last as much longer. */
static void bound_pauses(struct vmpool *vm)
{
    int64_t now_ms = store_now_ms();
    for (size_t i = 0; i < vm->world->pool_count; i++) {
        struct pool_row *pool = &vm->world->pools[i];
        pool->retry_at_ms =
            clock_watch_bound(pool->retry_at_ms, now_ms, (int64_t)vm->config.vmpool_retry_pause_max_ms);
    }
}

static void pass_apply(struct vmpool *vm, const struct snapshot *before)
{
    reconcile_look_at_clock(vm);
    bound_pauses(vm);
    lease_drive(vm);
    host_sync(vm);
    desktop_sync(vm);
    desktop_world_changed(vm, before);
    power_apply(vm);
    power_world_changed(vm, before);
    host_watch(vm);
    host_lane_drive_all(vm);
    list_for_each (pos, &vm->hosts) {
        struct host *host = list_entry(pos, struct host, entry);
        if (host_answers(host))
            host_remove_orphans(host);
    }
    order_drive_all(vm);
    desktop_drive_all(vm);
    image_copy_drive_all(vm);
    golden_drive_all(vm);
    if (!lease_is_held(vm, LEASE_POOLS))
        return; /* another vmpool does the rest */
    image_drive_all(vm);
    image_prune_drive(vm);
    usage_drive(vm);
    for (size_t i = 0; i < vm->world->pool_count; i++)
        drive_pool(vm, &vm->world->pools[i]);
}

static void on_pass(void *arg, int rc)
{
    struct pass *pass = arg;
    struct vmpool *vm = pass->vm;
    vm->pass_running = false;
    if (rc || vm->stopping) {
        if (!vm->stopping)
            log_warning("the store could not be read: %s", error_name(rc));
        snapshot_destroy(&pass->snapshot);
    } else {
        struct snapshot *before = vm->world;
        vm->world = pass->snapshot;
        pass_apply(vm, before);
        log_debug("pass %llu: %zu rows of desktops were read, %llu steps were taken since the last one",
                  (unsigned long long)vm->world->seq, vm->world->rows_read, (unsigned long long)vm->driven);
        vm->driven = 0;
        snapshot_destroy(&before);
    }
    free(pass);
    if (vm->pass_wanted && !vm->stopping && !rc)
        pass_begin(vm);
}

static void pass_begin(struct vmpool *vm)
{
    struct pass *pass = calloc(1, sizeof *pass);
    struct snapshot *snapshot = calloc(1, sizeof *snapshot);
    if (!pass || !snapshot) {
        free(pass);
        free(snapshot);
        return; /* the sweep tries again */
    }
    vm->pass_wanted = false;
    vm->pass_running = true;
    snapshot->seq = ++vm->seq;
    pass->vm = vm;
    pass->snapshot = snapshot;
    snapshot->mark = vm->mark;
    desktop_ask_doubtful(vm, snapshot);
    vmpool_read(vm, run_pass, on_pass, pass);
}

void reconcile_want(struct vmpool *vm)
{
    if (vm->stopping) {
        if (vm->stopped)
            vm->stopped(vm);
        return;
    }
    vm->pass_wanted = true;
    reconcile_due(vm, store_now_ms());
}

static void on_due(uv_timer_t *timer)
{
    struct vmpool *vm = timer->data;
    vm->due_at_ms = 0;
    vm->pass_wanted = true;
    if (!vm->pass_running && !vm->stopping)
        pass_begin(vm);
}

void reconcile_due(struct vmpool *vm, int64_t at_ms)
{
    if (vm->stopping || (vm->due_at_ms && vm->due_at_ms <= at_ms))
        return;
    int64_t now_ms = store_now_ms();
    vm->due_at_ms = at_ms < now_ms ? now_ms : at_ms;
    uv_timer_start(&vm->due, on_due, (uint64_t)(vm->due_at_ms - now_ms), 0);
}

/* Pauses are begun anew, and what is under way gets the time that it gets after a restart. */
void reconcile_look_at_clock(struct vmpool *vm)
{
    int64_t step_ms = clock_watch_step(&vm->clock, store_now_ms(), (int64_t)(uv_hrtime() / 1000000));
    if (!step_ms || vm->stopping)
        return;
    log_warning("the clock was set by %+.1f s; pauses and deadlines are counted anew",
                (double)step_ms / 1000);
    host_clock_was_set(vm);
    desktop_clock_was_set(vm);
    golden_clock_was_set(vm);
    image_copy_clock_was_set(vm);
    reconcile_want(vm);
}

static void on_sweep(uv_timer_t *timer)
{
    reconcile_look_at_clock(timer->data);
    reconcile_want(timer->data);
}

static void on_wake(void *arg, const char *topic, const char *id)
{
    struct vmpool *vm = arg;
    if (strcmp(topic, "event") != 0 && strcmp(topic, "gateway") != 0 && !vm->stopping)
        reconcile_want(vm);
}

int reconcile_start(struct vmpool *vm, struct error *err)
{
    vm->due.data = vm;
    vm->sweep.data = vm;
    vm->started_ms = store_now_ms();
    vm->usual_boot_ms = 25000; /* until boots were measured */
    if (desktop_start_timer(vm) || desktop_health_start(vm) || uv_timer_init(vm->loop, &vm->due) ||
        uv_timer_init(vm->loop, &vm->sweep) ||
        uv_timer_start(&vm->sweep, on_sweep, 1, vm->config.vmpool_sweep_ms))
        return error_set(err, CE_NOMEM, "cannot make the reconciler's timers");
    store_on_wake(vm->store, on_wake, vm);
    return 0;
}

void reconcile_stop(struct vmpool *vm)
{
    uv_close((uv_handle_t *)&vm->tick, NULL);
    uv_close((uv_handle_t *)&vm->probing, NULL);
    uv_close((uv_handle_t *)&vm->due, NULL);
    uv_close((uv_handle_t *)&vm->sweep, NULL);
}
