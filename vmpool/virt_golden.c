#include "virt_golden.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>
#include <libvirt/libvirt-qemu.h>
#include <uv.h>

#include "golden_files.h"
#include "virt_golden_files.h"
#include "virt_internal.h"

#define STATE_NODE "carrel-state"
#define STATE_JOB "carrel-state"
#define STATE_TAG "golden"
#define TRANSFER_TIMEOUT_MS 30000 /* for less than a MiB of state; then QEMU hangs */
#define TRANSFER_LOOK_MS 4        /* between two looks: QEMU tells libvirt of the end, and nobody else */

/* Leaves out what lies in a file that both sides map. */
#define IGNORE_SHARED                                                                                        \
    "{\"execute\":\"migrate-set-capabilities\",\"arguments\":{\"capabilities\":["                            \
    "{\"capability\":\"x-ignore-shared\",\"state\":true}]}}"

/* One command of QEMU's monitor, with a descriptor where FD is not -1. RET may be NULL. */
static int monitor(virDomainPtr domain, const char *command, int fd, json_t **ret, struct error *err)
{
    char *answer = NULL;
    if (virDomainQemuMonitorCommandWithFiles(domain, command, fd >= 0, fd >= 0 ? &fd : NULL, NULL, NULL,
                                             &answer, 0) < 0)
        return virt_error(err, "QEMU's monitor");
    json_t *json = json_loads(answer, 0, NULL);
    free(answer);
    const char *words = json_string_value(json_object_get(json_object_get(json, "error"), "desc"));
    int rc = json_object_get(json, "return") ? 0
                                             : error_set(err, CE_IO, "QEMU's monitor: %.200s",
                                                         words ? words : "its answer is not understood");
    if (!rc && ret)
        *ret = json_incref(json_object_get(json, "return"));
    json_decref(json);
    return rc;
}

/* Waits for the end of the transfer that runs, at which LOOK looks. */
static int wait_for(virDomainPtr domain, int (*look)(virDomainPtr domain, bool *ret_done, struct error *err),
                    struct error *err)
{
    uint64_t until_ns = uv_hrtime() + (uint64_t)TRANSFER_TIMEOUT_MS * 1000000;
    while (uv_hrtime() < until_ns) {
        bool done = false;
        int rc = look(domain, &done, err);
        if (rc || done)
            return rc;
        const struct timespec pause = {.tv_nsec = TRANSFER_LOOK_MS * 1000000};
        (void)nanosleep(&pause, NULL);
    }
    return error_set(err, CE_TIMEOUT, "QEMU did not transfer the guest's state in time");
}

static int look_at_migration(virDomainPtr domain, bool *ret_done, struct error *err)
{
    json_t *answer = NULL;
    int rc = monitor(domain, "{\"execute\":\"query-migrate\"}", -1, &answer, err);
    if (rc)
        return rc;
    const char *status = json_string_value(json_object_get(answer, "status"));
    const char *words = json_string_value(json_object_get(answer, "error-desc"));
    *ret_done = status && !strcmp(status, "completed");
    if (status && (!strcmp(status, "failed") || !strcmp(status, "cancelled")))
        rc = error_set(err, CE_IO, "QEMU could not transfer the guest's state: %.200s",
                       words ? words : status);
    json_decref(answer);
    return rc;
}

/* Hands the file to QEMU and begins the transfer with COMMAND, "migrate" or "migrate-incoming". */
static int transfer(virDomainPtr domain, const char *command, int fd, struct error *err)
{
    char text[160];
    snprintf(text, sizeof text, "{\"execute\":\"%s\",\"arguments\":{\"uri\":\"fd:carrel-state\"}}", command);
    int rc = monitor(domain, IGNORE_SHARED, -1, NULL, err);
    if (!rc)
        rc = monitor(domain, "{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"carrel-state\"}}", fd, NULL,
                     err);
    if (!rc)
        rc = monitor(domain, text, -1, NULL, err);
    return rc ? rc : wait_for(domain, look_at_migration, err);
}

/* --- on another machine ----------------------------------------------------------------------------------- */

/* JSON is freed. */
static int monitor_json(virDomainPtr domain, json_t *json, json_t **ret, struct error *err)
{
    char *command = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    if (!command)
        return error_set(err, CE_NOMEM, "out of memory");
    int rc = monitor(domain, command, -1, ret, err);
    free(command);
    return rc;
}

/* A job that has ended stays until it is dismissed. */
static int look_at_job(virDomainPtr domain, bool *ret_done, struct error *err)
{
    json_t *jobs = NULL;
    int rc = monitor(domain, "{\"execute\":\"query-jobs\"}", -1, &jobs, err);
    if (rc)
        return rc;
    size_t i;
    const json_t *job;
    json_array_foreach(jobs, i, job)
    {
        const char *id = json_string_value(json_object_get(job, "id"));
        const char *status = json_string_value(json_object_get(job, "status"));
        const char *words = json_string_value(json_object_get(job, "error"));
        if (!id || strcmp(id, STATE_JOB) != 0 || !status || strcmp(status, "concluded") != 0)
            continue;
        *ret_done = true;
        if (words)
            rc = error_set(err, CE_IO, "QEMU could not transfer the guest's state: %.200s", words);
    }
    json_decref(jobs);
    return rc;
}

