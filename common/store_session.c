#include "store_parts.h"

#include <stdio.h>

#define SESSION_SELECT                                                                                       \
    "SELECT id, user_id, user_name, pool_id, pool_name, desktop_id, desktop_name, gateway, connection, "     \
    "state,"                                                                                                 \
    " client_address, client_name, created_ms, connected_ms, disconnected_ms, ended_ms, seen_ms, bytes_in,"  \
    " bytes_out, end_code, end_detail, denied, ends_ms, warn_ms, keep_ms, boot_id, ends_code, logoff_ms"     \
    " FROM sessions"

static void session_read(struct db_query *q, struct session_row *ret)
{
    *ret = (struct session_row){.connection = row_u32(q, 8),
                                .created_ms = row_int(q, 12),
                                .connected_ms = row_int(q, 13),
                                .disconnected_ms = row_int(q, 14),
                                .ended_ms = row_int(q, 15),
                                .seen_ms = row_int(q, 16),
                                .bytes_in = (uint64_t)row_int(q, 17),
                                .bytes_out = (uint64_t)row_int(q, 18),
                                .ends_ms = row_int(q, 22),
                                .warn_ms = row_int(q, 23),
                                .keep_ms = row_int(q, 24),
                                .logoff_ms = row_int(q, 27)};
    row_text(q, 0, ret->id, sizeof ret->id);
    row_text(q, 1, ret->user_id, sizeof ret->user_id);
    row_text(q, 2, ret->user, sizeof ret->user);
    row_text(q, 3, ret->pool_id, sizeof ret->pool_id);
    row_text(q, 4, ret->pool, sizeof ret->pool);
    row_text(q, 5, ret->desktop_id, sizeof ret->desktop_id);
    row_text(q, 6, ret->desktop, sizeof ret->desktop);
    row_text(q, 7, ret->gateway, sizeof ret->gateway);
    row_enum(q, 9, session_state_parse, &ret->state);
    row_text(q, 10, ret->client_address, sizeof ret->client_address);
    row_text(q, 11, ret->client_name, sizeof ret->client_name);
    row_text(q, 19, ret->end_code, sizeof ret->end_code);
    row_text(q, 20, ret->end_detail, sizeof ret->end_detail);
    row_text(q, 21, ret->denied, sizeof ret->denied);
    row_text(q, 25, ret->boot_id, sizeof ret->boot_id);
    row_text(q, 26, ret->ends_code, sizeof ret->ends_code);
}

/* The one row of an opened query. */
static int session_only(struct db_query *q, struct session_row *ret)
{
    int rc = db_next(q);
    if (rc < 0)
        return rc;
    if (rc == 0)
        return CE_NOT_FOUND;
    session_read(q, ret);
    return 0;
}

int store_session_get(struct db *db, const char *id, struct session_row *ret)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q, SESSION_SELECT " WHERE id = $1", db_text(id));
    if (!rc)
        rc = session_only(&q, ret);
    return rc == CE_NOT_FOUND ? db_fail(db, rc, "there is no session %.80s", id) : rc;
}

int store_session_on_desktop(struct db *db, const char *desktop_id, struct session_row *ret)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc =
        db_select(db, &q, SESSION_SELECT " WHERE desktop_id = $1 AND state <> 'ended'", db_text(desktop_id));
    return rc ? rc : session_only(&q, ret);
}

int store_session_of_user(struct db *db, const char *user_id, const char *pool_id, struct session_row *ret)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q, SESSION_SELECT " WHERE user_id = $1 AND pool_id = $2 AND state <> 'ended'",
                       db_text(user_id), db_text(pool_id));
    return rc ? rc : session_only(&q, ret);
}

