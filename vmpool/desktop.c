#include "desktop.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "desktop_join.h"
#include "desktop_move.h"
#include "desktop_parts.h"
#include "lease.h"
#include "log.h"

const struct pool_row *desktop_pool(const struct desktop *d)
{
    return snapshot_pool(d->vm->world, d->row.pool_id);
}

const struct image_row *desktop_image(const struct desktop *d)
{
    return snapshot_image(d->vm->world, d->row.image_id);
}

bool image_is_windows(const struct image_row *image)
{
    return !strncasecmp(image->os, "win", 3);
}

bool desktop_is_windows(const struct desktop *d)
{
    const struct image_row *image = desktop_image(d);
    return image && image_is_windows(image);
}

struct host *desktop_host(const struct desktop *d)
{
    return host_find(d->vm, d->row.host_id);
}

void desktop_pause(struct desktop *d, int64_t pause_ms)
{
    d->next_try_ms = store_now_ms() + pause_ms;
    desktop_due(d, d->next_try_ms);
}

void desktop_serial_log(const struct desktop *d, char *ret, size_t size)
{
    snprintf(ret, size, "%s/%s.serial.log", d->vm->config.vmpool_desktop_dir, d->row.name);
}

/* --- its row ----------------------------------------------------------------------------------------------
 */

void desktop_idle(struct desktop *d)
{
    d->busy = false;
    if (d->gone)
        desktop_free(d);
    else if (list_is_linked(&d->doubtful))
        reconcile_want(d->vm); /* a pass brought a row that could not be taken over meanwhile */
}

void desktop_apply(struct desktop *d, const struct desktop_row *row)
{
    enum desktop_state old = d->row.state;
    bool suspended = old == DESKTOP_STOPPED && d->row.rest == REST_SUSPENDED;
    int64_t rested_ms = d->row.state_since_ms;
    if (strcmp(d->row.host_id, row->host_id) != 0)
        log_info("desktop %s (%s): host %s -> %s: %s", row->name, row->id, d->row.host, row->host,
                 row->reason);
    if (strcmp(d->row.uuid, row->uuid) != 0) {
        index_remove(&d->vm->by_uuid, &d->by_uuid);
        (void)index_add(&d->vm->by_uuid, &d->by_uuid, row->uuid);
    }
    desktop_set_golden(d, row->golden);
    d->row = *row;
    d->stale = false;
    desktop_move_done(d);
    if (row->state == old)
        return;
    log_info("desktop %s (%s): %s -> %s%s%s", row->name, row->id, desktop_state_name(old),
             desktop_state_name(row->state), *row->reason ? ": " : "", row->reason);
    d->next_try_ms = d->since_ms = 0;
    d->dead = d->dead && row->state == DESKTOP_RECYCLING;
    d->cleaned = false;
    d->users_missing = 0;
    d->users_check_ms = 0;
    d->idle_retry_ms = 0;
    desktop_boot_reset(d);
    d->restore = suspended && row->state == DESKTOP_BOOTING && !row->renew;
    d->rested_ms = rested_ms;
    if (!desktop_state_has_guest(row->state) || row->state == DESKTOP_BOOTING)
        desktop_health_forget(d);
    if (!desktop_state_has_guest(row->state) && row->state != DESKTOP_MAINTENANCE) {
        d->guest_known = false;
        d->suspect = false;
        desktop_close_channel(d);
    }
}

int64_t desktop_since_ms(struct desktop *d)
{
    int64_t now_ms = store_now_ms();
    if (d->row.state_since_ms <= now_ms)
        return d->row.state_since_ms;
    if (!d->since_ms || d->since_ms > now_ms)
        d->since_ms = now_ms;
    return d->since_ms;
}

/* --- operations -------------------------------------------------------------------------------------------
 */

struct desktop_write *desktop_write_create(struct desktop *d)
{
    struct desktop_write *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    const struct config *config = &d->vm->config;
    w->d = d;
    w->row = d->row;
    w->to = d->row.state;
    w->pause_ms = config->vmpool_retry_pause_ms;
    w->pause_max_ms = config->vmpool_retry_pause_max_ms;
    w->failure_limit = config->vmpool_failure_limit;
    return w;
}

