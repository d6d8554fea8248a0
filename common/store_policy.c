#include "store_parts.h"

#include <stdio.h>
#include <string.h>

enum {
    LAST_WARNING_MS = 60 * 1000,     /* before the end, a second time */
    BETWEEN_WARNINGS_MS = 30 * 1000, /* at least; else the first one was the last */
};

void store_policy_read(struct db_query *q, int column, struct policy *ret)
{
    char text[POLICY_TEXT_SIZE];
    row_text(q, column, text, sizeof text);
    *ret = (struct policy){0};
    if (text[0] && policy_parse(text, ret, NULL))
        *ret = (struct policy){0};
}

/* A policy that cannot be read lets nobody in: it may deny something. */
static int policy_read_strictly(struct db *db, struct db_query *q, int column, struct policy *ret)
{
    char text[POLICY_TEXT_SIZE];
    struct error err;
    row_text(q, column, text, sizeof text);
    int rc = text[0] ? policy_parse(text, ret, &err) : 0;
    return rc ? db_fail(db, CE_INTERNAL, "a stored policy cannot be read: %s", err.text) : 0;
}

/* Rows come in this order: the pool, groups, the user. */
enum { RANK_POOL, RANK_GROUP, RANK_USER, RANK_COUNT };

int store_policy_of(struct db *db, const char *user_id, const char *pool_id, struct policy *ret)
{
    CLEANUP_QUERY struct db_query q = {0};
    struct policy ranks[RANK_COUNT] = {{0}};
    int rc = db_select(db, &q,
                       "SELECT 0, policy FROM pools WHERE id = $1 AND policy <> ''"
                       " UNION ALL SELECT 1, e.policy FROM entitlements e"
                       " JOIN group_members m ON m.group_id = e.group_id"
                       " WHERE e.pool_id = $1 AND m.user_id = $2 AND e.policy <> ''"
                       " UNION ALL SELECT 2, policy FROM entitlements"
                       " WHERE pool_id = $1 AND user_id = $2 AND policy <> ''",
                       db_text(pool_id), db_text(user_id));
    while (!rc && (rc = db_next(&q)) > 0) {
        struct policy one = {0};
        rc = policy_read_strictly(db, &q, 1, &one);
        if (!rc)
            policy_join(&ranks[row_u32(&q, 0) % RANK_COUNT], &one);
    }
    if (rc)
        return rc;
    policy_over(&ranks[RANK_POOL], &ranks[RANK_GROUP]);
    policy_over(&ranks[RANK_POOL], &ranks[RANK_USER]);
    *ret = ranks[RANK_POOL];
    return 0;
}

int store_session_set_limits(struct db *db, const struct session_row *session, const struct policy *policy)
{
    int64_t limit_ms = (int64_t)policy_number(policy, POLICY_SESSION_LIMIT) * 1000;
    int64_t warning_ms = (int64_t)policy_number(policy, POLICY_SESSION_WARNING) * 1000;
    int64_t keep_ms = (int64_t)policy_number(policy, POLICY_DISCONNECT_LIMIT) * 1000;
    int64_t ends_ms = limit_ms ? session->created_ms + limit_ms : 0;
    int64_t warn_ms = ends_ms && warning_ms ? ends_ms - warning_ms : 0;
    /* A shorter session than its warning is warned of at once, one that was warned of is not again. */
    if (warn_ms && warn_ms < session->created_ms)
        warn_ms = session->created_ms;
    /* What an administrator said of its end holds, when that is sooner. */
    if (session->ends_code[0] && (!ends_ms || session->ends_ms < ends_ms)) {
        ends_ms = session->ends_ms;
        warn_ms = session->warn_ms;
    }
    bool warned = !session->warn_ms || session->warn_ms == ends_ms - LAST_WARNING_MS;
    if (session->ends_ms == ends_ms && (session->warn_ms == warn_ms || warned) && session->keep_ms == keep_ms)
        return 0;
    return db_run(db, "UPDATE sessions SET ends_ms = $2, warn_ms = $3, keep_ms = $4 WHERE id = $1",
                  db_text(session->id), db_int(ends_ms), db_int(warn_ms), db_int(keep_ms));
}

