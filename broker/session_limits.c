#include "session_limits.h"

#include "audit.h"
#include "gateway.h"

struct enforcing {
    struct db *db;
    int64_t now_ms;
    uint32_t ended;
};

static int end(void *arg, const struct session_row *session, enum fail fail)
{
    struct enforcing *e = arg;
    bool connected =
        session->gateway[0] && (session->state == SESSION_ACTIVE || session->state == SESSION_STARTING);
    int rc = store_session_end(e->db, session->id, fail, "");
    if (!rc && connected)
        rc = gateway_order_close(e->db, session->gateway, session->boot_id, session->id, session->connection,
                                 fail);
    if (!rc)
        e->ended++;
    return rc;
}

static int warn(void *arg, const struct session_row *session)
{
    struct enforcing *e = arg;
    long long left_s = (long long)(session->ends_ms - e->now_ms + 999) / 1000;
    if (left_s <= 0)
        return 0;
    return audit_session(e->db, session, "session.warned",
                         "The session of %s in pool %s ends in %lld seconds.", session->user, session->pool,
                         left_s);
}

int session_limits_enforce(struct db *db, int64_t now_ms, uint32_t *ret_ended)
{
    struct enforcing e = {.db = db, .now_ms = now_ms};
    int rc = store_session_warn(db, now_ms, warn, &e);
    if (!rc)
        rc = store_session_over(db, now_ms, end, &e);
    if (!rc)
        *ret_ended = e.ended;
    return rc;
}
