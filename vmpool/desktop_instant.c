/* Desktops that are forked from a golden guest: their start, and the identity that each gets before it is ready. */
#include "desktop_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "golden.h"
#include "guest_identity.h"
#include "log.h"
#include "virt_port.h"

#define IDENTITY_LOOK_MIN_MS                                                                                 \
    15 /* between looks whether the script has ended; each costs its guest a moment */
#define IDENTITY_LOOK_MAX_MS 200
#define IDENTITY_FIRST_MAX_MS                                                                                \
    1000 /* what one slow guest took is no reason to leave all others alone for long */

#define TELL_TIMEOUT_MS 30000 /* many forks of an emulated processor at once are slow */

bool desktop_instant_choose(struct desktop *d)
{
    const struct pool_row *pool = desktop_pool(d);
    const struct image_row *image = desktop_image(d);
    struct host *host = desktop_host(d);
    char id[ID_SIZE] = "", why[REASON_SIZE];
    enum golden_answer answer = GOLDEN_CANNOT;
    if (host && image && pool && pool->kind == POOL_FLOATING && pool->provision == PROVISION_INSTANT)
        answer = golden_ask(host, pool, image, id, why);
    desktop_set_golden(d, id);
    if (answer != GOLDEN_COMES)
        return true;
    d->wait_ms = store_now_ms();
    desktop_due(d, d->wait_ms + GUEST_RETRY_MS); /* its asking keeps the golden guest wanted */
    return false;
}

void desktop_instant_prepare(const struct desktop *d, struct guest_job *job, char ret_ram[GOLDEN_PATH_SIZE])
{
    const struct golden *g = golden_find(d->vm, d->row.golden);
    if (!g)
        return;
    golden_path(g->dir, g->id, "ram", ret_ram);
    golden_path(g->dir, g->id, "qcow2", job->base);
    snprintf(job->base_format, sizeof job->base_format, "qcow2");
    golden_path(g->dir, g->id, "state", job->state_path);
    job->far = g->far;
}

/* --- identity --------------------------------------------------------------------------------------------
 */

/* Written when it is about to be read, so that its clock is right. */
static int write_identity(struct guest_job *job,
                          int (*write)(const struct guest_identity *identity, char ret[GUEST_SCRIPT_MAX],
                                       struct error *err),
                          char ret[GUEST_SCRIPT_MAX], struct error *err)
{
    struct tls_identity tls = {0};
    int rc = tls_identity_make(job->name, &tls, err);
    const struct guest_identity identity = {.name = job->name,
                                            .user = job->user,
                                            .password = &job->password,
                                            .tls = &tls,
                                            .now_ms = store_now_ms()};
    if (!rc)
        rc = write(&identity, ret, err);
    memcpy(job->fingerprint, tls.fingerprint, sizeof job->fingerprint);
    secret_wipe_bytes(&tls, sizeof tls);
    return rc;
}

static int run_begin(struct virt_conn *conn, void *arg, struct error *err)
{
    struct guest_job *job = arg;
    char script[GUEST_SCRIPT_MAX] = "";
    int rc = write_identity(job, guest_identity_script, script, err);
    if (!rc)
        rc = guest_agent_start(conn, &job->key, script, &job->script_pid, err);
    secret_wipe_bytes(script, sizeof script);
    return rc;
}

/* Hears until the guest has come so far. CE_CONFLICT: it is busy with an earlier talk. */
static int hear(struct virt_port *port, enum guest_heard wanted, uint64_t until_ns, struct error *err)
{
    for (;;) {
        const char *text;
        char words[160];
        int rc = virt_port_hear(port, until_ns, &text, err);
        if (rc)
            return rc;
        enum guest_heard heard = guest_identity_heard(text, words, sizeof words);
        if (heard == wanted)
            return 0;
        if (heard == GUEST_HEARD_FAILED)
            return error_set(err, CE_IO, "the guest says: %s", *words ? words : "nothing");
        if (heard == GUEST_HEARD_OTHER || heard == GUEST_HEARD_DONE)
            return error_set(err, CE_CONFLICT, "the guest is not where it was frozen");
    }
}

/* The shell that waits in a fork is told who it is. Nothing is said before it says that it waits. */
static int run_tell(struct virt_conn *conn, void *arg, struct error *err)
{
    struct guest_job *job = arg;
    char lines[GUEST_SCRIPT_MAX] = "";
    struct virt_port *port = NULL;
    const uint64_t until_ns = uv_hrtime() + (uint64_t)TELL_TIMEOUT_MS * 1000000;
    int rc = virt_port_open(&port, conn, &job->key, GUEST_IDENTITY_PORT, err);
    if (!rc)
        rc = hear(port, GUEST_HEARD_READY, until_ns, err);
    if (!rc)
        rc = write_identity(job, guest_identity_lines, lines, err);
    if (!rc)
        rc = virt_port_say(port, lines, err);
    if (!rc)
        rc = hear(port, GUEST_HEARD_DONE, until_ns, err);
    virt_port_close(&port);
    secret_wipe_bytes(lines, sizeof lines);
    return rc;
}

static int run_look(struct virt_conn *conn, void *arg, struct error *err)
{
    struct guest_job *job = arg;
    return guest_agent_ended(conn, &job->key, job->script_pid, &job->script_ended, err);
}

