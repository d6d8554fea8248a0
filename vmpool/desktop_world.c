/* All desktops of this process: how they are found, what a pass brings, which of them are driven when.
 *
 * A pass brings the rows that changed. A row that cannot be taken over yet (an operation of the desktop's is under
 * way, or the pass began before a change of ours) leaves the desktop doubtful: the next pass reads it again, whether
 * it changed or not. What is counted (census.h) follows the pass in any case.
 *
 * A desktop is driven when its row changed, when something that it depends on did (its pool, its host, its image),
 * when an event or the end of an operation says so, or when it is due. One that stands and has nothing to wait for
 * is not looked at.
 */
#include "desktop_join.h"
#include "desktop_move.h"
#include "desktop_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest_name.h"
#include "log.h"

/* --- finding ----------------------------------------------------------------------------------------------
 */

struct desktop *desktop_find(struct vmpool *vm, const char *id)
{
    for (struct index_entry *e = index_first(&vm->by_id, id); e; e = index_next(e)) {
        struct desktop *d = index_of(e, struct desktop, by_id);
        if (!strcmp(d->row.id, id))
            return d;
    }
    return NULL;
}

struct desktop *desktop_find_uuid(struct vmpool *vm, const char *uuid)
{
    for (struct index_entry *e = index_first(&vm->by_uuid, uuid); e; e = index_next(e)) {
        struct desktop *d = index_of(e, struct desktop, by_uuid);
        if (!strcmp(d->row.uuid, uuid))
            return d;
    }
    return NULL;
}

bool desktop_name_is_taken(const struct vmpool *vm, const char *name)
{
    for (struct index_entry *e = index_first(&vm->by_name, name); e; e = index_next(e)) {
        if (!strcmp(index_of(e, struct desktop, by_name)->row.name, name))
            return true;
    }
    return false;
}

bool desktop_forks_from(const struct vmpool *vm, const char *golden_id)
{
    for (struct index_entry *e = index_first(&vm->by_golden, golden_id); e; e = index_next(e)) {
        if (!strcmp(index_of(e, struct desktop, by_golden)->row.golden, golden_id))
            return true;
    }
    return false;
}

void desktop_set_golden(struct desktop *d, const char *golden_id)
{
    if (!strcmp(d->row.golden, golden_id))
        return;
    index_remove(&d->vm->by_golden, &d->by_golden);
    snprintf(d->row.golden, sizeof d->row.golden, "%s", golden_id);
    if (*golden_id)
        (void)index_add(&d->vm->by_golden, &d->by_golden, d->row.golden);
}

unsigned desktop_starting_on(const struct vmpool *vm, const char *host_id)
{
    const struct census_group *group = census_find(&vm->census, host_id);
    return group ? group->starting : 0;
}

/* --- due --------------------------------------------------------------------------------------------------
 */

static void on_tick(uv_timer_t *timer)
{
    desktop_tick(timer->data);
}

/* The timer follows the first entry of the heap. */
static void tick_arm(struct vmpool *vm)
{
    const struct due_entry *first = due_heap_first(&vm->due_desktops);
    if (vm->stopping || !first || (vm->tick_at_ms && vm->tick_at_ms <= first->at_ms))
        return;
    int64_t now_ms = store_now_ms();
    vm->tick_at_ms = first->at_ms;
    uv_timer_start(&vm->tick, on_tick, first->at_ms > now_ms ? (uint64_t)(first->at_ms - now_ms) : 0, 0);
}

void desktop_due(struct desktop *d, int64_t at_ms)
{
    if (d->gone || !due_heap_put(&d->vm->due_desktops, &d->due, at_ms))
        return;
    tick_arm(d->vm);
}

void desktop_tick(struct vmpool *vm)
{
    vm->tick_at_ms = 0;
    int64_t now_ms = store_now_ms();
    struct due_entry *first;
    /* What is due again at once waits for the next turn of the loop. */
    for (size_t i = vm->due_desktops.count; i && (first = due_heap_first(&vm->due_desktops)); i--) {
        if (first->at_ms > now_ms)
            break;
        due_heap_remove(&vm->due_desktops, first);
        desktop_drive(index_of(first, struct desktop, due));
    }
    tick_arm(vm);
}

/* --- whom to drive ----------------------------------------------------------------------------------------
 */

void desktop_drive_soon(struct desktop *d)
{
    if (!d->gone && !list_is_linked(&d->to_drive))
        list_append(&d->vm->to_drive, &d->to_drive);
}

static void touch_tally(struct tally *tally)
{
    list_for_each (pos, &tally->members)
        desktop_drive_soon(list_entry(pos, struct desktop, place.entry));
}

