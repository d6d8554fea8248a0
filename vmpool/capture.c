#include "capture.h"

#include <stdlib.h>

#include "log.h"
#include "serial_text.h"
#include "virt_capture.h"

struct capture_job {
    struct vmpool *vm;
    int64_t order; /* 0: none */
    uint64_t keep;
    struct capture_row row;
    struct captured captured;
};

static int run_capture(struct db *db, void *arg)
{
    const struct capture_job *job = arg;
    int rc = store_capture_add(db, &job->row, job->keep);
    if (rc == CE_CONFLICT) /* its pool is gone */
        return job->order ? store_order_finish(db, job->order, ORDER_FAILED, "the desktop's pool is gone")
                          : 0;
    return rc || !job->order ? rc : store_order_finish(db, job->order, ORDER_DONE, "");
}

static void on_captured(void *arg, int rc)
{
    struct capture_job *job = arg;
    if (rc && rc != CE_CONFLICT && !job->vm->stopping)
        log_warning("what was captured of %s could not be written: %s", job->row.desktop, error_name(rc));
    free(job->captured.bytes);
    free(job);
}

void capture_keep(struct vmpool *vm, const struct capture_row *row, struct captured *captured, int64_t order)
{
    struct capture_job *job = calloc(1, sizeof *job);
    if (!job)
        return;
    job->vm = vm;
    job->order = order;
    job->keep = vm->config.vmpool_failed_logs;
    job->captured = *captured;
    *captured = (struct captured){0};
    job->row = *row;
    job->row.bytes = job->captured.bytes ? job->captured.bytes : "";
    job->row.len = job->captured.len;
    job->row.cut = job->captured.cut;
    vmpool_write(vm, run_capture, on_captured, job);
}

int capture_words(struct virt_conn *conn, const char *dir, const char *name, struct captured *ret,
                  struct error *err)
{
    int rc = virt_capture_tail(conn, dir, name, CAPTURE_LOG_BYTES, &ret->bytes, &ret->len, &ret->cut, err);
    if (!rc && ret->bytes)
        ret->len = serial_text_clean(ret->bytes, ret->len);
    return rc;
}
