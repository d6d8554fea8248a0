/* Orders for a picture of a guest's screen, or for what it wrote to its serial port; and the last words of a guest that
 * failed, which are kept with its failure.
 */
#include <stdlib.h>
#include <string.h>

#include "order_parts.h"
#include "ppm_png.h"
#include "virt_capture.h"

static void keep(struct desktop *d, struct guest_job *job, enum capture_kind kind)
{
    struct capture_row row = {.kind = kind};
    memcpy(row.desktop_id, d->row.id, sizeof row.desktop_id);
    memcpy(row.desktop, d->row.name, sizeof row.desktop);
    memcpy(row.pool_id, d->row.pool_id, sizeof row.pool_id);
    memcpy(row.reason, d->row.reason, sizeof row.reason);
    capture_keep(d->vm, &row, &job->captured, job->order);
}

void desktop_keep_words(struct desktop *d, struct guest_job *job)
{
    if (job->captured.len && d->vm->config.vmpool_failed_logs)
        keep(d, job, CAPTURE_FAILURE);
}

int desktop_run_words(struct virt_conn *conn, void *arg, struct error *err)
{
    struct guest_job *job = arg;
    const char *name = strrchr(job->serial_log, '/');
    return name ? capture_words(conn, job->desktop_dir, name + 1, &job->captured, err) : 0;
}

static void on_words(struct desktop *d, struct guest_job *job, int rc, const struct error *err)
{
    if (rc) {
        order_end(d->vm, job->order, ORDER_FAILED, err->text);
        return;
    }
    d->captured_order = job->order;
    keep(d, job, CAPTURE_LOG);
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
    job->captured = (struct captured){.bytes = (char *)png, .len = png_len};
    return 0;
}

static void on_screen(struct desktop *d, struct guest_job *job, int rc, const struct error *err)
{
    if (rc) {
        order_end(d->vm, job->order, ORDER_FAILED, err->text);
        return;
    }
    d->captured_order = job->order;
    keep(d, job, CAPTURE_SCREENSHOT);
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