void desktop_touch_pool(struct vmpool *vm, const char *pool_id)
{
    struct census_group *group = census_find(&vm->census, pool_id);
    if (!group)
        return;
    list_for_each (pos, &group->of_pool)
        touch_tally(list_entry(pos, struct tally, in_pool));
}

void desktop_touch_host(struct vmpool *vm, const char *host_id)
{
    struct census_group *group = census_find(&vm->census, host_id);
    if (!group)
        return;
    list_for_each (pos, &group->of_host)
        touch_tally(list_entry(pos, struct tally, in_host));
}

void desktop_touch_image(struct vmpool *vm, const char *image_id)
{
    struct census_group *group = census_find(&vm->census, image_id);
    if (!group)
        return;
    list_for_each (pos, &group->of_image)
        touch_tally(list_entry(pos, struct tally, in_image));
}

void desktop_touch_all(struct vmpool *vm)
{
    list_for_each (pos, &vm->desktops)
        desktop_drive_soon(list_entry(pos, struct desktop, entry));
}

void desktop_clock_was_set(struct vmpool *vm)
{
    int64_t now_ms = store_now_ms();
    list_for_each (pos, &vm->desktops) {
        struct desktop *d = list_entry(pos, struct desktop, entry);
        d->next_try_ms = d->channel_retry_ms = d->percent_ms = d->users_check_ms = d->pulse_at_ms = 0;
        d->cut_ms = d->idle_retry_ms = 0;
        if (d->newer_late_ms)
            d->newer_late_ms = now_ms + RESTART_GRACE_MS;
        d->idle_from_ms = d->script_ms = now_ms;
        if (d->answered)
            d->answered_ms = now_ms;
        if (d->wait_ms)
            d->wait_ms = now_ms;
        due_heap_remove(&vm->due_desktops, &d->due);
        desktop_drive_soon(d);
    }
}

void desktop_each_on_host(struct vmpool *vm, const char *host_id, void (*each)(struct desktop *d))
{
    struct census_group *group = census_find(&vm->census, host_id);
    if (!group)
        return;
    list_for_each (of, &group->of_host) {
        struct tally *tally = list_entry(of, struct tally, in_host);
        list_for_each (pos, &tally->members)
            each(list_entry(pos, struct desktop, place.entry));
    }
}

void desktop_drive_all(struct vmpool *vm)
{
    while (!list_is_empty(&vm->to_drive)) {
        struct list *pos = vm->to_drive.next;
        list_remove(pos);
        desktop_drive(list_entry(pos, struct desktop, to_drive));
    }
    desktop_tick(vm);
}

/* What desktops wait for and is told by their pool's or image's row. The number of waiting sessions is no
 * desktop's business. */
static bool pool_differs(const struct pool_row *a, const struct pool_row *b)
{
    return a->enabled != b->enabled || a->deleting != b->deleting || a->stopped != b->stopped ||
           a->retry_at_ms != b->retry_at_ms || a->failures != b->failures ||
           a->credentials != b->credentials || a->provision != b->provision || a->warm != b->warm ||
           strcmp(a->image_id, b->image_id) != 0 || strcmp(a->network, b->network) != 0 ||
           a->limits.logoff != b->limits.logoff || a->limits.logoff_after_ms != b->limits.logoff_after_ms ||
           a->vcpus != b->vcpus || a->memory_mib != b->memory_mib;
}

static bool image_differs(const struct image_row *a, const struct image_row *b)
{
    return a->state != b->state || a->session_hook != b->session_hook || strcmp(a->path, b->path) != 0 ||
           strcmp(a->guest_user, b->guest_user) != 0;
}

void desktop_world_changed(struct vmpool *vm, const struct snapshot *before)
{
    const struct snapshot *now = vm->world;
    for (size_t i = 0; before && i < now->pool_count; i++) {
        const struct pool_row *old = snapshot_pool(before, now->pools[i].id);
        if (!old || pool_differs(old, &now->pools[i]))
            desktop_touch_pool(vm, now->pools[i].id);
    }
    for (size_t i = 0; before && i < now->image_count; i++) {
        const struct image_row *old = snapshot_image(before, now->images[i].id);
        if (!old || image_differs(old, &now->images[i]))
            desktop_touch_image(vm, now->images[i].id);
    }
}

/* --- the rows of a pass -----------------------------------------------------------------------------------
 */

void desktop_doubt(struct desktop *d)
{
    if (!d->gone && !list_is_linked(&d->doubtful))
        list_append(&d->vm->doubtful, &d->doubtful);
}

