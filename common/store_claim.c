/* Who gets which desktop. A claim first takes the pool's turn, so that claims of one pool stand in a row
 * whatever the database is; then the user's own session, then the queue:
 *
 *     live session with a desktop that works ----------------------> the same again, connection + 1
 *     else a new session stands at the queue's end (or is refused)
 *     then the queue is served, oldest first, with what is ready --> a desktop, or the place in the queue
 *
 * A newcomer is thus never before those who wait already.
 */
#include "store_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What a newcomer finds. */
struct claim_room {
    char pool[NAME_SIZE];
    char user[NAME_SIZE];
    enum pool_kind kind;
    bool enabled, deleting, stopped, user_disabled;
    bool off; /* by its schedule: nothing is started */
    int64_t max;
    int64_t waiting;      /* in the queue for a desktop that is nobody's */
    char own_id[ID_SIZE]; /* the user's own: dedicated, or a floating one that is kept for them; or empty */
    struct pool_limits limits;
    enum desktop_state own_state;
};

static int PRINTF_LIKE(4, 5)
    claim_refuse(struct db *db, struct claim *ret, enum fail fail, const char *fmt, ...);

static int claim_refuse(struct db *db, struct claim *ret, enum fail fail, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(db->error, sizeof db->error, fmt, args);
    va_end(args);
    ret->fail = fail;
    return CE_REFUSED;
}

/* --- the queue --------------------------------------------------------------------------------------------
 */

/* The user's dedicated desktop of the pool; one that is being recycled is nobody's already. CE_NOT_FOUND. */
static int own_desktop(struct db *db, const char *user_id, const char *pool_id, char id[ID_SIZE],
                       enum desktop_state *ret_state)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q,
                       "SELECT id, state FROM desktops WHERE owner_id = $1 AND pool_id = $2"
                       " AND kind = 'dedicated' AND state <> 'recycling' ORDER BY created_ms LIMIT 1",
                       db_text(user_id), db_text(pool_id));
    if (rc || (rc = db_next(&q)) < 0)
        return rc;
    if (rc == 0)
        return CE_NOT_FOUND;
    row_text(&q, 0, id, ID_SIZE);
    row_enum(&q, 1, desktop_state_parse, ret_state);
    return 0;
}

/* The desktop that has been ready longest, that nobody touched and nobody has. CE_NOT_FOUND. */
static int clean_desktop_on(struct db *db, const char *pool_id, const char *host_id, char id[ID_SIZE])
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q,
                       "SELECT d.id FROM desktops d WHERE d.pool_id = $1 AND d.state = 'ready'"
                       " AND d.owner_id IS NULL AND d.touched = 0 AND NOT EXISTS (SELECT 1 FROM sessions s"
                       " WHERE s.desktop_id = d.id AND s.state <> 'ended') AND ($2 = '' OR d.host_id = $2)"
                       " ORDER BY d.state_since_ms, d.id LIMIT 1",
                       db_text(pool_id), db_text(host_id));
    if (rc || (rc = db_next(&q)) < 0)
        return rc;
    if (rc == 0)
        return CE_NOT_FOUND;
    row_text(&q, 0, id, ID_SIZE);
    return 0;
}

/* The host on whose own storage the waiting user's data disk lies; "": it is nowhere, or anywhere. */
static int disk_home(struct db *db, const char *session_id, char host_id[ID_SIZE])
{
    CLEANUP_QUERY struct db_query q = {0};
    host_id[0] = '\0';
    int rc = db_select(db, &q,
                       "SELECT x.host_id FROM sessions s JOIN data_disks x ON x.pool_id = s.pool_id"
                       " AND x.user_id = s.user_id JOIN hosts h ON h.id = x.host_id"
                       " WHERE s.id = $1 AND x.made = 1 AND h.storage <> 'shared'",
                       db_text(session_id));
    if (!rc && (rc = db_next(&q)) > 0)
        row_text(&q, 0, host_id, ID_SIZE);
    return rc < 0 ? rc : 0;
}

/* For the waiting session: where its user's data disk is, if there is one there; else any, and the lack is told. */
static int clean_desktop(struct db *db, const char *pool_id, const char *session_id, char id[ID_SIZE])
{
    char home[ID_SIZE];
    int rc = disk_home(db, session_id, home);
    if (!rc)
        rc = clean_desktop_on(db, pool_id, home, id);
    return rc == CE_NOT_FOUND && home[0] ? clean_desktop_on(db, pool_id, "", id) : rc;
}

