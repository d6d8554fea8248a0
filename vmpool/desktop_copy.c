/* Desktops with a disk of their own (provision=full): the image is copied before the guest is started. */
#include "desktop_parts.h"
#include "image_seal.h"

bool desktop_needs_copy(const struct desktop *d)
{
    const struct pool_row *pool = desktop_pool(d);
    return pool && pool->provision == PROVISION_FULL && !d->has_copy;
}

static int run_copy(struct virt_conn *conn, void *arg, struct error *err)
{
    struct guest_job *job = arg;
    const struct clone_spec spec = guest_job_disk(job);
    int rc = virt_domain_destroy(conn, &job->key, err);
    if (!rc)
        rc = image_seal_check(job->sealed, err);
    return rc ? rc : virt_storage_copy(conn, &spec, err);
}

static void on_copied(struct desktop *d, struct guest_job *job, int rc, const struct error *err)
{
    if (rc == CE_UNREACHABLE || rc == CE_CANCELLED) {
        desktop_pause(d, GUEST_RETRY_MS);
    } else if (rc) {
        desktop_fail(d, err->text);
    } else {
        d->has_copy = true;
        d->wait_ms = store_now_ms();
    }
}

void desktop_copy_submit(struct guest_job *job)
{
    guest_job_submit_lane(job, HOST_LANE_COPY, run_copy, on_copied);
}
