#include "power_drive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "desktop.h"
#include "host.h"
#include "lease.h"
#include "grow.h"
#include "log.h"
#include "pool_schedule.h"
#include "usage.h"

/* --- in the snapshot's job --------------------------------------------------------------------------------
 */

static int add_power(void *arg, const struct power_row *row)
{
    struct snapshot *s = arg;
    if (!snapshot_pool(s, row->pool_id))
        return 0;
    struct power_now *grown = array_grow(s->powers, s->power_count, sizeof *grown);
    if (!grown)
        return CE_NOMEM;
    s->powers = grown;
    s->powers[s->power_count++] = (struct power_now){.row = *row, .told = *row};
    return 0;
}

/* The quarters from the present one on, as former weeks had them. */
static int read_history(struct db *db, struct power_now *power, const struct zone *zone, int64_t now_s)
{
    int rc = 0;
    int64_t at_s = now_s;
    for (unsigned i = 0; !rc && i < POWER_AHEAD_SLOTS; i++) {
        struct demand_slot *slot = &power->slots[i];
        int64_t week, next_s = pool_schedule_next_slot(zone, at_s);
        pool_schedule_slot(zone, at_s, &slot->slot, &week);
        slot->begins_s = i ? at_s : next_s - POWER_SLOT_MIN * 60;
        rc = store_usage_get(db, power->row.pool_id, slot->slot, week, slot->peaks);
        power->slot_count = i + 1;
        at_s = next_s;
    }
    return rc;
}

static int read_one(struct db *db, const struct pool_row *pool, struct power_now *power, int64_t now_s)
{
    struct zone zone;
    struct power_rule rules[POWER_RULES_MAX];
    unsigned count = 0;
    int zone_rc = zone_load(&zone, power->row.zone);
    int rc = store_power_rules(db, pool->id, rules, &count);
    if (!rc) {
        const struct pool_schedule schedule = {
            .mode = power->row.mode, .spare = pool->spare, .rules = rules, .count = count, .zone = &zone};
        const struct schedule_answer answer = pool_schedule_at(&schedule, now_s);
        power->spare = pool->spare;
        power->row.now_mode = answer.mode;
        power->row.now_spare = answer.spare < pool->max ? answer.spare : pool->max;
        power->row.now_until_ms = answer.until_s * 1000;
        pool_schedule_words(&schedule, &answer, power->words, sizeof power->words);
    }
    if (!rc && zone_rc) {
        size_t used = strlen(power->words);
        snprintf(power->words + used, sizeof power->words - used,
                 " (on clocks of UTC: vmpool's machine has no time zone %s)", power->row.zone);
    }
    if (!rc && power->row.autoscale && pool->kind == POOL_FLOATING)
        rc = read_history(db, power, &zone, now_s);
    zone_unload(&zone);
    return rc;
}

static int compare_powers(const void *a, const void *b)
{
    return strcmp(((const struct power_now *)a)->row.pool_id, ((const struct power_now *)b)->row.pool_id);
}

int power_read(struct db *db, struct snapshot *snapshot)
{
    int64_t now_s = store_now_ms() / 1000;
    int rc = store_power_list(db, add_power, snapshot);
    for (size_t i = 0; !rc && i < snapshot->power_count; i++)
        rc = read_one(db, snapshot_pool(snapshot, snapshot->powers[i].row.pool_id), &snapshot->powers[i],
                      now_s);
    if (snapshot->power_count)
        qsort(snapshot->powers, snapshot->power_count, sizeof *snapshot->powers, compare_powers);
    return rc ? rc : usage_read(snapshot, now_s);
}

/* --- on the loop ------------------------------------------------------------------------------------------
 */

static const struct power_now *power_find(const struct snapshot *snapshot, const char *pool_id)
{
    struct power_now key;
    if (!snapshot->power_count)
        return NULL;
    snprintf(key.row.pool_id, sizeof key.row.pool_id, "%s", pool_id);
    return bsearch(&key, snapshot->powers, snapshot->power_count, sizeof key, compare_powers);
}

const struct power_row *power_of_pool(const struct vmpool *vm, const char *pool_id)
{
    const struct power_now *power = power_find(vm->world, pool_id);
    return power ? &power->row : NULL;
}