/* Lends the desktop to the waiting session: ready -> claimed. A dedicated one becomes OWNER_ID's. */
static int session_bind(struct db *db, const char *session_id, const char *owner_id, const char *desktop_id)
{
    int rc = db_run(db,
                    "UPDATE sessions SET desktop_id = $2,"
                    " desktop_name = (SELECT name FROM desktops WHERE id = $2)"
                    " WHERE id = $1 AND state = 'starting' AND desktop_id IS NULL",
                    db_text(session_id), db_text(desktop_id));
    rc = store_changed(db, rc, "waiting session", session_id);
    if (!rc && owner_id)
        rc = db_run(db, "UPDATE desktops SET owner_id = $2 WHERE id = $1", db_text(desktop_id),
                    db_text(owner_id));
    if (rc)
        return rc;
    bool moved = false;
    store_notify(db, "session", session_id);
    rc = store_desktop_move(db, desktop_id, DESKTOP_READY, DESKTOP_CLAIMED, NULL, &moved);
    if (!rc && !moved) /* somebody who took no turn was faster; the whole job is undone */
        return db_fail(db, CE_CONFLICT, "desktop %s is ready no longer", desktop_id);
    return rc;
}

/* A desktop that was kept for its user is nobody else's, so that nobody in the queue is passed by. */
static int session_bind_kept(struct db *db, struct session_row *session, const char *desktop_id)
{
    int rc = db_run(db,
                    "UPDATE sessions SET desktop_id = $2,"
                    " desktop_name = (SELECT name FROM desktops WHERE id = $2) WHERE id = $1",
                    db_text(session->id), db_text(desktop_id));
    store_notify(db, "desktop", desktop_id);
    if (!rc)
        rc = store_desktop_changed(db, desktop_id);
    return rc ? rc : store_session_get(db, session->id, session);
}

static int kind_of_pool(struct db *db, const char *pool_id, enum pool_kind *ret)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(db, &q, "SELECT kind FROM pools WHERE id = $1", db_text(pool_id));
    if (!rc && (rc = db_next(&q)) == 0)
        return CE_NOT_FOUND;
    if (rc < 0)
        return rc;
    row_enum(&q, 0, pool_kind_parse, ret);
    return 0;
}

/* The sessions at the head of the queue, at most LIMIT. */
static int queue_head(struct db *db, const char *pool_id, int64_t limit, struct id_list *ret)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc =
        db_select(db, &q,
                  "SELECT id FROM sessions WHERE pool_id = $1 AND state = 'starting' AND desktop_id IS NULL"
                  " ORDER BY number LIMIT $2",
                  db_text(pool_id), db_int(limit));
    return rc ? rc : id_list_fill(&q, ret);
}

static int serve_floating(struct db *db, const char *pool_id, uint32_t *served)
{
    for (;;) {
        CLEANUP_IDS struct id_list head = {0};
        char desktop_id[ID_SIZE];
        int rc = queue_head(db, pool_id, 1, &head);
        if (rc || head.count == 0)
            return rc;
        rc = clean_desktop(db, pool_id, head.ids[0], desktop_id);
        if (rc)
            return rc == CE_NOT_FOUND ? 0 : rc;
        rc = session_bind(db, head.ids[0], NULL, desktop_id);
        if (rc)
            return rc;
        ++*served;
    }
}

static int serve_static(struct db *db, const char *pool_id, uint32_t *served)
{
    for (;;) {
        CLEANUP_IDS struct id_list head = {0};
        char desktop_id[ID_SIZE];
        int rc = queue_head(db, pool_id, 1, &head);
        if (rc || head.count == 0)
            return rc;
        rc = store_place_take(db, pool_id, desktop_id);
        if (rc)
            return rc == CE_NOT_FOUND ? 0 : rc;
        rc = session_bind(db, head.ids[0], NULL, desktop_id);
        if (rc)
            return rc;
        ++*served;
    }
}