void desktop_instant_failed(struct desktop *d, const char *words)
{
    struct golden *g = *d->row.golden ? golden_find(d->vm, d->row.golden) : NULL;
    if (g)
        golden_fork_failed(g, words);
}

/* Nothing tells of a script's end. The first look comes when others like it were about done, the next ones in parts of
 * that time: close together where it takes a blink, rare where many guests share few processors. */
static void look_later(struct desktop *d)
{
    int64_t usual_ms = d->vm->usual_identity_ms, since_ms = store_now_ms() - d->script_ms;
    int64_t pause_ms = usual_ms / 10;
    if (pause_ms < IDENTITY_LOOK_MIN_MS)
        pause_ms = IDENTITY_LOOK_MIN_MS;
    else if (pause_ms > IDENTITY_LOOK_MAX_MS)
        pause_ms = IDENTITY_LOOK_MAX_MS;
    if (since_ms + pause_ms < usual_ms * 3 / 4)
        pause_ms = usual_ms * 3 / 4 - since_ms;
    desktop_pause(d, pause_ms < IDENTITY_FIRST_MAX_MS ? pause_ms : IDENTITY_FIRST_MAX_MS);
}

static void fail_identity(struct desktop *d, const struct error *err)
{
    char reason[REASON_SIZE];
    snprintf(reason, sizeof reason, "it could not be given an identity of its own: %.300s", err->text);
    desktop_instant_failed(d, reason);
    desktop_fail(d, reason);
}

/* What its guest was last told is its identity. */
static void keep_identity(struct desktop *d, const struct guest_job *job)
{
    d->password = job->password;
    snprintf(d->fingerprint, sizeof d->fingerprint, "%s", job->fingerprint);
}

static void has_identity(struct desktop *d)
{
    struct golden *g = golden_find(d->vm, d->row.golden);
    if (g)
        golden_fork_succeeded(g);
    d->own_identity = true;
    d->fingerprint_read = true;
    d->password_set = d->password.len > 0;
    log_debug("desktop %s: it has an identity of its own", d->row.name);
}

/* The next look, or another try from the beginning, follows from desktop_drive(). */
static void on_identity(struct desktop *d, struct guest_job *job, int rc, const struct error *err)
{
    if (rc == CE_UNREACHABLE || rc == CE_TIMEOUT || rc == CE_CANCELLED) {
        d->script_pid = 0;
        desktop_pause(d, GUEST_RETRY_MS);
        return;
    }
    if (rc) {
        fail_identity(d, err);
        return;
    }
    if (!d->script_pid) {
        d->script_pid = job->script_pid;
        d->script_ms = store_now_ms();
        keep_identity(d, job);
    }
    if (!job->script_ended) {
        look_later(d);
        return;
    }
    d->vm->usual_identity_ms = (d->vm->usual_identity_ms * 3 + store_now_ms() - d->script_ms) / 4;
    has_identity(d);
}

/* Where nobody waits, or nobody knows how far it came, the agent sees to it. */
static void on_told(struct desktop *d, struct guest_job *job, int rc, const struct error *err)
{
    if (!rc) {
        keep_identity(d, job);
        has_identity(d);
    } else if (rc == CE_IO) {
        fail_identity(d, err);
    } else {
        log_info("desktop %s: its agent is asked for an identity: %s", d->row.name,
                 *err->text ? err->text : error_name(rc));
        d->agent_identity = true;
    }
}

void desktop_step_identity(struct desktop *d)
{
    const struct pool_row *pool = desktop_pool(d);
    const struct image_row *image = desktop_image(d);
    struct guest_job *job = guest_job_create(d);
    if (!job)
        return;
    job->script_pid = d->script_pid;
    if (d->script_pid) {
        guest_job_submit_lane(job, HOST_LANE_IDENTITY, run_look, on_identity);
        return;
    }
    snprintf(job->name, sizeof job->name, "%s", d->row.name);
    if (pool && image && pool->credentials == CREDENTIALS_CARREL) {
        snprintf(job->user, sizeof job->user, "%s", image->guest_user);
        secret_random_password(&job->password);
    }
    if (!d->agent_identity && template_has_channel(d->vm->template, GUEST_IDENTITY_PORT))
        guest_job_submit_lane(job, HOST_LANE_IDENTITY, run_tell, on_told);
    else
        guest_job_submit_lane(job, HOST_LANE_IDENTITY, run_begin, on_identity);
}

/* --- the network card ------------------------------------------------------------------------------------ */

static int run_attach(struct virt_conn *conn, void *arg, struct error *err)
{
    struct guest_job *job = arg;
    return virt_domain_attach_card(conn, &job->key, job->xml, err);
}

static void on_attached(struct desktop *d, struct guest_job *job, int rc, const struct error *err)
{
    if (!rc) {
        d->has_card = true;
    } else if (rc == CE_UNREACHABLE || rc == CE_CANCELLED) {
        desktop_pause(d, GUEST_RETRY_MS);
    } else {
        desktop_instant_failed(d, err->text);
        desktop_fail(d, err->text);
    }
}

/* Only with an identity of its own is a clone let onto a network. */
void desktop_step_card(struct desktop *d)
{
    const struct pool_row *pool = desktop_pool(d);
    struct guest_job *job = pool ? guest_job_create(d) : NULL;
    if (!job)
        return;
    job->xml = template_interface(pool->network, d->row.uuid);
    if (job->xml)
        guest_job_submit(job, run_attach, on_attached);
    else
        free(job);
}
