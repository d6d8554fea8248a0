#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "desktop.h"
#include "golden.h"
#include "host_lane.h"
#include "image_copy.h"
#include "lease.h"
#include "log.h"
#include "virt_probe.h"

/* --- the row -------------------------------------------------------------------------------------------- */

struct host_write {
    struct host *host;
    struct host_row row;
};

static int run_write(struct db *db, void *arg)
{
    struct host_write *job = arg;
    char lease[LEASE_NAME_SIZE];
    lease_host_name(job->row.id, lease);
    int rc = store_lease_check(db, lease, job->host->vm->boot);
    if (!rc)
        rc = store_host_set_seen(db, &job->row);
    return rc == CE_NOT_FOUND ? 0 : rc; /* it was deleted meanwhile */
}

static void on_written(void *arg, int rc)
{
    struct host_write *job = arg;
    struct host *host = job->host;
    free(job);
    host->writing = false;
    if (rc && rc != CE_CONFLICT && !host->vm->stopping)
        log_warning("host %s: its state could not be written: %s", host->row.name, error_name(rc));
    if (host->write_again && !rc)
        host_write(host);
}

void host_write(struct host *host)
{
    if (host->leaving)
        return;
    host->write_again = host->writing;
    if (host->writing)
        return;
    struct host_write *job = calloc(1, sizeof *job);
    if (!job)
        return;
    host->writing = true;
    job->host = host;
    host->row.seen_ms = store_now_ms();
    job->row = host->row;
    vmpool_write(host->vm, run_write, on_written, job);
}

static void host_set_state(struct host *host, enum host_state state, const char *reason)
{
    if (host->row.state == state && !strcmp(host->row.reason, reason))
        return;
    if (state == HOST_UP)
        log_info("host %s: up, libvirt %s, %s", host->row.name, host->row.libvirt_version,
                 host->row.hypervisor_version);
    else
        log_warning("host %s: down: %s", host->row.name, reason);
    host->row.state = state;
    if (state == HOST_UP)
        host->row.down_ms = 0;
    else if (!host->row.down_ms)
        host->row.down_ms = store_now_ms();
    snprintf(host->row.reason, sizeof host->row.reason, "%s", reason);
    host_write(host);
}

/* --- hardware virtualisation -----------------------------------------------------------------------------
 */

struct virt_job {
    struct host *host;
    struct virt_probe *probe;
    char installation[INSTALLATION_SIZE];
    char kernel[1024];
    char initrd[1100];
    bool kvm;
    bool claimed;
};

static int run_virt(struct virt_conn *conn, void *arg, struct error *err)
{
    struct virt_job *job = arg;
    job->claimed = virt_probe_claims_kvm(conn);
    if (!job->claimed)
        return 0;
    if (!*job->kernel) {
        job->kvm = true;
        return 0;
    }
    const struct virt_probe_spec spec = {
        .installation = job->installation, .kernel = job->kernel, .initrd = job->initrd, .kvm = true};
    int rc = virt_probe_boot(conn, job->probe, &spec, err);
    if (rc == CE_UNREACHABLE || rc == CE_CANCELLED)
        return rc;
    job->kvm = rc == 0;
    return 0;
}

void host_note_start(struct host *host, int rc, const struct error *err)
{
    char words[REASON_SIZE] = "";
    if (rc == CE_CANCELLED || (rc && !host_answers(host)))
        return; /* says nothing of the host, or is told otherwise */
    if (rc == CE_UNREACHABLE)
        snprintf(words, sizeof words, "host %.64s cannot start guests: %.300s", host->row.name, err->text);
    if (*words && strcmp(words, host->start_trouble) != 0)
        log_warning("%s", words);
    snprintf(host->start_trouble, sizeof host->start_trouble, "%s", words);
}

static void on_virt(void *arg, int rc, const struct error *err)
{
    struct virt_job *job = arg;
    struct host *host = job->host;
    host->probing = false;
    host_note_start(host, rc, err);
    if (rc) {
        host->probe_after_ms = store_now_ms() + GUEST_RETRY_MS;
        reconcile_want(host->vm); /* its pools say so */
    }
    if (!rc) {
        snprintf(host->row.virt, sizeof host->row.virt, "%s", job->kvm ? "kvm" : "qemu");
        if (!job->claimed)
            log_info("host %s: no KVM, guests run in software emulation", host->row.name);
        else if (!job->kvm)
            log_warning(
                "host %s: it claims KVM, but guests do not run with it (%s); software emulation is used",
                host->row.name, err->text);
        else
            log_info("host %s: KVM %s", host->row.name,
                     *job->kernel ? "works" : "is taken on trust: no image has a kernel to prove it with");
        host_write(host);
        reconcile_want(host->vm);
    }
    virt_probe_destroy(&job->probe);
    free(job);
}

const char *host_address(const struct host *host)
{
    return host && *host->row.address ? host->row.address : "127.0.0.1";
}