/* The user's own desktop, or else one that is nobody's; CE_NOT_FOUND when neither is ready. */
static int dedicated_desktop(struct db *db, const struct session_row *session, const char *pool_id,
                             char id[ID_SIZE])
{
    enum desktop_state state = DESKTOP_READY;
    int rc = own_desktop(db, session->user_id, pool_id, id, &state);
    if (rc == CE_NOT_FOUND)
        return clean_desktop(db, pool_id, session->id, id);
    return !rc && state != DESKTOP_READY ? CE_NOT_FOUND : rc;
}

/* A user whose own desktop is not ready waits for it and holds up nobody behind. */
static int serve_dedicated(struct db *db, const char *pool_id, uint32_t *served)
{
    CLEANUP_IDS struct id_list queue = {0};
    int rc = queue_head(db, pool_id, INT64_MAX, &queue);
    for (unsigned i = 0; !rc && i < queue.count; i++) {
        struct session_row session;
        char desktop_id[ID_SIZE];
        rc = store_session_get(db, queue.ids[i], &session);
        if (rc)
            break;
        rc = dedicated_desktop(db, &session, pool_id, desktop_id);
        if (rc == CE_NOT_FOUND) {
            rc = 0;
            continue;
        }
        if (!rc)
            rc = session_bind(db, session.id, session.user_id, desktop_id);
        if (!rc)
            ++*served;
    }
    return rc;
}

static int serve_queue(struct db *db, const char *pool_id, uint32_t *ret_served)
{
    enum pool_kind kind = POOL_FLOATING;
    uint32_t served = 0;
    int rc = kind_of_pool(db, pool_id, &kind);
    if (rc)
        return rc;
    if (kind == POOL_STATIC)
        rc = serve_static(db, pool_id, &served);
    else if (kind == POOL_DEDICATED)
        rc = serve_dedicated(db, pool_id, &served);
    else
        rc = serve_floating(db, pool_id, &served);
    if (!rc)
        *ret_served = served;
    return rc;
}

int store_claim_waiting(struct db *db, const char *pool_id, uint32_t *ret_served)
{
    int rc = store_pool_take_turn(db, pool_id);
    return rc ? rc : serve_queue(db, pool_id, ret_served);
}

int store_claim_place(struct db *db, const char *session_id, uint32_t *ret_place)
{
    int64_t place = 0;
    int rc = db_get_int(db, &place,
                        "SELECT (SELECT COUNT(*) FROM sessions w WHERE w.pool_id = s.pool_id"
                        " AND w.state = 'starting' AND w.desktop_id IS NULL AND w.number <= s.number)"
                        " FROM sessions s WHERE s.id = $1 AND s.state = 'starting' AND s.desktop_id IS NULL",
                        db_text(session_id));
    if (rc && rc != CE_NOT_FOUND)
        return rc;
    *ret_place = (uint32_t)place;
    return 0;
}

int store_claim_host_away(struct db *db, const char *session_id, bool *ret_away)
{
    int64_t count = 0;
    int rc = db_get_int(db, &count,
                        "SELECT COUNT(*) FROM sessions s JOIN desktops d ON d.owner_id = s.user_id"
                        " AND d.pool_id = s.pool_id AND d.kind = 'dedicated' AND d.state = 'stopped'"
                        " JOIN hosts h ON h.id = d.host_id AND h.state = 'down'"
                        " WHERE s.id = $1 AND s.state = 'starting' AND s.desktop_id IS NULL",
                        db_text(session_id));
    if (!rc)
        *ret_away = count > 0;
    return rc;
}

/* --- a claim ----------------------------------------------------------------------------------------------
 */