static bool has_word(const char *words, const char *word, size_t len)
{
    for (const char *at = words; *at; at += strspn(at, " ")) {
        size_t n = strcspn(at, " ");
        if (n == len && !memcmp(at, word, len))
            return true;
        at += n;
    }
    return false;
}

/* A word that has no room any more is left out: the list is for people. */
static void word_add(char words[REASON_SIZE], const char *word, size_t len)
{
    size_t used = strlen(words);
    if (used + len + 2 > REASON_SIZE)
        return;
    snprintf(words + used, REASON_SIZE - used, "%s%.*s", used ? " " : "", (int)len, word);
}

int store_session_add_denied(struct db *db, const char *id, const char *words, char ret_news[REASON_SIZE])
{
    struct session_row session;
    ret_news[0] = '\0';
    int rc = store_session_get(db, id, &session);
    if (rc)
        return rc;
    for (const char *at = words + strspn(words, " "); *at; at += strspn(at, " ")) {
        size_t len = strcspn(at, " ");
        if (!has_word(session.denied, at, len)) {
            word_add(session.denied, at, len);
            word_add(ret_news, at, len);
        }
        at += len;
    }
    if (!ret_news[0])
        return 0;
    rc = db_run(db, "UPDATE sessions SET denied = $2 WHERE id = $1", db_text(session.id),
                db_text(session.denied));
    return store_changed(db, rc, "session", session.id);
}

static int each_of_list(struct db *db, const struct id_list *list, enum fail fail,
                        int (*each)(void *arg, const struct session_row *row, enum fail fail), void *arg)
{
    int rc = 0;
    for (unsigned i = 0; !rc && i < list->count; i++) {
        struct session_row session;
        rc = store_session_get(db, list->ids[i], &session);
        if (!rc)
            rc = each(arg, &session, fail);
    }
    return rc;
}

int store_session_over(struct db *db, int64_t now_ms,
                       int (*each)(void *arg, const struct session_row *row, enum fail fail), void *arg)
{
    CLEANUP_QUERY struct db_query q = {0}, p = {0};
    CLEANUP_IDS struct id_list over = {0}, left = {0};
    int rc =
        db_select(db, &q, "SELECT id FROM sessions WHERE state <> 'ended' AND ends_ms > 0 AND ends_ms <= $1",
                  db_int(now_ms));
    if (!rc)
        rc = id_list_fill(&q, &over);
    if (!rc)
        rc = each_of_list(db, &over, FAIL_SESSION_LIMIT, each, arg);
    if (!rc)
        rc = db_select(db, &p,
                       "SELECT id FROM sessions WHERE state = 'disconnected' AND keep_ms > 0"
                       " AND disconnected_ms + keep_ms <= $1",
                       db_int(now_ms));
    if (!rc)
        rc = id_list_fill(&p, &left);
    return rc ? rc : each_of_list(db, &left, FAIL_DISCONNECT_LIMIT, each, arg);
}

int store_session_warn(struct db *db, int64_t now_ms, int (*each)(void *arg, const struct session_row *row),
                       void *arg)
{
    CLEANUP_QUERY struct db_query q = {0};
    CLEANUP_IDS struct id_list list = {0};
    int rc =
        db_select(db, &q, "SELECT id FROM sessions WHERE state <> 'ended' AND warn_ms > 0 AND warn_ms <= $1",
                  db_int(now_ms));
    if (!rc)
        rc = id_list_fill(&q, &list);
    for (unsigned i = 0; !rc && i < list.count; i++) {
        struct session_row session;
        rc = store_session_get(db, list.ids[i], &session);
        int64_t last_ms = session.ends_ms - LAST_WARNING_MS;
        if (!rc)
            rc = db_run(db, "UPDATE sessions SET warn_ms = $2 WHERE id = $1", db_text(session.id),
                        db_int(last_ms - now_ms >= BETWEEN_WARNINGS_MS ? last_ms : 0));
        if (!rc)
            rc = each(arg, &session);
    }
    return rc;
}