static int run_desktop_write(struct db *db, void *arg)
{
    struct desktop_write *w = arg;
    char lease[LEASE_NAME_SIZE];
    lease_host_name(w->row.host_id, lease);
    int rc = store_lease_check(db, lease, w->d->vm->boot);
    if (rc == CE_CONFLICT && w->of_pool)
        rc = store_lease_check(db, LEASE_POOLS, w->d->vm->boot);
    return rc ? rc : w->run(db, w);
}

static void on_desktop_written(void *arg, int rc)
{
    struct desktop_write *w = arg;
    struct desktop *d = w->d;
    struct vmpool *vm = d->vm;
    /* A conflict means that the broker was faster: the pass that follows shows what is true. */
    if (rc && rc != CE_CONFLICT && rc != CE_NOT_FOUND && !vm->stopping) {
        log_warning("desktop %s: its change to %s could not be written: %s", w->row.name,
                    desktop_state_name(w->to), error_name(rc));
        desktop_pause(d, GUEST_RETRY_MS);
    }
    secret_wipe_bytes(&w->row, sizeof w->row);
    free(w);
    d->changed_seq = ++vm->seq;
    d->stale = true;
    desktop_doubt(d);
    desktop_idle(d);
    reconcile_want(vm);
}

void desktop_write_submit(struct desktop_write *w, int (*run)(struct db *db, struct desktop_write *w))
{
    w->run = run;
    w->d->busy = true;
    vmpool_write(w->d->vm, run_desktop_write, on_desktop_written, w);
}

/* --- events -----------------------------------------------------------------------------------------------
 */

void desktop_guest_event(struct host *host, const char *uuid, enum virt_guest_event event)
{
    struct desktop *d = desktop_find_uuid(host->vm, uuid);
    if (!d || strcmp(d->row.host_id, host->row.id) != 0)
        return; /* a guest that was replaced on another host is none of its desktop's */
    switch (event) {
    case VIRT_GUEST_AGENT_UP:
        d->agent = true;
        break;
    case VIRT_GUEST_AGENT_DOWN:
        d->agent = false;
        break;
    case VIRT_GUEST_SHUT_DOWN:
    case VIRT_GUEST_STOPPED:
        d->agent = false;
        d->suspect = true; /* the event may come late and tell of what an operation of ours did */
        d->shut_down = event == VIRT_GUEST_SHUT_DOWN;
        break;
    case VIRT_GUEST_PAUSED:
        log_warning("desktop %s: an I/O error paused its guest; most likely the host's disk is full",
                    d->row.name);
        d->suspect = true; /* the look that follows resumes it */
        d->shut_down = false;
        desktop_pause(d, GUEST_RETRY_MS);
        break;
    case VIRT_GUEST_STARTED:
        d->suspect = false;
        break;
    case VIRT_GUEST_RESUMED:
        break;
    }
    desktop_drive(d);
}

/* libvirt does not tell every stream that its connection was lost; what the agents do is unknown, too. */
static void host_went(struct desktop *d)
{
    desktop_close_channel(d);
    d->agent = false;
    desktop_drive_soon(d);
}

void desktop_host_is_lost(struct host *host)
{
    desktop_each_on_host(host->vm, host->row.id, host_went);
}

static void host_came(struct desktop *d)
{
    d->guest_known = false;
    d->users_check_ms = 0; /* a log-off may have been told while nobody listened */
    desktop_drive_soon(d);
}

void desktop_host_is_back(struct host *host)
{
    desktop_each_on_host(host->vm, host->row.id, host_came);
}

/* An operation that is under way, or that ended since the look began, tells more. */
void desktop_guest_found(struct host *host, const char *uuid, const struct guest_seen *seen,
                         uint64_t began_seq)
{
    struct desktop *d = desktop_find_uuid(host->vm, uuid);
    if (!d || !seen->running || d->busy || d->operated_seq > began_seq || d->stale || d->suspect ||
        !desktop_state_has_guest(d->row.state) || strcmp(d->row.host_id, host->row.id) != 0)
        return;
    d->guest_known = true;
    d->agent = d->agent || seen->agent;
}

/* --- the next step ----------------------------------------------------------------------------------------
 */