static int room_read(struct db *db, const struct session_request *request, struct claim_room *ret)
{
    CLEANUP_QUERY struct db_query q = {0};
    int rc = db_select(
        db, &q,
        "SELECT p.name, p.kind, p.enabled, p.deleting, p.stopped, p.max_desktops, u.name,"
        " u.disabled, (SELECT COUNT(*) FROM sessions s WHERE s.pool_id = p.id"
        " AND s.state = 'starting' AND s.desktop_id IS NULL AND NOT EXISTS (SELECT 1 FROM desktops o"
        " WHERE o.owner_id = s.user_id AND o.pool_id = p.id AND o.kind = 'dedicated'"
        " AND o.state <> 'recycling')),"
        " (SELECT COUNT(*) FROM pool_power w WHERE w.pool_id = p.id AND w.now_mode = "
        "'off'), " POOL_LIMITS_COLUMNS " FROM pools p JOIN users u ON u.id = $2 WHERE p.id = $1",
        db_text(request->pool_id), db_text(request->user_id));
    if (!rc && (rc = db_next(&q)) == 0)
        return db_fail(db, CE_NOT_FOUND, "there is no such user");
    if (rc < 0)
        return rc;
    *ret = (struct claim_room){.enabled = row_bool(&q, 2),
                               .deleting = row_bool(&q, 3),
                               .stopped = row_bool(&q, 4),
                               .max = row_int(&q, 5),
                               .user_disabled = row_bool(&q, 7),
                               .waiting = row_int(&q, 8),
                               .off = row_bool(&q, 9)};
    row_text(&q, 0, ret->pool, sizeof ret->pool);
    row_enum(&q, 1, pool_kind_parse, &ret->kind);
    row_text(&q, 6, ret->user, sizeof ret->user);
    store_pool_limits_read(&q, 10, &ret->limits);
    if (ret->kind == POOL_FLOATING) {
        ret->own_state = DESKTOP_READY;
        rc = store_desktop_kept(db, request->user_id, request->pool_id, ret->own_id);
    } else if (ret->kind == POOL_DEDICATED)
        rc = own_desktop(db, request->user_id, request->pool_id, ret->own_id, &ret->own_state);
    return rc == CE_NOT_FOUND || rc > 0 ? 0 : rc;
}

/* Whether more desktops stand ready than users wait for. Counts no further than that. */
static int ready_for_one_more(struct db *db, const char *pool_id, int64_t waiting, bool *ret)
{
    int64_t ready = 0;
    int rc = db_get_int(db, &ready,
                        "SELECT COUNT(*) FROM (SELECT d.id FROM desktops d WHERE d.pool_id = $1"
                        " AND d.state = 'ready' AND d.owner_id IS NULL AND d.touched = 0 LIMIT $2) ready",
                        db_text(pool_id), db_int(waiting + 1));
    if (!rc)
        *ret = ready > waiting;
    return rc;
}

/* Desktops that no newcomer gets soon: lent, or somebody's own. For what is in maintenance the pool makes another. */
static int count_taken(struct db *db, const char *pool_id, enum pool_kind kind, int64_t *ret)
{
    int64_t taken = 0, owned = 0;
    int rc = db_get_int(db, &taken,
                        "SELECT COUNT(*) FROM desktops WHERE pool_id = $1"
                        " AND state IN ('claimed', 'in_use', 'disconnected')",
                        db_text(pool_id));
    if (!rc && kind == POOL_DEDICATED)
        rc = db_get_int(db, &owned,
                        "SELECT COUNT(*) FROM desktops WHERE pool_id = $1 AND owner_id IS NOT NULL"
                        " AND state IN ('cloning', 'booting', 'ready', 'stopped', 'failed')",
                        db_text(pool_id));
    if (!rc)
        *ret = taken + owned;
    return rc;
}

static int refuse_off(struct db *db, struct claim *ret, const struct claim_room *room)
{
    return claim_refuse(db, ret, FAIL_OUTSIDE_HOURS,
                        "pool %s is off by its schedule, so no desktop is started", room->pool);
}

/* Whether a machine has room for one more user. */
static int room_check_static(struct db *db, const char *pool_id, const struct claim_room *room,
                             struct claim *ret)
{
    int64_t free_places = 0, usable = 0;
    int rc = store_place_room(db, pool_id, &free_places, &usable);
    if (rc || free_places > room->waiting)
        return rc;
    if (!usable)
        return claim_refuse(db, ret, FAIL_POOL_FAILED, "no machine of pool %s can be used now", room->pool);
    return claim_refuse(db, ret, FAIL_NO_DESKTOP,
                        "pool %s: its %lld machines have as many sessions as they may", room->pool,
                        (long long)usable);
}