void desktop_ask_doubtful(struct vmpool *vm, struct snapshot *snapshot)
{
    list_for_each (pos, &vm->doubtful) {
        const struct desktop *d = list_entry(pos, struct desktop, doubtful);
        if (!d->busy && !snapshot_ask(snapshot, d->row.id))
            return; /* the pass after this one asks */
    }
}

static struct desktop *desktop_create(struct vmpool *vm, const struct desktop_row *row)
{
    struct desktop *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->vm = vm;
    d->row = *row;
    list_init(&d->entry);
    list_init(&d->doubtful);
    list_init(&d->to_drive);
    list_init(&d->place.entry);
    list_append(&vm->desktops, &d->entry);
    if (!index_add(&vm->by_id, &d->by_id, d->row.id) || !index_add(&vm->by_uuid, &d->by_uuid, d->row.uuid) ||
        !index_add(&vm->by_name, &d->by_name, d->row.name) ||
        (*d->row.golden && !index_add(&vm->by_golden, &d->by_golden, d->row.golden))) {
        desktop_forget(d);
        return NULL;
    }
    return d;
}

static void sync_row(struct vmpool *vm, const struct desktop_row *row)
{
    struct desktop *d = desktop_find(vm, row->id);
    bool is_new = !d;
    if (is_new && !(d = desktop_create(vm, row))) {
        vm->mark = (struct change_mark){0}; /* no memory: the next pass reads everything */
        return;
    }
    d->seen_seq = vm->world->seq;
    (void)census_put(&vm->census, &d->place, row);
    if (!is_new && (d->busy || vm->world->seq <= d->changed_seq)) {
        guest_job_row_changed(d, row);
        desktop_doubt(d);
        return;
    }
    list_remove(&d->doubtful);
    if (!is_new)
        desktop_apply(d, row);
    desktop_drive_soon(d);
}

/* A row that is gone does not come back: its id is not used again. */
static void sync_gone(struct vmpool *vm)
{
    for (size_t i = 0; i < vm->world->gone.count; i++) {
        struct desktop *d = desktop_find(vm, vm->world->gone.ids[i]);
        if (d)
            desktop_forget(d);
    }
    if (!vm->world->all)
        return;
    list_for_each_safe (pos, &vm->desktops) {
        struct desktop *d = list_entry(pos, struct desktop, entry);
        if (!d->gone && d->seen_seq != vm->world->seq)
            desktop_forget(d);
    }
}

void desktop_sync(struct vmpool *vm)
{
    vm->mark = vm->world->mark;
    for (const struct snapshot_desktops *chunk = vm->world->desktops; chunk; chunk = chunk->next) {
        for (size_t i = 0; i < chunk->count; i++)
            sync_row(vm, &chunk->rows[i]);
    }
    sync_gone(vm);
    snapshot_drop_desktops(vm->world);
}

/* --- the end of one ---------------------------------------------------------------------------------------
 */

void desktop_free(struct desktop *d)
{
    list_remove(&d->entry);
    index_remove(&d->vm->by_golden, &d->by_golden); /* until now an operation may have needed it */
    desktop_disk_forget(d);                         /* likewise */
    secret_wipe(&d->password);
    free(d);
}

/* From here nothing finds it; an operation that is under way ends first. */
void desktop_forget(struct desktop *d)
{
    struct vmpool *vm = d->vm;
    const struct pool_row *pool = vm->world ? desktop_pool(d) : NULL;
    struct census_group *group = census_find(&vm->census, d->row.pool_id);
    unsigned number = pool ? guest_name_number(pool->pattern, d->row.name) : 0;
    if (group && number && number < group->name_from)
        group->name_from = number;
    desktop_move_done(d);
    desktop_join_cancel(d);
    desktop_close_channel(d);
    probe_close(&d->probe);
    probe_close(&d->check);
    probe_close(&d->pulse);
    desktop_health_forget(d);
    desktop_disk_cancel(d);
    census_remove(&vm->census, &d->place);
    due_heap_remove(&vm->due_desktops, &d->due);
    index_remove(&vm->by_id, &d->by_id);
    index_remove(&vm->by_uuid, &d->by_uuid);
    index_remove(&vm->by_name, &d->by_name);
    list_remove(&d->doubtful);
    list_remove(&d->to_drive);
    d->gone = true;
    if (!d->busy)
        desktop_free(d);
}

int desktop_start_timer(struct vmpool *vm)
{
    vm->tick.data = vm;
    return uv_timer_init(vm->loop, &vm->tick);
}
