/* The steps by which a golden guest is made. What runs on the host's thread gets a golden_job with copies. */
#include "golden_job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "desktop.h"
#include "guest_agent.h"
#include "guest_call.h"
#include "guest_identity.h"
#include "image_copy.h"
#include "image_seal.h"
#include "log.h"
#include "pool_sizing.h"
#include "uuid.h"
#include "virt_golden.h"
#include "virt_golden_files.h"
#include "virt_storage.h"

void golden_change(struct golden *g, enum golden_state to)
{
    if (!golden_state_may_follow(g->state, to)) {
        log_error("golden guest %s cannot go from %s to %s", g->id, golden_state_name(g->state),
                  golden_state_name(to));
        return;
    }
    log_info("golden guest %s: %s -> %s%s%s", g->id, golden_state_name(g->state), golden_state_name(to),
             to == GOLDEN_FAILED ? ": " : "", to == GOLDEN_FAILED ? g->reason : "");
    g->state = to;
    g->state_since_ms = store_now_ms();
    g->next_try_ms = 0;
    g->started = g->cleaned = false;
    g->script_pid = 0;
    probe_close(&g->probe);
    golden_tell(g->vm, g->host_id);
}

void golden_fail(struct golden *g, const char *reason)
{
    const struct config *config = &g->vm->config;
    g->failures++;
    g->retry_at_ms = store_now_ms() + (int64_t)backoff_pause_ms(g->failures, config->vmpool_retry_pause_ms,
                                                                config->vmpool_retry_pause_max_ms);
    g->has_words = golden_state_has_guest(g->state);
    snprintf(g->reason, sizeof g->reason, "%s", reason);
    golden_change(g, GOLDEN_FAILED);
}

void golden_pause(struct golden *g, int64_t pause_ms)
{
    g->next_try_ms = store_now_ms() + pause_ms;
    reconcile_due(g->vm, g->next_try_ms);
}

/* --- booting ---------------------------------------------------------------------------------------------
 */

static bool on_user_network(const struct golden *g)
{
    return !strcmp(g->shape.network, "user");
}

static bool prepare_boot(struct golden *g, struct golden_job *job)
{
    const struct image_row *image = snapshot_image(g->vm->world, g->image_id);
    struct host *host = host_find(g->vm, g->host_id);
    int kvm = host && image ? host_virt(host, image) : -1;
    bool needs_port = on_user_network(g);
    if (kvm >= 0 && needs_port)
        g->port = desktop_port_pick(g->vm, host);
    if (kvm < 0 || (needs_port && !g->port)) {
        golden_pause(g, GUEST_RETRY_MS);
        return false;
    }
    struct image_paths paths;
    image_copy_paths(host, image, &paths);
    char disk[GOLDEN_PATH_SIZE], ram[GOLDEN_PATH_SIZE], serial[GOLDEN_PATH_SIZE], genid[37];
    golden_path(job->place.dir, g->id, "qcow2", disk);
    golden_path(job->place.dir, g->id, "ram", ram);
    golden_path(job->place.dir, g->id, "serial.log", serial);
    uuid_make(genid);
    const struct guest_spec spec = {
        .name = g->id,
        .uuid = g->uuid,
        .genid = genid,
        .pool = g->shape.name,
        .installation = g->vm->installation,
        .desktop_id = g->id,
        .disk = disk,
        .serial_log = serial,
        .epoch = host->epoch,
        .kernel = paths.kernel,
        .initrd = paths.initrd,
        .cmdline = image->cmdline,
        .network = g->shape.network,
        .vcpus = g->shape.vcpus,
        .memory_mib = g->shape.memory_mib,
        .address = host_address(host),
        .port = g->port,
        .nic_later = !needs_port,
        .ram_file = ram,
        .kvm = kvm == 1,
    };
    job->xml = template_expand(g->vm->template, &spec);
    job->ram_bytes = (uint64_t)g->shape.memory_mib << 20;
    snprintf(job->base, sizeof job->base, "%s", paths.disk);
    snprintf(job->base_format, sizeof job->base_format, "%s", image->format);
    job->capacity_bytes = image->virtual_size_bytes;
    return job->xml != NULL;
}

