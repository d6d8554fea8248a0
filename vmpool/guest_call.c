#include "guest_call.h"

#include <stdlib.h>

#include "host_lane.h"
#include "log.h"

struct guest_call {
    struct guest_key key;
    const char *failed; /* what is said when it did */
};

static int run_end(struct virt_conn *conn, void *arg, struct error *err)
{
    const struct guest_call *call = arg;
    return virt_domain_destroy(conn, &call->key, err);
}

static int run_take_over(struct virt_conn *conn, void *arg, struct error *err)
{
    const struct guest_call *call = arg;
    return virt_domain_take_over(conn, &call->key, err);
}

static void on_done(void *arg, int rc, const struct error *err)
{
    struct guest_call *call = arg;
    if (rc && rc != CE_CANCELLED && rc != CE_NOT_FOUND)
        log_warning("guest %s: %s: %s", call->key.desktop_id, call->failed, err->text);
    free(call);
}

static void submit(struct host *host, enum host_lane_kind kind, const struct guest_key *key,
                   int (*run)(struct virt_conn *conn, void *arg, struct error *err), const char *failed)
{
    struct guest_call *call = malloc(sizeof *call);
    if (!call)
        return;
    call->key = *key;
    call->failed = failed;
    if (host_lane_submit(host, kind, run, on_done, call))
        free(call);
}

void guest_end(struct host *host, const struct guest_key *key)
{
    submit(host, HOST_LANE_END, key, run_end, "it hangs and could not be ended");
}

void guest_take_over(struct host *host, const struct guest_key *key)
{
    submit(host, HOST_LANE_GUEST, key, run_take_over, "the epoch could not be written into its mark");
}
