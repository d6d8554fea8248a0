/* The limits that a newcomer meets: sessions of one user over all pools, of a pool, of the whole installation, and users
 * in a pool's queue. Whoever has a session in the pool already comes back to it and is not counted again.
 *
 * Each count ends at its limit, so that it costs no more than the limit is large; without a limit nothing is counted. */
#include "store_parts.h"

#define REFUSE(db, ret_fail, fail, fmt, count, max)                                                          \
    (*(ret_fail) = (fail), db_fail((db), CE_REFUSED, fmt, (long long)(count), (max)))

static int user_limit(struct db *db, const struct session_request *request, enum fail *ret_fail)
{
    int64_t count = 0;
    if (!request->user_sessions_max)
        return 0;
    /* Two claims of one user in different pools stand in a row by the lock of the user's row. */
    int rc = db_run(db, "UPDATE users SET disabled = disabled WHERE id = $1", db_text(request->user_id));
    if (!rc)
        rc = db_get_int(db, &count, "SELECT COUNT(*) FROM sessions WHERE user_id = $1 AND state <> 'ended'",
                        db_text(request->user_id));
    if (rc || count < request->user_sessions_max)
        return rc;
    return REFUSE(db, ret_fail, FAIL_USER_SESSIONS,
                  "You have %lld of at most %u. Log off from another desktop first.", count,
                  request->user_sessions_max);
}

static int pool_limit(struct db *db, const struct session_request *request, const struct pool_limits *limits,
                      int64_t waiting, enum fail *ret_fail)
{
    int64_t count = 0;
    int rc = 0;
    if (limits->sessions_max)
        rc = db_get_int(db, &count,
                        "SELECT COUNT(*) FROM (SELECT id FROM sessions WHERE pool_id = $1"
                        " AND state IN ('starting', 'active', 'disconnected') LIMIT $2) live",
                        db_text(request->pool_id), db_int(limits->sessions_max));
    if (rc)
        return rc;
    if (limits->sessions_max && count >= limits->sessions_max)
        return REFUSE(db, ret_fail, FAIL_POOL_SESSIONS, "It has %lld of at most %u. Try again later.", count,
                      limits->sessions_max);
    if (limits->waiting_max && waiting >= limits->waiting_max)
        return REFUSE(db, ret_fail, FAIL_POOL_WAITING, "%lld of at most %u wait. Try again in a minute.",
                      waiting, limits->waiting_max);
    return 0;
}

static int total_limit(struct db *db, const struct session_request *request, enum fail *ret_fail)
{
    int64_t count = 0;
    if (!request->sessions_max)
        return 0;
    int rc = db_get_int(db, &count,
                        "SELECT COUNT(*) FROM (SELECT id FROM sessions"
                        " WHERE state IN ('starting', 'active', 'disconnected') LIMIT $1) live",
                        db_int(request->sessions_max));
    if (rc || count < request->sessions_max)
        return rc;
    return REFUSE(db, ret_fail, FAIL_ALL_SESSIONS, "There are %lld of at most %u. Try again later.", count,
                  request->sessions_max);
}

int store_claim_limits(struct db *db, const struct session_request *request, const struct pool_limits *limits,
                       int64_t waiting, enum fail *ret_fail)
{
    int rc = user_limit(db, request, ret_fail);
    if (!rc)
        rc = pool_limit(db, request, limits, waiting, ret_fail);
    return rc ? rc : total_limit(db, request, ret_fail);
}