/* An image that was brought to the host was checked when it came there. */
static int make_files(struct virt_conn *conn, const struct golden_job *job, struct error *err)
{
    if (job->far)
        return virt_golden_files_make(conn, job->place.dir, job->key.desktop_id, job->ram_bytes, err);
    int rc = image_seal_check(job->base, err);
    return rc ? rc : golden_files_make_ram(job->place.dir, job->key.desktop_id, job->ram_bytes, err);
}

static int run_boot(struct virt_conn *conn, void *arg, struct error *err)
{
    struct golden_job *job = arg;
    int rc = virt_domain_destroy(conn, &job->key, err); /* of a vmpool that was killed */
    if (!rc)
        rc = make_files(conn, job, err);
    const struct clone_spec spec = {.desktop_dir = job->place.dir,
                                    .desktop_id = job->key.desktop_id,
                                    .base = job->base,
                                    .base_format = job->base_format,
                                    .readable = !job->far,
                                    .for_qemu = job->far,
                                    .capacity_bytes = job->capacity_bytes};
    char path[1024];
    if (!rc)
        rc = virt_storage_clone(conn, &spec, path, sizeof path, err);
    return rc ? rc : virt_domain_start(conn, job->xml, err);
}

static void on_booted(struct golden *g, struct golden_job *job, int rc, const struct error *err)
{
    if (rc == CE_BUSY || rc == CE_UNREACHABLE || rc == CE_CANCELLED) {
        golden_pause(g, GUEST_RETRY_MS); /* another port, or when the host is back */
    } else if (rc) {
        golden_fail(g, err->text);
    } else {
        g->started = true;
        reconcile_want(g->vm);
    }
}

static void on_answer(void *arg, int rc)
{
    golden_change(arg, GOLDEN_PREPARING);
}

/* A guest whose card comes when it is forked is asked through its agent whether it is there. */
static int run_ping(struct virt_conn *conn, void *arg, struct error *err)
{
    struct golden_job *job = arg;
    return guest_agent_ping(conn, &job->key, err);
}

static void on_ping(struct golden *g, struct golden_job *job, int rc, const struct error *err)
{
    if (rc)
        golden_pause(g, GUEST_RETRY_MS);
    else
        golden_change(g, GOLDEN_PREPARING);
}

static void step_ping(struct golden *g)
{
    struct golden_job *job = golden_job_create(g);
    if (job)
        golden_job_submit(job, run_ping, on_ping);
}

static void step_booting(struct golden *g)
{
    if (g->started && on_user_network(g)) {
        const char *address = host_address(host_find(g->vm, g->host_id));
        if (!g->probe && probe_open(&g->probe, g->vm->loop, address, g->port, 0, on_answer, g))
            golden_pause(g, GUEST_RETRY_MS);
        return;
    }
    if (g->started) {
        step_ping(g);
        return;
    }
    struct golden_job *job = golden_job_create(g);
    if (job && prepare_boot(g, job))
        golden_job_submit(job, run_boot, on_booted);
    else if (job)
        golden_job_free(job);
}

/* --- preparing and freezing ------------------------------------------------------------------------------
 */

static int run_script(struct virt_conn *conn, void *arg, struct error *err)
{
    struct golden_job *job = arg;
    return job->pid ? guest_agent_ended(conn, &job->key, job->pid, &job->ended, err)
                    : guest_agent_start(conn, &job->key, job->script, &job->pid, err);
}