/* One statement for each way in, so that each finds its index. */
static int session_select(struct db *db, struct db_query *q, const struct session_filter *f)
{
    struct db_value user = db_text(f->user_id), pool = db_text(f->pool_id), gateway = db_text(f->gateway);
    struct db_value state = db_text(f->state < 0 ? "" : session_state_name((enum session_state)f->state));
    struct db_value ended = db_int(f->ended), limit = db_int(f->limit ? (int64_t)f->limit : INT64_MAX);
    if (user.len)
        return db_select(db, q,
                         SESSION_SELECT " WHERE user_id = $1 AND ($2 = '' OR pool_id = $2)"
                                        " AND ($3 = '' OR gateway = $3) AND ($4 = '' OR state = $4)"
                                        " AND ($5 = 1 OR $4 <> '' OR state <> 'ended')"
                                        " ORDER BY number DESC LIMIT $6",
                         user, pool, gateway, state, ended, limit);
    if (state.len)
        return db_select(db, q,
                         SESSION_SELECT " WHERE state = $1 AND ($2 = '' OR pool_id = $2)"
                                        " AND ($3 = '' OR gateway = $3) ORDER BY number DESC LIMIT $4",
                         state, pool, gateway, limit);
    if (!f->ended)
        return db_select(db, q,
                         SESSION_SELECT " WHERE state IN ('starting', 'active', 'disconnected')"
                                        " AND ($1 = '' OR pool_id = $1) AND ($2 = '' OR gateway = $2)"
                                        " ORDER BY number DESC LIMIT $3",
                         pool, gateway, limit);
    return db_select(db, q,
                     SESSION_SELECT " WHERE ($1 = '' OR pool_id = $1) AND ($2 = '' OR gateway = $2)"
                                    " ORDER BY number DESC LIMIT $3",
                     pool, gateway, limit);
}

int store_session_list(struct db *db, const struct session_filter *filter,
                       int (*each)(void *arg, const struct session_row *row), void *arg)
{
    static const struct session_filter live = {.state = -1};
    CLEANUP_QUERY struct db_query q = {0};
    int rc = session_select(db, &q, filter ? filter : &live);
    while (!rc && (rc = db_next(&q)) > 0) {
        struct session_row row;
        session_read(&q, &row);
        rc = each(arg, &row);
    }
    return rc;
}

/* What may follow; ended is the end. */
static bool session_may_follow(enum session_state from, enum session_state to)
{
    switch (from) {
    case SESSION_STARTING:
        return to != SESSION_STARTING;
    case SESSION_ACTIVE:
        return to == SESSION_DISCONNECTED || to == SESSION_ENDED;
    case SESSION_DISCONNECTED:
        return to == SESSION_ACTIVE || to == SESSION_ENDED;
    case SESSION_ENDED:
    default:
        return false;
    }
}

static int session_event(struct db *db, const struct session_row *session, enum session_state to,
                         enum fail code, const char *detail)
{
    static const char *const kinds[] = {[SESSION_STARTING] = "session.started",
                                        [SESSION_ACTIVE] = "session.connected",
                                        [SESSION_DISCONNECTED] = "session.disconnected",
                                        [SESSION_ENDED] = "session.ended"};
    static const char *const verbs[] = {[SESSION_STARTING] = "has started a session",
                                        [SESSION_ACTIVE] = "is connected",
                                        [SESSION_DISCONNECTED] = "is disconnected",
                                        [SESSION_ENDED] = ""};
    struct event_row event = {0};
    bool says_why = to == SESSION_DISCONNECTED || to == SESSION_ENDED;
    snprintf(event.kind, sizeof event.kind, "%s", kinds[to]);
    snprintf(event.object, sizeof event.object, "%s", session->id);
    snprintf(event.session_id, sizeof event.session_id, "%s", session->id);
    snprintf(event.user, sizeof event.user, "%s", session->user);
    snprintf(event.pool, sizeof event.pool, "%s", session->pool);
    snprintf(event.desktop, sizeof event.desktop, "%s", session->desktop);
    int used = to == SESSION_ENDED /* by whomever */
                   ? snprintf(event.text, sizeof event.text, "The session of user %s in pool %s has ended",
                              session->user, session->pool)
                   : snprintf(event.text, sizeof event.text, "User %s %s in pool %s", session->user,
                              verbs[to], session->pool);
    if (says_why)
        used += snprintf(event.text + used, sizeof event.text - (size_t)used, " (%s)", fail_code(code));
    snprintf(event.text + used, sizeof event.text - (size_t)used, "%s%.120s.",
             says_why && detail && *detail ? ": " : "", says_why && detail ? detail : "");
    store_notify(db, "session", session->id);
    return store_event(db, &event);
}