/* FILE is what the disk of the state is in; its reference is taken. COMMAND is snapshot-save or snapshot-load. */
static int transfer_far(virDomainPtr domain, const char *command, json_t *file, struct error *err)
{
    int rc = monitor_json(domain,
                          json_pack("{s:s, s:{s:s, s:s, s:o}}", "execute", "blockdev-add", "arguments",
                                    "driver", "qcow2", "node-name", STATE_NODE, "file", file),
                          NULL, err);
    if (!rc)
        rc = monitor(domain, IGNORE_SHARED, -1, NULL, err);
    if (!rc)
        rc = monitor_json(domain,
                          json_pack("{s:s, s:{s:s, s:s, s:s, s:[s]}}", "execute", command, "arguments",
                                    "job-id", STATE_JOB, "tag", STATE_TAG, "vmstate", STATE_NODE, "devices",
                                    STATE_NODE),
                          NULL, err);
    if (!rc)
        rc = wait_for(domain, look_at_job, err);
    if (!rc)
        rc = monitor_json(domain,
                          json_pack("{s:s, s:{s:s}}", "execute", "job-dismiss", "arguments", "id", STATE_JOB),
                          NULL, err);
    if (!rc)
        rc = monitor_json(
            domain,
            json_pack("{s:s, s:{s:s}}", "execute", "blockdev-del", "arguments", "node-name", STATE_NODE),
            NULL, err);
    return rc;
}

static json_t *file_node(const char *path)
{
    return json_pack("{s:s, s:s}", "driver", "file", "filename", path);
}

/* The overlay is what lies under the disk of the state, not over it: what is above has no snapshot. */
static int load_far(struct virt_conn *conn, virDomainPtr domain, const struct guest_key *key,
                    const char *state_path, struct error *err)
{
    char dir[GOLDEN_DIR_SIZE], path[4096];
    snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(state_path, '/') - state_path), state_path);
    int rc = virt_golden_files_lend(conn, dir, state_path, key->desktop_id, path, sizeof path, err);
    if (rc)
        return rc;
    json_t *overlay = json_pack("{s:s, s:o}", "driver", "qcow2", "file", file_node(path));
    rc = transfer_far(domain, "snapshot-load", overlay, err);
    struct error ignored = {0};
    (void)!virt_golden_files_give_back(conn, dir, key->desktop_id,
                                       &ignored); /* QEMU has it open, if anybody */
    return rc;
}

/* --- both ------------------------------------------------------------------------------------------------- */

static int save_near(virDomainPtr domain, const char *state_path, struct error *err)
{
    (void)unlink(state_path);
    int fd = open(state_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0)
        return error_set(err, CE_IO, "%s: %s", state_path, strerror(errno));
    int rc = transfer(domain, "migrate", fd, err);
    close(fd);
    return rc;
}

static int load_near(virDomainPtr domain, const char *state_path, struct error *err)
{
    int fd = open(state_path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(err, CE_IO, "%s: %s", state_path, strerror(errno));
    int rc = transfer(domain, "migrate-incoming", fd, err);
    close(fd);
    return rc;
}

int virt_golden_freeze(struct virt_conn *conn, const struct guest_key *key, const char *state_path, bool far,
                       struct error *err)
{
    CLEANUP_DOMAIN virDomainPtr domain = NULL;
    int rc = virt_domain_lookup_to_change(conn, key, &domain, err);
    if (rc)
        return rc;
    if (virDomainSuspend(domain) < 0)
        rc = virt_error(err, "cannot stop the golden guest");
    if (!rc)
        rc = far ? transfer_far(domain, "snapshot-save", file_node(state_path), err)
                 : save_near(domain, state_path, err);
    return rc ? rc : virt_domain_destroy(conn, key, err);
}

int virt_golden_fork(struct virt_conn *conn, const struct guest_key *key, const char *xml,
                     const char *state_path, bool far, struct error *err)
{
    int rc = virt_domain_start_paused(conn, xml, err);
    if (rc)
        return rc;
    CLEANUP_DOMAIN virDomainPtr domain = NULL;
    rc = virt_domain_lookup(conn, key, &domain, err);
    if (!rc)
        rc = far ? load_far(conn, domain, key, state_path, err) : load_near(domain, state_path, err);
    if (!rc && virDomainResume(domain) < 0)
        rc = virt_error(err, "cannot let the clone run");
    struct error ignored = {0};
    if (rc)
        (void)!virt_domain_destroy(conn, key, &ignored);
    return rc;
}