int host_virt(struct host *host, const struct image_row *image)
{
    const struct vmpool *vm = host->vm;
    if (!strcmp(vm->config.vmpool_virt, "kvm"))
        return 1;
    if (!strcmp(vm->config.vmpool_virt, "qemu"))
        return 0;
    if (*host->row.virt)
        return !strcmp(host->row.virt, "kvm");
    if (host->probing || !host_answers(host))
        return -1;
    if (store_now_ms() < host->probe_after_ms) {
        reconcile_due(host->vm, host->probe_after_ms);
        return -1;
    }
    struct virt_job *job = calloc(1, sizeof *job);
    if (!job || !(job->probe = virt_probe_create())) {
        free(job);
        return -1;
    }
    struct image_paths paths;
    image_copy_paths(host, image, &paths);
    job->host = host;
    snprintf(job->installation, sizeof job->installation, "%s", vm->installation);
    snprintf(job->kernel, sizeof job->kernel, "%s", paths.kernel);
    snprintf(job->initrd, sizeof job->initrd, "%s", paths.probe_initrd);
    host->probing = true;
    if (virt_host_submit(host->virt, run_virt, on_virt, job)) {
        host->probing = false;
        virt_probe_destroy(&job->probe);
        free(job);
    }
    return -1;
}

/* --- the connection --------------------------------------------------------------------------------------
 */

static void on_up(void *arg, const struct virt_host_info *info)
{
    struct host *host = arg;
    host->connected = true;
    host->looked = false;
    host->hung = false;
    (void)host_take_info(host, info);
    host->measure_at_ms = 0;
    host_set_state(host, HOST_UP, "");
    host_look(host);
}

static void on_down(void *arg, const char *reason)
{
    struct host *host = arg;
    host->connected = false;
    host->start_trouble[0] = 0; /* that the connection was lost is no word about its QEMU */
    host_lane_lost(host);
    desktop_host_is_lost(host);
    if (!host->leaving)
        host_set_state(host, HOST_DOWN, reason);
    reconcile_want(host->vm); /* what stands there has to be looked at in another light */
}

static void on_guest(void *arg, const char *uuid, enum virt_guest_event event)
{
    struct host *host = arg;
    if (!host->leaving)
        desktop_guest_event(host, uuid, event);
}

static void on_closed(void *arg)
{
    struct host *host = arg;
    host->closed = true;
    host->virt = NULL;
    reconcile_want(host->vm);
}

static const struct virt_host_events host_events = {
    .up = on_up, .down = on_down, .guest = on_guest, .closed = on_closed};

/* One that is leaving, too. */
static struct host *host_with_id(const struct vmpool *vm, const char *id)
{
    for (struct index_entry *e = index_first(&vm->hosts_by_id, id); e; e = index_next(e)) {
        struct host *host = index_of(e, struct host, by_id);
        if (!strcmp(host->row.id, id))
            return host;
    }
    return NULL;
}

struct host *host_find(struct vmpool *vm, const char *id)
{
    struct host *host = host_with_id(vm, id);
    return host && !host->leaving ? host : NULL;
}

const struct host *host_find_const(const struct vmpool *vm, const char *id)
{
    const struct host *host = host_with_id(vm, id);
    return host && !host->leaving ? host : NULL;
}

bool host_answers(const struct host *host)
{
    return host->connected && !host->hung && !host->leaving;
}

bool host_is_lost(struct host *host)
{
    if (host_answers(host) || host->row.state != HOST_DOWN || !host->row.down_ms)
        return false;
    int64_t at_ms = host->row.down_ms + (int64_t)host->vm->config.vmpool_host_timeout_ms;
    if (store_now_ms() >= at_ms)
        return true;
    reconcile_due(host->vm, at_ms);
    return false;
}

bool host_is_usable(const struct host *host)
{
    return host_answers(host) && host->looked && host->row.mode == HOST_ACTIVE;
}

bool host_row_is_usable(const struct vmpool *vm, const struct host_row *row)
{
    const struct host *host = host_find_const(vm, row->id);
    return host ? host_is_usable(host)
                : row->state == HOST_UP && row->mode == HOST_ACTIVE && lease_is_elsewhere(vm, row->id);
}

static void host_add(struct vmpool *vm, const struct host_row *row)
{
    uint64_t epoch, until_ns;
    if (host_has(vm, row->id) || !lease_of_host(vm, row->id, &epoch, &until_ns))
        return;
    struct host *host = calloc(1, sizeof *host);
    if (!host)
        return;
    host->vm = vm;
    host->epoch = epoch;
    host->taken_ms = store_now_ms();
    host->row = *row;
    host->row.state = HOST_UNKNOWN; /* until it was seen by this process */
    host->row.reason[0] = 0;
    list_init(&host->entry);
    list_init(&host->lane_jobs);
    if (!index_add(&vm->hosts_by_id, &host->by_id, host->row.id) ||
        virt_host_open(&host->virt, vm->loop, row->uri, vm->config.vmpool_keepalive_ms, &host_events, host)) {
        log_error("host %s: no memory for its connection", row->name);
        index_remove(&vm->hosts_by_id, &host->by_id);
        free(host);
        return;
    }
    virt_host_hold(host->virt, epoch, until_ns);
    list_append(&vm->hosts, &host->entry);
}