int store_session_move(struct db *db, const struct session_row *session, enum session_state to,
                       enum fail code, const char *detail)
{
    if (!session_may_follow(session->state, to))
        return db_fail(db, CE_INTERNAL, "session %s cannot go from %s to %s", session->id,
                       session_state_name(session->state), session_state_name(to));
    int64_t now_ms = store_now_ms();
    int rc = db_run(db,
                    "UPDATE sessions SET state = $3, seen_ms = $4, end_code = $5, end_detail = $6,"
                    " connected_ms = CASE WHEN $7 = 1 THEN $4 ELSE connected_ms END,"
                    " disconnected_ms = CASE WHEN $8 = 1 THEN $4 ELSE disconnected_ms END,"
                    " ended_ms = CASE WHEN $9 = 1 THEN $4 ELSE ended_ms END WHERE id = $1 AND state = $2",
                    db_text(session->id), db_text(session_state_name(session->state)),
                    db_text(session_state_name(to)), db_int(now_ms),
                    db_text(to == SESSION_ACTIVE ? "" : fail_code(code)),
                    db_text(to == SESSION_ACTIVE ? "" : detail), db_int(to == SESSION_ACTIVE),
                    db_int(to == SESSION_DISCONNECTED), db_int(to == SESSION_ENDED));
    if (!rc && db->changes == 0)
        return db_fail(db, CE_CONFLICT, "session %s is %s no longer", session->id,
                       session_state_name(session->state));
    /* Demand and room of the pool change with its sessions. */
    if (to == SESSION_ENDED)
        store_notify(db, "pool", session->pool_id);
    /* A desktop's row tells of its live session, and of the one that waits for it. */
    if (!rc && to == SESSION_ENDED)
        rc = session->desktop_id[0] ? store_desktop_changed(db, session->desktop_id)
                                    : store_desktop_changed_of(db, session->user_id, session->pool_id);
    return rc ? rc : session_event(db, session, to, code, detail);
}

/* From here the desktop counts as touched by the session's user; it must be lent to this session. */
static int desktop_touch(struct db *db, const struct session_row *session, struct desktop_row *desktop)
{
    if (session->state == SESSION_ENDED)
        return db_fail(db, CE_CONFLICT, "session %s has ended", session->id);
    if (!session->desktop_id[0])
        return db_fail(db, CE_CONFLICT, "session %s has no desktop yet", session->id);
    int rc = store_desktop_get(db, session->desktop_id, desktop);
    if (rc)
        return rc;
    if (!desktop_state_is_lent(desktop->state))
        return db_fail(db, CE_CONFLICT, "desktop %s is %s", desktop->name,
                       desktop_state_name(desktop->state));
    if (desktop->touched)
        return 0;
    rc = db_run(db, "UPDATE desktops SET touched = 1, owner_id = $2 WHERE id = $1", db_text(desktop->id),
                db_text(session->user_id));
    if (!rc)
        rc = store_desktop_changed(db, desktop->id);
    return rc ? rc : store_desktop_get(db, session->desktop_id, desktop);
}

int store_session_hand_out(struct db *db, const char *id, struct desktop_row *ret)
{
    struct session_row session;
    struct desktop_row desktop;
    int rc = store_session_get(db, id, &session);
    if (!rc)
        rc = desktop_touch(db, &session, &desktop);
    if (!rc)
        rc = store_session_touch(db, session.id);
    if (!rc)
        *ret = desktop;
    return rc;
}

static int session_get_current(struct db *db, const char *id, uint32_t connection, struct session_row *ret)
{
    int rc = store_session_get(db, id, ret);
    if (!rc && ret->connection != connection)
        return db_fail(db, CE_CONFLICT, "connection %u of session %s is not the newest one, %u", connection,
                       id, ret->connection);
    return rc;
}

