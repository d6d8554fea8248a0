#include <stdio.h>

#include "api_handlers.h"
#include "api_policy.h"
#include "api_problem.h"
#include "audit.h"
#include "policy_json.h"

static json_t *entitlement_json(const struct entitlement_row *row)
{
    return json_pack("{s:s, s:s, s:s, s:o, s:o}", "id", row->id, "pool", row->pool,
                     row->is_group ? "group" : "user", row->subject, "created",
                     api_json_time(row->created_ms), "policy", policy_to_json(&row->policy));
}

static int add_entitlement(void *arg, const struct entitlement_row *row)
{
    return json_array_append_new(arg, entitlement_json(row)) ? CE_NOMEM : 0;
}

static int list_job(struct db *db, struct request *r)
{
    json_t *items = json_array();
    int rc = store_entitlement_list(db, add_entitlement, items);
    request_set_items(r, items);
    return rc;
}

void api_entitlements_list(struct request *r)
{
    request_run(r, STORE_READ, list_job, NULL);
}

static int get_entitlement(struct db *db, struct request *r, struct entitlement_row *ret)
{
    int rc = store_entitlement_get(db, r->params[0], ret);
    return rc ? problem_set_rc(r, db, rc, "There is no entitlement \"%s\".", r->params[0]) : 0;
}

static int get_job(struct db *db, struct request *r)
{
    struct entitlement_row row;
    int rc = get_entitlement(db, r, &row);
    if (!rc)
        request_set(r, 200, entitlement_json(&row));
    return rc;
}

void api_entitlement_get(struct request *r)
{
    request_run(r, STORE_READ, get_job, NULL);
}

/* Fills the ids of the names that the request has. */
static int find_subject(struct db *db, struct request *r, struct entitlement_row *row)
{
    struct user_row user;
    struct group_row group;
    int rc =
        row->is_group ? store_group_get(db, row->subject, &group) : store_user_get(db, row->subject, &user);
    if (rc)
        return problem_set_rc(r, db, rc, "There is no %s \"%s\".", row->is_group ? "group" : "user",
                              row->subject);
    snprintf(row->subject_id, sizeof row->subject_id, "%s", row->is_group ? group.id : user.id);
    snprintf(row->subject, sizeof row->subject, "%s", row->is_group ? group.name : user.name);
    return 0;
}

static int add_job(struct db *db, struct request *r)
{
    struct entitlement_row row = *(const struct entitlement_row *)r->input;
    struct pool_row pool;
    int rc = store_pool_get(db, row.pool, &pool);
    if (rc)
        return problem_set_rc(r, db, rc, "There is no pool \"%s\".", row.pool);
    snprintf(row.pool_id, sizeof row.pool_id, "%s", pool.id);
    snprintf(row.pool, sizeof row.pool, "%s", pool.name);
    rc = find_subject(db, r, &row);
    if (rc)
        return rc;
    rc = store_entitlement_insert(db, &row);
    if (rc)
        return problem_set_rc(r, db, rc, "%s %s is entitled to pool %s already.",
                              row.is_group ? "Group" : "User", row.subject, row.pool);
    rc = audit_admin(db, r, "entitlement.created", row.id, "%s %s was entitled to pool %s",
                     row.is_group ? "Group" : "User", row.subject, row.pool);
    request_set(r, 201, entitlement_json(&row));
    return rc;
}

void api_entitlements_add(struct request *r)
{
    struct entitlement_row *row = request_input(r, sizeof *row);
    if (!row)
        return;
    struct api_reader reader;
    api_reader_init(&reader, r->body, "");
    api_reader_text(&reader, "pool", API_REQUIRED, row->pool, sizeof row->pool);
    bool user = api_reader_text(&reader, "user", API_OPTIONAL, row->subject, sizeof row->subject);
    row->is_group = api_reader_text(&reader, "group", API_OPTIONAL, row->subject, sizeof row->subject);
    if (user == row->is_group)
        api_reader_refuse(&reader, "Exactly one of the members \"user\" and \"group\" is needed.");
    api_reader_policy(&reader, &row->policy);
    if (request_read_done(r, &reader))
        request_run(r, STORE_WRITE, add_job, NULL);
}

static int read_change(struct request *r, struct policy *policy)
{
    struct api_reader reader;
    api_reader_init(&reader, r->body, "");
    api_reader_policy(&reader, policy);
    int rc = api_reader_finish(&reader);
    if (rc)
        problem_set(r, PROBLEM_BAD_REQUEST, "%s", reader.err.text);
    return rc;
}

/* Reads the body again over the entitlement as it is now, so that keys that are not named stay. */
static int change_job(struct db *db, struct request *r)
{
    struct entitlement_row row = {.is_group = false};
    int rc = read_change(r, &row.policy);
    if (!rc)
        rc = get_entitlement(db, r, &row);
    if (!rc)
        rc = read_change(r, &row.policy);
    if (rc)
        return rc;
    rc = store_entitlement_set_policy(db, row.id, &row.policy);
    if (!rc)
        rc = audit_admin(db, r, "entitlement.changed", row.id,
                         "The entitlement of %s %s to pool %s was changed", row.is_group ? "group" : "user",
                         row.subject, row.pool);
    request_set(r, 200, entitlement_json(&row));
    return rc;
}

void api_entitlement_change(struct request *r)
{
    request_run(r, STORE_WRITE, change_job, NULL);
}

static int delete_job(struct db *db, struct request *r)
{
    struct entitlement_row row;
    int rc = get_entitlement(db, r, &row);
    if (!rc)
        rc = store_entitlement_delete(db, row.id);
    if (rc)
        return rc;
    r->answer.status = 204;
    return audit_admin(db, r, "entitlement.deleted", row.id, "%s %s lost its entitlement to pool %s",
                       row.is_group ? "Group" : "User", row.subject, row.pool);
}

void api_entitlement_delete(struct request *r)
{
    request_run(r, STORE_WRITE, delete_job, NULL);
}