bool desktop_is_late(struct desktop *d)
{
    struct desktop_deadline deadline = desktop_deadline_of(&d->row, &d->vm->config);
    if (!deadline.at_ms)
        return false;
    int64_t since_ms = desktop_since_ms(d);
    /* A golden guest has deadlines of its own, and a copy takes as long as its bytes do. */
    if (d->wait_ms > since_ms && (d->row.state == DESKTOP_CLONING || d->row.state == DESKTOP_BOOTING))
        since_ms = d->wait_ms;
    deadline.at_ms += since_ms - d->row.state_since_ms;
    if (d->row.state == DESKTOP_RECYCLING && *d->row.data_disk_id)
        deadline.at_ms += DATA_END_MS;
    const struct host *host = desktop_host(d);
    if (host && deadline.at_ms < host->taken_ms + RESTART_GRACE_MS)
        deadline.at_ms = host->taken_ms + RESTART_GRACE_MS;
    if (d->join || d->joined)
        deadline.at_ms += (int64_t)d->vm->config.vmpool_join_timeout_ms;
    if (store_now_ms() >= deadline.at_ms)
        return true;
    desktop_due(d, deadline.at_ms);
    return false;
}

static bool deadline_passed(struct desktop *d)
{
    if (!desktop_is_late(d))
        return false;
    const struct host *host = desktop_host(d);
    struct desktop_deadline deadline = desktop_deadline_of(&d->row, &d->vm->config);
    char reason[REASON_SIZE];
    const char *missing = d->row.state == DESKTOP_BOOTING ? desktop_boot_missing(d) : NULL;
    if (!host || !host_answers(host))
        snprintf(reason, sizeof reason, "host %s does not answer", d->row.host);
    else if (!d->guest_known && *host->start_trouble)
        snprintf(reason, sizeof reason, "%s", host->start_trouble);
    else if (d->disk_locked)
        snprintf(reason, sizeof reason, DISK_LOCKED_WORDS);
    else
        snprintf(reason, sizeof reason, "%s", missing ? missing : deadline.reason);
    desktop_fail(d, reason);
    return true;
}

static void desktop_step(struct desktop *d)
{
    if (desktop_step_disk(d) || desktop_step_host(d) || deadline_passed(d))
        return;
    const struct host *host = desktop_host(d);
    if (host->looking && !d->guest_known && desktop_state_has_guest(d->row.state))
        return; /* the look through the host tells of all its guests at once */
    const struct pool_row *pool = desktop_pool(d);
    bool unwanted =
        pool && pool->deleting && d->row.state != DESKTOP_RECYCLING && d->row.state != DESKTOP_FAILED;
    if (unwanted) {
        desktop_change(d, DESKTOP_RECYCLING, "the pool is being deleted");
        return;
    }
    if (store_now_ms() < d->next_try_ms) {
        desktop_due(d, d->next_try_ms);
        return;
    }
    if (d->row.left_ms && desktop_step_left(d))
        return;
    switch (d->row.state) {
    case DESKTOP_CLONING:
        desktop_step_cloning(d);
        break;
    case DESKTOP_BOOTING:
        desktop_step_booting(d);
        break;
    case DESKTOP_READY:
    case DESKTOP_CLAIMED:
    case DESKTOP_IN_USE:
    case DESKTOP_DISCONNECTED:
        desktop_step_running(d);
        break;
    case DESKTOP_RECYCLING:
        desktop_step_recycling(d);
        break;
    case DESKTOP_FAILED:
        desktop_step_failed(d);
        break;
    case DESKTOP_STOPPED:
        desktop_step_stopped(d);
        break;
    case DESKTOP_MAINTENANCE:
    case DESKTOP_STATE_COUNT:
        break;
    }
}

/* On its way somewhere. One that stands is told by events and rows when there is something to do. */
static bool is_under_way(const struct desktop *d)
{
    const struct host *host = desktop_host(d);
    if (!host || !host_answers(host))
        return false;
    switch (d->row.state) {
    case DESKTOP_CLONING:
    case DESKTOP_BOOTING:
    case DESKTOP_RECYCLING:
        return true;
    case DESKTOP_READY:
    case DESKTOP_CLAIMED:
    case DESKTOP_IN_USE:
    case DESKTOP_DISCONNECTED:
        return !d->guest_known || d->suspect;
    case DESKTOP_FAILED:
        return !d->cleaned;
    case DESKTOP_STOPPED:
        return d->row.rest == REST_STOPPING || d->row.rest == REST_SUSPENDING ||
               (d->row.renew == RENEW_DISK && !d->cleaned);
    case DESKTOP_MAINTENANCE:
        return d->disk_work != NULL;
    case DESKTOP_STATE_COUNT:
        break;
    }
    return false;
}