static uint32_t lent_of(const struct vmpool *vm, const char *pool_id)
{
    uint32_t lent = 0;
    const struct census_group *group = census_find(&vm->census, pool_id);
    if (!group)
        return 0;
    list_for_each (pos, &group->of_pool)
        lent += list_entry(pos, struct tally, in_pool)->lent;
    return lent;
}

static uint32_t boots_at_once(const struct vmpool *vm)
{
    uint32_t hosts = 0;
    list_for_each (pos, &vm->hosts)
        hosts += host_is_usable(list_entry(pos, struct host, entry));
    return (uint32_t)vm->config.vmpool_parallel_boots * (hosts ? hosts : 1);
}

static void ask_history(struct vmpool *vm, struct power_now *power)
{
    const struct demand_question question = {.slots = power->slots,
                                             .count = power->slot_count,
                                             .parallel = boots_at_once(vm),
                                             .boot_ms = vm->usual_boot_ms,
                                             .now_s = store_now_ms() / 1000};
    const struct demand_answer answer = pool_demand_at(&question);
    size_t used = strlen(power->words);
    power->row.now_demand = answer.demand;
    if (answer.look_at_s)
        reconcile_due(vm, answer.look_at_s * 1000);
    if (!answer.demand)
        return;
    uint32_t minute = answer.slot % (24 * 60 / POWER_SLOT_MIN) * POWER_SLOT_MIN;
    snprintf(power->words + used, sizeof power->words - used, ", usual demand at %02u:%02u says %u",
             minute / 60, minute % 60, answer.demand);
}

struct tell_job {
    struct vmpool *vm;
    struct power_row row;
};

static int run_tell(struct db *db, void *arg)
{
    const struct tell_job *job = arg;
    int rc = store_lease_check(db, LEASE_POOLS, job->vm->boot);
    return rc ? rc : store_power_tell(db, &job->row);
}

static void on_told(void *arg, int rc)
{
    const struct tell_job *job = arg;
    if (rc && rc != CE_CONFLICT && rc != CE_NOT_FOUND && !job->vm->stopping)
        log_warning("what the schedule of pool %s says could not be written: %s", job->row.pool_id,
                    error_name(rc));
    free(arg);
}

static void tell(struct vmpool *vm, const struct power_now *power, const char *name)
{
    const struct power_row *now = &power->row, *told = &power->told;
    if (now->now_mode == told->now_mode && now->now_spare == told->now_spare &&
        now->now_demand == told->now_demand && now->now_until_ms == told->now_until_ms &&
        !strcmp(now->now_why, told->now_why))
        return;
    struct tell_job *job = calloc(1, sizeof *job);
    if (!job)
        return;
    log_info("pool %s: %s", name, now->now_why);
    job->vm = vm;
    job->row = *now;
    vmpool_write(vm, run_tell, on_told, job);
}

void power_apply(struct vmpool *vm)
{
    struct snapshot *world = vm->world;
    for (size_t i = 0; i < world->power_count; i++) {
        struct power_now *power = &world->powers[i];
        struct pool_row *pool = NULL;
        for (size_t p = 0; !pool && p < world->pool_count; p++) {
            if (!strcmp(world->pools[p].id, power->row.pool_id))
                pool = &world->pools[p];
        }
        if (!pool)
            continue;
        power->row.now_demand = 0;
        if (power->slot_count)
            ask_history(vm, power);
        snprintf(power->row.now_why, sizeof power->row.now_why, "%s", power->words);
        if (power->row.now_until_ms)
            reconcile_due(vm, power->row.now_until_ms);
        pool->spare = power_wanted(&power->row, pool, lent_of(vm, pool->id));
        if (lease_is_held(vm, LEASE_POOLS))
            tell(vm, power, pool->name);
    }
}

void power_world_changed(struct vmpool *vm, const struct snapshot *before)
{
    static const struct power_row usual = {.mode = POWER_SPARE, .now_mode = POWER_SPARE};
    for (size_t i = 0; before && i < vm->world->pool_count; i++) {
        const char *id = vm->world->pools[i].id;
        const struct power_now *was = power_find(before, id), *is = power_find(vm->world, id);
        const struct power_row *a = was ? &was->row : &usual, *b = is ? &is->row : &usual;
        if (a->now_mode != b->now_mode || a->idle != b->idle || a->idle_after_ms != b->idle_after_ms)
            desktop_touch_pool(vm, id);
    }
}
