#include "order_data_disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "lease.h"
#include "log.h"
#include "virt_data_disk.h"

struct delete_job {
    struct vmpool *vm;
    int64_t number;
    char data_dir[CONFIG_TEXT_SIZE];
    struct data_disk_row row;
    enum order_state state;
    char reason[REASON_SIZE];
};

static void job_end(struct delete_job *job)
{
    job->vm->deleting_data_disk = false;
    free(job);
}

static int run_end(struct db *db, void *arg)
{
    struct delete_job *job = arg;
    int rc = job->state == ORDER_DONE ? store_data_disk_delete(db, job->row.id) : 0;
    if (rc == CE_CONFLICT) {
        job->state = ORDER_FAILED;
        snprintf(job->reason, sizeof job->reason, "%s", store_error(db));
        rc = 0;
    }
    return rc && rc != CE_NOT_FOUND ? rc : store_order_finish(db, job->number, job->state, job->reason);
}

static void on_end(void *arg, int rc)
{
    job_end(arg);
}

static int run_remove(struct virt_conn *conn, void *arg, struct error *err)
{
    struct delete_job *job = arg;
    return virt_data_disk_delete(conn, job->data_dir, job->row.id, err);
}

static void on_removed(void *arg, int rc, const struct error *err)
{
    struct delete_job *job = arg;
    if (rc == CE_UNREACHABLE || rc == CE_CANCELLED) {
        job_end(job); /* the next pass tries again */
        return;
    }
    job->state = rc ? ORDER_FAILED : ORDER_DONE;
    snprintf(job->reason, sizeof job->reason, "%s", rc ? err->text : "");
    vmpool_write(job->vm, run_end, on_end, job);
}

static int run_look(struct db *db, void *arg)
{
    struct delete_job *job = arg;
    char id[ID_SIZE];
    snprintf(id, sizeof id, "%s", job->row.id);
    return store_data_disk_get(db, id, &job->row);
}

/* Of a shared directory any host will do; of a host's own only that one. */
static struct host *host_for(struct vmpool *vm, const struct data_disk_row *row)
{
    struct host *home = host_find(vm, row->host_id);
    if (home || strcmp(row->host_storage, "shared") != 0)
        return home && host_answers(home) ? home : NULL;
    list_for_each (pos, &vm->hosts) {
        struct host *host = list_entry(pos, struct host, entry);
        if (host_answers(host) && !strcmp(host->row.storage, "shared"))
            return host;
    }
    return NULL;
}

static void on_look(void *arg, int rc)
{
    struct delete_job *job = arg;
    struct vmpool *vm = job->vm;
    if (vm->stopping || (rc && rc != CE_NOT_FOUND)) {
        job_end(job);
        return;
    }
    job->state = ORDER_DONE;
    /* No file was made, or the host where it was is gone from the store: there is but the row. */
    if (rc || !job->row.made || !*job->row.host_id) {
        if (lease_is_held(vm, LEASE_POOLS))
            vmpool_write(vm, run_end, on_end, job);
        else
            job_end(job);
        return;
    }
    struct host *host = host_for(vm, &job->row);
    if (!host || virt_host_submit(host->virt, run_remove, on_removed, job))
        job_end(job);
}

void order_data_disk_delete(struct vmpool *vm, const struct order_row *order)
{
    if (vm->deleting_data_disk)
        return; /* one at a time; its end brings a pass */
    struct delete_job *job = calloc(1, sizeof *job);
    if (!job)
        return;
    vm->deleting_data_disk = true;
    job->vm = vm;
    job->number = order->number;
    snprintf(job->data_dir, sizeof job->data_dir, "%s", vm->config.vmpool_data_dir);
    snprintf(job->row.id, sizeof job->row.id, "%s", order->object);
    vmpool_read(vm, run_look, on_look, job);
}
