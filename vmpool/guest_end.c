#include "guest_end.h"

#include <stdlib.h>

#include "host_lane.h"
#include "log.h"

static int run_end(struct virt_conn *conn, void *arg, struct error *err)
{
    const struct guest_key *key = arg;
    return virt_domain_destroy(conn, key, err);
}

static void on_ended(void *arg, int rc, const struct error *err)
{
    struct guest_key *key = arg;
    if (rc && rc != CE_CANCELLED)
        log_warning("guest %s, which hangs, could not be ended: %s", key->desktop_id, err->text);
    free(key);
}

void guest_end(struct host *host, const struct guest_key *key)
{
    struct guest_key *copy = malloc(sizeof *copy);
    if (!copy)
        return;
    *copy = *key;
    if (host_lane_submit(host, HOST_LANE_END, run_end, on_ended, copy))
        free(copy);
}
