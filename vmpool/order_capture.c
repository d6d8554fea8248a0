/* Orders for a picture of a guest's screen, or for what it wrote to its serial port: taken on the host's thread, kept in
 * the store, from where the broker answers. And the last words of a guest that failed, which are kept with its failure.
 */
#include <stdlib.h>
#include <string.h>

#include <carrel/store_upkeep.h>

#include "log.h"
#include "order_parts.h"
#include "ppm_png.h"
#include "serial_text.h"
#include "virt_capture.h"

struct capture_job {
    struct vmpool *vm;
    int64_t order; /* 0: none */
    uint64_t keep;
    struct capture_row row; /* bytes are the job's */
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
        log_warning("what was captured of desktop %s could not be written: %s", job->row.desktop,
                    error_name(rc));
    free((void *)(uintptr_t)job->row.bytes);
    free(job);
}

/* Takes BYTES, which may be NULL for none. */
static void keep(struct desktop *d, enum capture_kind kind, int64_t order, void *bytes, size_t len, bool cut)
{
    struct capture_job *job = calloc(1, sizeof *job);
    if (!bytes)
        bytes = calloc(1, 1);
    if (!job || !bytes) {
        free(job);
        free(bytes);
        return;
    }
    job->vm = d->vm;
    job->order = order;
    job->keep = d->vm->config.vmpool_failed_logs;
    job->row = (struct capture_row){.kind = kind, .cut = cut, .len = len, .bytes = bytes};
    memcpy(job->row.desktop_id, d->row.id, sizeof job->row.desktop_id);
    memcpy(job->row.desktop, d->row.name, sizeof job->row.desktop);
    memcpy(job->row.pool_id, d->row.pool_id, sizeof job->row.pool_id);
    memcpy(job->row.reason, d->row.reason, sizeof job->row.reason);
    vmpool_write(d->vm, run_capture, on_captured, job);
}

void desktop_keep_words(struct desktop *d, struct guest_job *job)
{
    if (!job->captured_len || !d->vm->config.vmpool_failed_logs)
        return;
    keep(d, CAPTURE_FAILURE, 0, job->captured, job->captured_len, job->cut);
    job->captured = NULL;
}

int desktop_run_words(struct virt_conn *conn, void *arg, struct error *err)
{
    struct guest_job *job = arg;
    const char *name = strrchr(job->serial_log, '/');
    char *text = NULL;
    size_t len = 0;
    int rc = name ? virt_capture_tail(conn, job->desktop_dir, name + 1, CAPTURE_LOG_BYTES, &text, &len,
                                      &job->cut, err)
                  : 0;
    if (rc || !text)
        return rc;
    job->captured = text;
    job->captured_len = serial_text_clean(text, len);
    return 0;
}

static void on_words(struct desktop *d, struct guest_job *job, int rc, const struct error *err)
{
    if (rc) {
        order_end(d->vm, job->order, ORDER_FAILED, err->text);
        return;
    }
    d->captured_order = job->order;
    keep(d, CAPTURE_LOG, job->order, job->captured, job->captured_len, job->cut);
    job->captured = NULL;
}

/* --- the screen ---------------------------------------------------------------------------------------------
 */

static int run_screen(struct virt_conn *conn, void *arg, struct error *err)
{
    struct guest_job *job = arg;
    uint8_t *picture = NULL, *png = NULL;
    size_t len = 0, png_len = 0;
    struct ppm ppm;
    int rc = virt_capture_screen(conn, &job->key, &picture, &len, err);
    if (rc)
        return rc;
    if (png_is(picture, len)) {
        png = picture;
        png_len = len;
        picture = NULL;
    } else if (ppm_parse(picture, len, &ppm)) {
        rc = error_set(err, CE_BAD_INPUT, "the host gave a picture that is neither PNG nor PPM");
    } else if (ppm_to_png(&ppm, &png, &png_len)) {
        rc = error_set(err, CE_NOMEM, "out of memory");
    }
    free(picture);
    if (!rc && png_len > CAPTURE_MAX_BYTES)
        rc = error_set(err, CE_LIMIT, "the picture of the screen is too large: %zu KiB", png_len >> 10);
    if (rc) {
        free(png);
        return rc;
    }
    job->captured = (char *)png;
    job->captured_len = png_len;
    return 0;
}

static void on_screen(struct desktop *d, struct guest_job *job, int rc, const struct error *err)
{
    if (rc) {
        order_end(d->vm, job->order, ORDER_FAILED, err->text);
        return;
    }
    d->captured_order = job->order;
    keep(d, CAPTURE_SCREENSHOT, job->order, job->captured, job->captured_len, false);
    job->captured = NULL;
}

bool order_capture(struct desktop *d, const struct order_row *order)
{
    bool screen = !strcmp(order->verb, "desktop-screenshot");
    if (!screen && strcmp(order->verb, "desktop-log") != 0)
        return false;
    if (order->number == d->captured_order)
        return true; /* it is being written that it is done */
    struct guest_job *job = guest_job_create(d);
    if (!job)
        return true;
    job->order = order->number;
    desktop_serial_log(d, job->serial_log, sizeof job->serial_log);
    guest_job_submit(job, screen ? run_screen : desktop_run_words, screen ? on_screen : on_words);
    return true;
}
