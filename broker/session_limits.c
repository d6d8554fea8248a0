#include "session_limits.h"

#include "audit.h"
#include "logoff.h"
#include "message.h"

struct enforcing {
    struct db *db;
    int64_t now_ms;
    uint64_t wait_ms;
    uint32_t ended;
};

static int end(void *arg, const struct session_row *session, enum fail fail)
{
    struct enforcing *e = arg;
    bool ended;
    if (session->logoff_ms && e->now_ms < session->ends_ms)
        return 0; /* its guest is asked already */
    int rc = logoff_begin(e->db, session, session->ends_code[0] ? fail_parse(session->ends_code) : fail, "",
                          e->wait_ms, &ended);
    if (!rc)
        e->ended += ended;
    return rc;
}

static int warn(void *arg, const struct session_row *session)
{
    struct enforcing *e = arg;
    long long left_s = (long long)(session->ends_ms - e->now_ms + 999) / 1000;
    if (left_s <= 0)
        return 0;
    int rc =
        audit_session(e->db, session, "session.warned", "The session of %s in pool %s ends in %lld seconds.",
                      session->user, session->pool, left_s);
    return rc ? rc : message_warn(e->db, session, session->ends_ms - e->now_ms);
}

int session_limits_enforce(struct db *db, int64_t now_ms, uint64_t wait_ms, uint32_t *ret_ended)
{
    struct enforcing e = {.db = db, .now_ms = now_ms, .wait_ms = wait_ms};
    int rc = store_session_warn(db, now_ms, warn, &e);
    if (!rc)
        rc = store_session_over(db, now_ms, end, &e);
    if (!rc)
        *ret_ended = e.ended;
    return rc;
}
