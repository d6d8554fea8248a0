#include "usage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lease.h"
#include "log.h"
#include "pool_schedule.h"
#include "power_drive.h"

struct usage_peak {
    struct usage_row row;
    bool told; /* the row as it is, or as it was when ... */
    uint32_t told_peak;
    int64_t told_ms;
};

/* --- in the snapshot's job --------------------------------------------------------------------------------
 */

static const char *zone_of(const struct snapshot *s, const char *pool_id)
{
    for (size_t i = 0; i < s->power_count; i++) {
        if (!strcmp(s->powers[i].row.pool_id, pool_id))
            return s->powers[i].row.zone;
    }
    return "";
}

int usage_read(struct snapshot *snapshot, int64_t now_s)
{
    struct zone zone = {0};
    const char *loaded = NULL;
    snapshot->quarters = calloc(snapshot->pool_count + 1, sizeof *snapshot->quarters);
    if (!snapshot->quarters)
        return CE_NOMEM;
    for (size_t i = 0; i < snapshot->pool_count; i++) {
        const char *name = zone_of(snapshot, snapshot->pools[i].id);
        if (!loaded || strcmp(loaded, name) != 0) {
            zone_unload(&zone);
            if (zone_load(&zone, name))
                zone = (struct zone){0}; /* UTC; power_drive.c says it */
            loaded = name;
        }
        pool_schedule_slot(&zone, now_s, &snapshot->quarters[i].slot, &snapshot->quarters[i].week);
    }
    zone_unload(&zone);
    return 0;
}

/* --- on the loop ------------------------------------------------------------------------------------------
 */

struct usage_job {
    struct vmpool *vm;
    size_t count;
    struct usage_row rows[];
};

static int run_usage(struct db *db, void *arg)
{
    const struct usage_job *job = arg;
    int rc = store_lease_check(db, LEASE_POOLS, job->vm->boot);
    for (size_t i = 0; !rc && i < job->count; i++)
        rc = store_usage_set(db, &job->rows[i]);
    return rc;
}

static void on_usage(void *arg, int rc)
{
    struct usage_job *job = arg;
    if (rc && rc != CE_CONFLICT && !job->vm->stopping)
        log_warning("how many desktops were in use could not be written: %s", error_name(rc));
    free(job);
}

static uint32_t in_use(const struct vmpool *vm, const struct pool_row *pool)
{
    uint32_t count = pool->waiting;
    const struct census_group *group = census_find(&vm->census, pool->id);
    if (!group)
        return count;
    list_for_each (pos, &group->of_pool)
        count += list_entry(pos, struct tally, in_pool)->lent;
    return count;
}

/* Pools keep their places among themselves, so the one that is sought mostly stands where it stands there. */
static struct usage_peak *peak_of(struct vmpool *vm, const struct pool_row *pool, size_t place)
{
    for (size_t n = 0; n < vm->peak_count; n++) {
        struct usage_peak *peak = &vm->peaks[(place + n) % vm->peak_count];
        if (!strcmp(peak->row.pool_id, pool->id))
            return peak;
    }
    struct usage_peak *grown = realloc(vm->peaks, (vm->peak_count + 1) * sizeof *grown);
    if (!grown)
        return NULL;
    vm->peaks = grown;
    struct usage_peak *peak = &grown[vm->peak_count++];
    *peak = (struct usage_peak){.told = true};
    snprintf(peak->row.pool_id, sizeof peak->row.pool_id, "%s", pool->id);
    return peak;
}

/* Those of pools that are gone make room. */
static void forget_gone(struct vmpool *vm)
{
    for (size_t i = 0; i < vm->peak_count;) {
        if (snapshot_pool(vm->world, vm->peaks[i].row.pool_id))
            i++;
        else
            vm->peaks[i] = vm->peaks[--vm->peak_count];
    }
}

static void job_add(struct vmpool *vm, struct usage_job **job, struct usage_peak *peak, int64_t now_ms)
{
    if (!*job)
        *job = calloc(1, sizeof **job + vm->world->pool_count * sizeof(*job)->rows[0]);
    if (!*job || (*job)->count == vm->world->pool_count)
        return; /* the next pass tries again */
    (*job)->vm = vm;
    (*job)->rows[(*job)->count++] = peak->row;
    peak->told = true;
    peak->told_peak = peak->row.peak;
    peak->told_ms = now_ms;
}

void usage_drive(struct vmpool *vm)
{
    struct usage_job *job = NULL;
    int64_t now_ms = store_now_ms();
    if (vm->peak_count > vm->world->pool_count)
        forget_gone(vm);
    for (size_t i = 0; i < vm->world->pool_count; i++) {
        const struct pool_row *pool = &vm->world->pools[i];
        const struct usage_quarter *now = &vm->world->quarters[i];
        struct usage_peak *peak = peak_of(vm, pool, i);
        uint32_t count = in_use(vm, pool);
        if (!peak)
            continue;
        if (peak->row.slot != now->slot || peak->row.week != now->week) {
            if (!peak->told)
                job_add(vm, &job, peak, now_ms);
            if (!peak->told)
                continue; /* without memory the quarter before is not lost at once */
            peak->row.slot = now->slot;
            peak->row.week = now->week;
            peak->row.peak = count;
            peak->told = false;
            peak->told_peak = 0;
            peak->told_ms = 0;
        }
        if (count > peak->row.peak)
            peak->row.peak = count;
        if (peak->row.peak > peak->told_peak)
            peak->told = false;
        if (!peak->told && peak->row.peak > peak->told_peak && now_ms >= peak->told_ms + USAGE_BEAT_MS)
            job_add(vm, &job, peak, now_ms);
    }
    if (job)
        vmpool_write(vm, run_usage, on_usage, job);
}

void usage_free(struct vmpool *vm)
{
    free(vm->peaks);
    vm->peaks = NULL;
    vm->peak_count = 0;
}