/* Whether the pool has a desktop for one more user without one of their own, or can still make it. */
static int room_check_stranger(struct db *db, const char *pool_id, const struct claim_room *room,
                               struct claim *ret)
{
    bool ready = false;
    int64_t taken = 0;
    int rc = ready_for_one_more(db, pool_id, room->waiting, &ready);
    if (rc || ready)
        return rc;
    if (room->stopped)
        return claim_refuse(db, ret, FAIL_POOL_FAILED, "pool %s has stopped after failures", room->pool);
    if (room->off)
        return refuse_off(db, ret, room);
    rc = count_taken(db, pool_id, room->kind, &taken);
    if (rc || room->max - taken > room->waiting)
        return rc;
    return claim_refuse(db, ret, FAIL_NO_DESKTOP, "pool %s: %lld of %lld desktops are taken, %lld users wait",
                        room->pool, (long long)taken, (long long)room->max, (long long)room->waiting);
}

/* Whether a newcomer may stand in the queue. */
static int room_check(struct db *db, const char *pool_id, const struct claim_room *room, struct claim *ret)
{
    if (room->user_disabled)
        return claim_refuse(db, ret, FAIL_ACCOUNT_DISABLED, "user %s is disabled", room->user);
    if (!room->enabled || room->deleting)
        return claim_refuse(db, ret, FAIL_POOL_DISABLED, "pool %s is closed", room->pool);
    if (room->kind == POOL_STATIC)
        return room_check_static(db, pool_id, room, ret);
    if (!room->own_id[0])
        return room_check_stranger(db, pool_id, room, ret);
    if (room->own_state == DESKTOP_MAINTENANCE)
        return claim_refuse(db, ret, FAIL_POOL_DISABLED, "the desktop of %s is in maintenance", room->user);
    if (room->own_state == DESKTOP_FAILED)
        return claim_refuse(db, ret, FAIL_POOL_FAILED, "the desktop of %s has failed", room->user);
    if (room->own_state != DESKTOP_READY && room->stopped)
        return claim_refuse(db, ret, FAIL_POOL_FAILED, "pool %s has stopped after failures", room->pool);
    if (room->own_state == DESKTOP_STOPPED && room->off)
        return refuse_off(db, ret, room);
    return 0;
}

static int session_insert(struct db *db, const struct session_request *request, const struct claim_room *room,
                          struct session_row *ret)
{
    struct session_row session = {.connection = 1, .state = SESSION_STARTING};
    id_make(ID_SESSION, session.id);
    int rc = db_run(
        db,
        "INSERT INTO sessions (id, user_id, user_name, pool_id, pool_name, desktop_id, desktop_name,"
        " gateway, connection, state, client_address, client_name, created_ms, connected_ms,"
        " disconnected_ms, ended_ms, seen_ms, bytes_in, bytes_out, end_code, end_detail,"
        " boot_id) VALUES ($1, $2, $3, $4, $5, NULL, '', $6, 1, 'starting', $7, $8, $9, 0, 0, 0, $9, 0, 0,"
        " '', '', $10)",
        db_text(session.id), db_text(request->user_id), db_text(room->user), db_text(request->pool_id),
        db_text(room->pool), db_text(request->gateway), db_text(request->client_address),
        db_text(request->client_name), db_int(store_now_ms()), db_text(request->boot_id));
    if (rc)
        return rc;
    struct event_row event = {0};
    snprintf(event.kind, sizeof event.kind, "session.started");
    snprintf(event.object, sizeof event.object, "%s", session.id);
    snprintf(event.session_id, sizeof event.session_id, "%s", session.id);
    snprintf(event.user, sizeof event.user, "%s", room->user);
    snprintf(event.pool, sizeof event.pool, "%s", room->pool);
    snprintf(event.text, sizeof event.text, "User %s from %.63s asked for a desktop of pool %s.", room->user,
             request->client_address ? request->client_address : "", room->pool);
    store_notify(db, "session", session.id);
    store_notify(db, "pool", request->pool_id); /* demand: vmpool may have to make a desktop */
    rc = store_event(db, &event);
    if (!rc && room->own_id[0])
        rc = store_desktop_changed(db, room->own_id); /* its owner waits for it */
    if (!rc)
        *ret = session;
    return rc;
}

/* A new connection of a live session takes over from the one before. The session counts as disconnected until
 * the new gateway reports that it is connected. */