int store_session_connected(struct db *db, const char *id, uint32_t connection)
{
    struct session_row session;
    struct desktop_row desktop;
    int rc = session_get_current(db, id, connection, &session);
    if (!rc)
        rc = desktop_touch(db, &session, &desktop);
    if (rc)
        return rc;
    if (session.state == SESSION_ACTIVE) /* told twice */
        return store_session_touch(db, session.id);
    rc = store_session_move(db, &session, SESSION_ACTIVE, FAIL_NONE, "");
    if (!rc && desktop.left_ms)
        rc = store_desktop_retake(db, desktop.id);
    if (!rc && desktop.state != DESKTOP_IN_USE)
        rc = store_desktop_follow(db, desktop.id, desktop.state, DESKTOP_IN_USE);
    return rc;
}

/* The desktop under a session that became disconnected. Where it failed meanwhile it is left alone. */
static int desktop_disconnect(struct db *db, const char *desktop_id)
{
    int rc = store_desktop_follow(db, desktop_id, DESKTOP_IN_USE, DESKTOP_DISCONNECTED);
    return rc ? rc : store_desktop_follow(db, desktop_id, DESKTOP_CLAIMED, DESKTOP_DISCONNECTED);
}

/* A broken network, a lost gateway and a closed window look alike; who was sent away logs in again. */
static bool may_come_back(enum fail code)
{
    return code == FAIL_CLIENT_CLOSED || code == FAIL_CLIENT_PROTOCOL || code == FAIL_GATEWAY_LOST ||
           code == FAIL_GATEWAY_CLOSING;
}

static int session_disconnect(struct db *db, const struct session_row *session, enum fail code,
                              const char *detail)
{
    int rc = store_session_move(db, session, SESSION_DISCONNECTED, code, detail);
    if (!rc && !may_come_back(code))
        rc = store_session_set_reconnect(db, session->id, "");
    return rc ? rc : desktop_disconnect(db, session->desktop_id);
}

int store_session_closed(struct db *db, const char *id, uint32_t connection, enum fail code,
                         const char *detail, uint64_t bytes_in, uint64_t bytes_out)
{
    struct session_row session;
    int64_t touched = 0;
    int rc = session_get_current(db, id, connection, &session);
    if (!rc)
        rc = db_run(db,
                    "UPDATE sessions SET bytes_in = bytes_in + $2, bytes_out = bytes_out + $3 WHERE id = $1",
                    db_text(id), db_int((int64_t)bytes_in), db_int((int64_t)bytes_out));
    if (rc)
        return rc;
    store_notify(db, "session", id);
    if (session.state == SESSION_ACTIVE)
        return session_disconnect(db, &session, code, detail);
    if (session.state != SESSION_STARTING)
        return 0;
    /* Nobody was led to a desktop yet: the place in the queue, or the desktop that was set aside, is kept
     * until it lapses, for clients that come again in half a minute. */
    rc = db_get_int(db, &touched, "SELECT touched FROM desktops WHERE id = $1", db_text(session.desktop_id));
    if (rc && rc != CE_NOT_FOUND)
        return rc;
    if (touched)
        return session_disconnect(db, &session, code, detail);
    return db_run(db, "UPDATE sessions SET seen_ms = $2, end_code = $3, end_detail = $4 WHERE id = $1",
                  db_text(id), db_int(store_now_ms()), db_text(fail_code(code)), db_text(detail));
}

int store_session_touch(struct db *db, const char *id)
{
    int rc =
        db_run(db, "UPDATE sessions SET seen_ms = $2 WHERE id = $1", db_text(id), db_int(store_now_ms()));
    return store_changed(db, rc, "session", id);
}

static int session_end(struct db *db, const char *id, enum fail code, const char *detail, bool stays_open)
{
    struct session_row session;
    int rc = store_session_get(db, id, &session);
    if (rc)
        return rc;
    if (session.state == SESSION_ENDED)
        return db_fail(db, CE_CONFLICT, "session %s has ended already", session.id);
    if (code == FAIL_LOGOFF && session.logoff_ms)
        code = fail_parse(session.ends_code); /* the guest did what it was asked */
    rc = store_session_move(db, &session, SESSION_ENDED, code, detail);
    if (!rc && session.desktop_id[0])
        rc = store_desktop_release(db, &session, stays_open);
    return rc;
}