static void on_script(struct golden *g, struct golden_job *job, int rc, const struct error *err)
{
    g->script_pid = job->pid;
    if (rc && rc != CE_UNREACHABLE && rc != CE_TIMEOUT && rc != CE_CANCELLED)
        golden_fail(g, err->text);
    else if (!rc && job->ended)
        golden_change(g, GOLDEN_FREEZING);
    else
        golden_pause(g, GOLDEN_LOOK_MS); /* its agent may come later than its RDP server */
}

static void step_preparing(struct golden *g)
{
    struct error err = {0};
    struct golden_job *job = golden_job_create(g);
    if (!job)
        return;
    const bool waits = template_has_channel(g->vm->template, GUEST_IDENTITY_PORT);
    if (guest_golden_script(g->warm_user, waits, job->script, &err)) {
        golden_job_free(job);
        golden_fail(g, err.text);
        return;
    }
    golden_job_submit(job, run_script, on_script);
}

static int run_freeze(struct virt_conn *conn, void *arg, struct error *err)
{
    struct golden_job *job = arg;
    return virt_golden_freeze(conn, &job->key, job->state_path, job->far, err);
}

static void on_frozen(struct golden *g, struct golden_job *job, int rc, const struct error *err)
{
    if (rc)
        golden_fail(g, err->text);
    else
        golden_change(g, GOLDEN_SEALING);
}

static void step_freezing(struct golden *g)
{
    struct golden_job *job = golden_job_create(g);
    if (job)
        golden_job_submit_lane(job, HOST_LANE_FORK, run_freeze, on_frozen); /* takes its time */
    else
        golden_pause(g, GUEST_RETRY_MS);
}

/* --- the next step ---------------------------------------------------------------------------------------
 */

/* Its state's patience has ended; if not, a pass comes then. */
static bool is_late(struct golden *g)
{
    uint64_t patience_ms = golden_state_patience_ms(g->state, &g->vm->config);
    int64_t at_ms = g->state_since_ms + (int64_t)patience_ms;
    if (!patience_ms || store_now_ms() >= at_ms)
        return patience_ms != 0;
    reconcile_due(g->vm, at_ms);
    return false;
}

/* As with desktops: a call that hangs fails when its guest is ended. */
static void look_after_job(struct golden *g)
{
    struct host *host = host_find(g->vm, g->host_id);
    if (!g->on_host || !host || !host_answers(host) || !is_late(g) || store_now_ms() < g->cut_ms)
        return;
    const struct guest_key key = golden_key(g);
    g->cut_ms = store_now_ms() + GUEST_END_AGAIN_MS;
    log_warning("golden guest %s hangs while it is %s: it is ended", g->id, golden_state_name(g->state));
    guest_end(host, &key);
}

static bool deadline_passed(struct golden *g)
{
    if (!is_late(g))
        return false;
    const char *why = g->probe ? probe_why(g->probe) : "";
    char reason[REASON_SIZE];
    snprintf(reason, sizeof reason, "it was not done %s in time%s%s", golden_state_name(g->state),
             *why ? "; its RDP server: " : "", why);
    golden_fail(g, reason);
    return true;
}

void golden_step(struct golden *g)
{
    if (g->busy && !g->vm->stopping)
        look_after_job(g);
    if (g->busy || g->vm->stopping || deadline_passed(g))
        return;
    if (store_now_ms() < g->next_try_ms) {
        reconcile_due(g->vm, g->next_try_ms);
        return;
    }
    switch (g->state) {
    case GOLDEN_BOOTING:
        step_booting(g);
        break;
    case GOLDEN_PREPARING:
        step_preparing(g);
        break;
    case GOLDEN_FREEZING:
        step_freezing(g);
        break;
    case GOLDEN_SEALING:
        if (g->far)
            golden_seal_far(g);
        else
            golden_seal(g);
        break;
    case GOLDEN_FAILED:
        golden_step_failed(g);
        break;
    case GOLDEN_REMOVING:
        if (g->far)
            golden_remove_far(g);
        else
            golden_remove(g);
        break;
    case GOLDEN_READY:
    case GOLDEN_STATE_COUNT:
        break;
    }
}