static int session_take_over(struct db *db, const struct session_request *request, struct claim *claim)
{
    const struct session_row *session = &claim->session;
    int rc = 0;
    /* What a lost gateway had may still run, if only the way between it and the broker was cut. */
    if (session->state != SESSION_DISCONNECTED || !strcmp(session->end_code, fail_code(FAIL_GATEWAY_LOST))) {
        claim->replaced = session->connection;
        snprintf(claim->replaced_gateway, sizeof claim->replaced_gateway, "%s", session->gateway);
        snprintf(claim->replaced_boot_id, sizeof claim->replaced_boot_id, "%s", session->boot_id);
    }
    if (session->state == SESSION_ACTIVE) {
        rc = store_session_move(db, session, SESSION_DISCONNECTED, FAIL_TAKEN_OVER, "");
        if (!rc)
            rc = store_desktop_follow(db, session->desktop_id, DESKTOP_IN_USE, DESKTOP_DISCONNECTED);
    }
    if (!rc)
        rc = db_run(db,
                    "UPDATE sessions SET connection = connection + 1, gateway = $2, client_address = $3,"
                    " client_name = $4, seen_ms = $5, boot_id = $6 WHERE id = $1",
                    db_text(session->id), db_text(request->gateway), db_text(request->client_address),
                    db_text(request->client_name), db_int(store_now_ms()), db_text(request->boot_id));
    store_notify(db, "session", session->id);
    return rc;
}

/* A machine that does not answer does not hold its user: another one may have room. */
static int place_is_lost(struct db *db, const struct desktop_row *desktop, bool *ret)
{
    struct machine_row machine;
    if (desktop->kind != POOL_STATIC)
        return 0;
    int rc = store_machine_get(db, desktop->machine_id, &machine);
    if (!rc)
        *ret = machine.state == MACHINE_DOWN || machine.state == MACHINE_MISTRUSTED;
    return rc;
}

/* The user's live session of the pool, if its desktop still works (or is awaited); CE_NOT_FOUND. One whose
 * desktop does not is ended, to make room for a new one. */
static int session_resume(struct db *db, const struct session_request *request, struct claim *claim)
{
    struct desktop_row desktop;
    int rc = store_session_of_user(db, request->user_id, request->pool_id, &claim->session);
    if (!rc && claim->session.logoff_ms) {
        /* Its guest logs its user off at the moment: nobody is led there again. */
        rc = store_session_end(db, claim->session.id, FAIL_LOGOFF,
                               "the user came back before the guest was done");
        return rc ? rc : CE_NOT_FOUND;
    }
    if (rc || !claim->session.desktop_id[0])
        return rc ? rc : session_take_over(db, request, claim);
    bool lost = false;
    rc = store_desktop_get(db, claim->session.desktop_id, &desktop);
    if (!rc)
        rc = place_is_lost(db, &desktop, &lost);
    if (!rc && lost)
        rc = store_session_end(db, claim->session.id, FAIL_GUEST_UNREACHABLE, "its machine cannot be used");
    if (rc || lost)
        return rc ? rc : CE_NOT_FOUND;
    if (desktop_state_is_lent(desktop.state))
        return session_take_over(db, request, claim);
    rc = store_session_move(db, &claim->session, SESSION_ENDED, FAIL_GUEST_FAILED, desktop.reason);
    return rc ? rc : CE_NOT_FOUND;
}

int store_claim(struct db *db, const struct session_request *request, struct claim *ret)
{
    struct claim claim = {0};
    struct claim_room room;
    uint32_t served;

    int rc = store_pool_take_turn(db, request->pool_id);
    if (rc == CE_NOT_FOUND) {
        ret->fail = FAIL_NO_SUCH_POOL;
        return rc;
    }
    if (!rc)
        rc = session_resume(db, request, &claim);
    if (rc == CE_NOT_FOUND) {
        memset(&claim, 0, sizeof claim);
        rc = room_read(db, request, &room);
        if (!rc)
            rc = room_check(db, request->pool_id, &room, ret);
        if (!rc)
            rc = store_claim_limits(db, request, &room.limits, room.own_id[0] ? 0 : room.waiting, &ret->fail);
        if (!rc)
            rc = session_insert(db, request, &room, &claim.session);
        if (!rc && room.kind == POOL_FLOATING && room.own_id[0])
            rc = session_bind_kept(db, &claim.session, room.own_id);
    }
    if (!rc && !claim.session.desktop_id[0])
        rc = serve_queue(db, request->pool_id, &served);
    if (!rc)
        rc = store_session_get(db, claim.session.id, &claim.session);
    if (!rc)
        *ret = claim;
    return rc;
}