int store_session_end(struct db *db, const char *id, enum fail code, const char *detail)
{
    return session_end(db, id, code, detail, false);
}

int store_session_end_open(struct db *db, const char *id, enum fail code, const char *detail)
{
    return session_end(db, id, code, detail, true);
}

int store_session_set_end(struct db *db, const char *id, enum fail code, int64_t ends_ms, int64_t warn_ms)
{
    int rc = db_run(db,
                    "UPDATE sessions SET ends_ms = $2, warn_ms = $3, ends_code = $4 WHERE id = $1"
                    " AND state <> 'ended' AND logoff_ms = 0 AND (ends_ms = 0 OR ends_ms > $2)",
                    db_text(id), db_int(ends_ms), db_int(warn_ms), db_text(fail_code(code)));
    if (!rc && !db->changes)
        return db_fail(db, CE_CONFLICT, "session %s ends sooner than that", id);
    return store_changed(db, rc, "session", id);
}

int store_session_begin_logoff(struct db *db, const char *id, enum fail code, int64_t until_ms)
{
    int rc =
        db_run(db,
               "UPDATE sessions SET ends_ms = $2, warn_ms = 0, ends_code = $3, logoff_ms = $4 WHERE id = $1"
               " AND state <> 'ended'",
               db_text(id), db_int(until_ms), db_text(fail_code(code)), db_int(store_now_ms()));
    return store_changed(db, rc, "session", id);
}

int store_session_expire(struct db *db, int64_t waiting_before_ms, int64_t claimed_before_ms,
                         uint32_t *ret_count)
{
    CLEANUP_QUERY struct db_query q = {0};
    CLEANUP_IDS struct id_list list = {0};
    int rc = db_select(db, &q,
                       "SELECT s.id FROM sessions s LEFT JOIN desktops d ON d.id = s.desktop_id"
                       " WHERE s.state = 'starting'"
                       " AND ((s.desktop_id IS NULL AND s.seen_ms < $1)"
                       " OR (s.desktop_id IS NOT NULL AND s.seen_ms < $2 AND d.state_since_ms < $2))",
                       db_int(waiting_before_ms), db_int(claimed_before_ms));
    if (!rc)
        rc = id_list_fill(&q, &list);
    for (unsigned i = 0; !rc && i < list.count; i++)
        rc = store_session_end(db, list.ids[i], FAIL_NO_SHOW, "");
    if (!rc)
        *ret_count = list.count;
    return rc;
}

int store_session_forget(struct db *db, int64_t before_ms)
{
    return db_run(db, "DELETE FROM sessions WHERE state = 'ended' AND ended_ms < $1", db_int(before_ms));
}

static int disconnect_all(struct db *db, struct db_query *q, const char *gateway)
{
    CLEANUP_IDS struct id_list list = {0};
    int rc = id_list_fill(q, &list);
    for (unsigned i = 0; !rc && i < list.count; i++) {
        struct session_row session;
        rc = store_session_get(db, list.ids[i], &session);
        if (!rc)
            rc = session_disconnect(db, &session, FAIL_GATEWAY_LOST, gateway);
    }
    return rc;
}

int store_session_gateway_lost(struct db *db, const char *gateway, const char *except_boot_id)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc =
        db_select(db, &q, "SELECT id FROM sessions WHERE gateway = $1 AND state = 'active' AND boot_id <> $2",
                  db_text(gateway), db_text(except_boot_id));
    return rc ? rc : disconnect_all(db, &q, gateway);
}

int store_session_process_lost(struct db *db, const char *gateway, const char *boot_id)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc =
        db_select(db, &q, "SELECT id FROM sessions WHERE gateway = $1 AND state = 'active' AND boot_id = $2",
                  db_text(gateway), db_text(boot_id));
    return rc ? rc : disconnect_all(db, &q, gateway);
}