static void host_leave(struct host *host)
{
    if (host->leaving)
        return;
    host->leaving = true;
    virt_host_close(host->virt);
}

static void host_free(struct host *host)
{
    list_remove(&host->entry);
    index_remove(&host->vm->hosts_by_id, &host->by_id);
    free(host->found);
    free(host->files);
    free(host);
}

/* What an administrator says of the host; what we saw of it stays. */
static void host_take_orders(struct host *host, const struct host_row *row)
{
    host->row.mode = row->mode;
    host->row.cpu_percent = row->cpu_percent;
    host->row.memory_percent = row->memory_percent;
    snprintf(host->row.address, sizeof host->row.address, "%s", row->address);
    snprintf(host->row.labels, sizeof host->row.labels, "%s", row->labels);
}

void host_sync(struct vmpool *vm)
{
    const struct snapshot *world = vm->world;
    for (size_t i = 0; i < world->host_count; i++) {
        struct host *host = host_find(vm, world->hosts[i].id);
        if (!host)
            host_add(vm, &world->hosts[i]);
        else
            host_take_orders(host, &world->hosts[i]);
    }
    list_for_each_safe (pos, &vm->hosts) {
        struct host *host = list_entry(pos, struct host, entry);
        const struct host_row *row = snapshot_host(world, host->row.id);
        uint64_t epoch = 0, until_ns;
        if (!row || strcmp(row->uri, host->row.uri) != 0 ||
            !lease_of_host(vm, host->row.id, &epoch, &until_ns) || epoch != host->epoch)
            host_leave(host); /* one with another URI is opened anew by the next pass */
        if (host->closed && !host->writing && !host_lane_is_open(host))
            host_free(host);
    }
}

bool host_has(const struct vmpool *vm, const char *id)
{
    return host_with_id(vm, id) != NULL;
}

void host_lease_renewed(struct vmpool *vm, const char *id, uint64_t until_ns)
{
    struct host *host = host_find(vm, id);
    if (!host)
        return;
    virt_host_hold(host->virt, host->epoch, until_ns);
    host_lane_renewed(host, until_ns);
    golden_lease_renewed(host, until_ns);
}

/* Desktops are driven when their host is not as it was: it answers or does not, is lost, or takes others. */
static void host_watch_standing(struct host *host)
{
    unsigned standing = 1u + (unsigned)host->row.state * 8u + (unsigned)host->row.mode * 64u;
    if (host_answers(host))
        standing |= 1u << 10;
    if (host_is_lost(host))
        standing |= 1u << 11;
    if (standing != host->standing)
        desktop_touch_host(host->vm, host->row.id);
    host->standing = standing;
}

void host_clock_was_set(struct vmpool *vm)
{
    int64_t now_ms = store_now_ms();
    list_for_each (pos, &vm->hosts) {
        struct host *host = list_entry(pos, struct host, entry);
        host->taken_ms = now_ms;
        host->measure_at_ms = host->probe_after_ms = 0;
        if (host->look_at_ms)
            host->look_at_ms = now_ms;
        if (host->row.down_ms)
            host->row.down_ms = now_ms;
    }
}

void host_watch(struct vmpool *vm)
{
    list_for_each (pos, &vm->hosts) {
        struct host *host = list_entry(pos, struct host, entry);
        if (host->leaving || host->closed)
            continue;
        bool hung = virt_host_busy_ms(host->virt) > HOST_HUNG_MS;
        if (hung && !host->hung) {
            host->hung = true;
            host_set_state(host, HOST_DOWN, "a call to its libvirt has not come back for 20 s");
        } else if (!hung && host->hung) {
            host->hung = false;
            if (host->connected)
                host_set_state(host, HOST_UP, "");
        }
        if (host->look_at_ms && store_now_ms() >= host->look_at_ms) {
            host->look_at_ms = 0;
            host_look(host);
        }
        host_measure(host);
        host_watch_standing(host);
    }
}

void host_close_all(struct vmpool *vm)
{
    list_for_each (pos, &vm->hosts)
        host_leave(list_entry(pos, struct host, entry));
}

void host_abandon_all(struct vmpool *vm)
{
    list_for_each (pos, &vm->hosts) {
        struct host *host = list_entry(pos, struct host, entry);
        if (host->closed || !host->virt)
            continue;
        log_warning("host %s: its libvirt does not come back, it is left behind", host->row.name);
        virt_host_abandon(host->virt);
    }
    image_copy_abandon_all(vm);
    host_lane_abandon_all(vm);
}

bool host_all_closed(const struct vmpool *vm)
{
    list_for_each (pos, &vm->hosts) {
        if (!list_entry(pos, struct host, entry)->closed)
            return false;
    }
    return true;
}

void host_free_all(struct vmpool *vm)
{
    list_for_each_safe (pos, &vm->hosts)
        host_free(list_entry(pos, struct host, entry));
    index_finish(&vm->hosts_by_id);
}
