/* The room on a host's disk, and what kind of host it is. Nothing tells of a disk that fills, nor of a QEMU that is
 * replaced while its libvirtd runs on, so each host is asked now and then. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "log.h"
#include "reconcile.h"
#include "virt_info.h"
#include "virt_storage.h"

struct measure_job {
    struct host *host;
    char desktop_dir[CONFIG_TEXT_SIZE];
    uint64_t mib, free_mib;
    struct virt_host_info info;
};

static int run_measure(struct virt_conn *conn, void *arg, struct error *err)
{
    struct measure_job *job = arg;
    virt_info_read(conn, &job->info);
    return virt_storage_room(conn, job->desktop_dir, &job->mib, &job->free_mib, err);
}

bool host_take_info(struct host *host, const struct virt_host_info *info)
{
    bool same = !strcmp(host->row.libvirt_version, info->libvirt_version) &&
                !strcmp(host->row.hypervisor_version, info->hypervisor_version) &&
                !strcmp(host->processor, info->processor);
    host->row.vcpus = info->vcpus;
    host->row.memory_mib = info->memory_mib;
    snprintf(host->row.libvirt_version, sizeof host->row.libvirt_version, "%s", info->libvirt_version);
    snprintf(host->row.hypervisor_version, sizeof host->row.hypervisor_version, "%s",
             info->hypervisor_version);
    snprintf(host->processor, sizeof host->processor, "%s", info->processor);
    return !same;
}

static void on_measured(void *arg, int rc, const struct error *err)
{
    struct measure_job *job = arg;
    struct host *host = job->host;
    host->measuring = false;
    if (!rc && *job->info.hypervisor_version && host_take_info(host, &job->info)) {
        log_info("host %s: it has libvirt %s and %s now", host->row.name, job->info.libvirt_version,
                 job->info.hypervisor_version);
        host_write(host);
        reconcile_want(host->vm); /* golden guests of the former ones are made anew */
    }
    if (!rc && (job->mib != host->row.disk_mib || job->free_mib != host->row.disk_free_mib)) {
        host->row.disk_mib = job->mib;
        host->row.disk_free_mib = job->free_mib;
        host_write(host);
    }
    free(job);
}

void host_measure(struct host *host)
{
    if (host->measuring || !host_answers(host))
        return;
    if (store_now_ms() < host->measure_at_ms) {
        reconcile_due(host->vm, host->measure_at_ms);
        return;
    }
    struct measure_job *job = calloc(1, sizeof *job);
    if (!job)
        return;
    job->host = host;
    snprintf(job->desktop_dir, sizeof job->desktop_dir, "%s", host->vm->config.vmpool_desktop_dir);
    host->measure_at_ms = store_now_ms() + HOST_MEASURE_MS;
    host->measuring = !virt_host_submit(host->virt, run_measure, on_measured, job);
    if (!host->measuring)
        free(job);
}