void desktop_drive(struct desktop *d)
{
    if (d->busy && !d->gone && !d->vm->stopping)
        guest_job_look_after(d);
    if (d->busy || d->stale || d->gone || d->vm->stopping)
        return; /* what ends that drives it */
    reconcile_look_at_clock(d->vm);
    due_heap_remove(&d->vm->due_desktops, &d->due);
    d->vm->driven++;
    desktop_step(d);
    if (!d->busy && !d->due.place && is_under_way(d)) /* the safety net of a step that said nothing */
        desktop_due(d, store_now_ms() + (int64_t)d->vm->config.vmpool_sweep_ms);
}

/* --- ports ------------------------------------------------------------------------------------------------
 */

static bool tally_has_port(const struct tally *tally, uint16_t port)
{
    list_for_each (pos, &tally->members) {
        const struct desktop *d = list_entry(pos, struct desktop, place.entry);
        if (d->row.port == port || d->port == port)
            return true;
    }
    return false;
}

static bool host_has_port(const struct vmpool *vm, const char *host_id, uint16_t port)
{
    const struct census_group *group = census_find(&vm->census, host_id);
    if (!group)
        return false;
    list_for_each (pos, &group->of_host) {
        if (tally_has_port(list_entry(pos, struct tally, in_host), port))
            return true;
    }
    return false;
}

static bool port_is_taken(const struct vmpool *vm, const char *address, uint16_t port)
{
    for (size_t i = 0; i < vm->world->host_count; i++) {
        const struct host_row *row = &vm->world->hosts[i];
        if (!strcmp(*row->address ? row->address : "127.0.0.1", address) && host_has_port(vm, row->id, port))
            return true;
    }
    if (strncmp(address, "127.", 4) != 0)
        return false; /* QEMU will say it */
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false; /* QEMU will say it */
    const struct sockaddr_in name = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int on = 1; /* old connections in TIME_WAIT do not stop QEMU either */
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    bool taken = bind(fd, (const struct sockaddr *)&name, sizeof name) != 0;
    close(fd);
    return taken;
}

uint16_t desktop_port_pick(struct vmpool *vm, const struct host *host)
{
    static unsigned next; /* ports are used in turn, so that a late client never meets another guest */
    unsigned first = 0, last = 0;
    if (sscanf(vm->config.vmpool_port_range, "%u-%u", &first, &last) != 2 || first < 1024 || last > 65535 ||
        first > last)
        return 0;
    unsigned count = last - first + 1;
    for (unsigned i = 0; i < count; i++) {
        uint16_t port = (uint16_t)(first + next++ % count);
        if (!port_is_taken(vm, host_address(host), port))
            return port;
    }
    return 0;
}

/* --- the end of the process -------------------------------------------------------------------------------
 */

void desktop_close_all(struct vmpool *vm)
{
    list_for_each (pos, &vm->desktops) {
        struct desktop *d = list_entry(pos, struct desktop, entry);
        desktop_close_channel(d);
        probe_close(&d->probe);
        probe_close(&d->check);
        probe_close(&d->pulse);
        desktop_join_cancel(d);
        desktop_health_forget(d);
        desktop_disk_cancel(d);
    }
}

void desktop_free_all(struct vmpool *vm)
{
    list_for_each_safe (pos, &vm->desktops) {
        struct desktop *d = list_entry(pos, struct desktop, entry);
        d->busy = false;
        if (d->gone)
            desktop_free(d);
        else
            desktop_forget(d);
    }
    census_finish(&vm->census);
    due_heap_finish(&vm->due_desktops);
    desktop_health_stop(vm);
    index_finish(&vm->by_id);
    index_finish(&vm->by_uuid);
    index_finish(&vm->by_name);
    index_finish(&vm->by_golden);
}
