#include "api_handlers.h"
#include "api_problem.h"
#include "audit.h"

static int add_member(void *arg, const struct user_row *row)
{
    return json_array_append_new(arg, json_string(row->name)) ? CE_NOMEM : 0;
}

static int group_json(struct db *db, const struct group_row *row, json_t **ret)
{
    json_t *members = json_array();
    int rc = store_group_members(db, row->id, add_member, members);
    *ret = json_pack("{s:s, s:s, s:o, s:o}", "id", row->id, "name", row->name, "members", members, "created",
                     api_json_time(row->created_ms));
    return rc;
}

struct groups {
    struct db *db;
    json_t *items;
};

static int add_group(void *arg, const struct group_row *row)
{
    struct groups *groups = arg;
    json_t *json;
    int rc = group_json(groups->db, row, &json);
    return json_array_append_new(groups->items, json) ? CE_NOMEM : rc;
}

static int list_job(struct db *db, struct request *r)
{
    struct groups groups = {.db = db, .items = json_array()};
    int rc = store_group_list(db, add_group, &groups);
    request_set_items(r, groups.items);
    return rc;
}

void api_groups_list(struct request *r)
{
    request_run(r, STORE_READ, list_job, NULL);
}

static int get_group(struct db *db, struct request *r, struct group_row *ret)
{
    int rc = store_group_get(db, r->params[0], ret);
    return rc ? problem_set_rc(r, db, rc, "There is no group \"%s\".", r->params[0]) : 0;
}

static int answer_group(struct db *db, struct request *r, const char *id, unsigned status)
{
    struct group_row row;
    json_t *json;
    int rc = store_group_get(db, id, &row);
    if (rc)
        return rc;
    rc = group_json(db, &row, &json);
    request_set(r, status, json);
    return rc;
}

static int get_job(struct db *db, struct request *r)
{
    struct group_row row;
    int rc = get_group(db, r, &row);
    return rc ? rc : answer_group(db, r, row.id, 200);
}

void api_group_get(struct request *r)
{
    request_run(r, STORE_READ, get_job, NULL);
}

static int add_job(struct db *db, struct request *r)
{
    struct group_row row = *(const struct group_row *)r->input;
    int rc = store_group_insert(db, &row);
    if (rc)
        return problem_set_rc(r, db, rc, "There is a group \"%s\" already.", row.name);
    rc = audit_admin(db, r, "group.created", row.id, "Group %s was created", row.name);
    return rc ? rc : answer_group(db, r, row.id, 201);
}

void api_groups_add(struct request *r)
{
    struct group_row *row = request_input(r, sizeof *row);
    if (!row)
        return;
    struct api_reader reader;
    api_reader_init(&reader, r->body, "");
    if (api_reader_text(&reader, "name", API_REQUIRED, row->name, sizeof row->name) &&
        !name_is_valid(row->name))
        api_reader_refuse(&reader,
                          "A group's name has letters, digits and . _ - and begins with a letter or digit.");
    if (request_read_done(r, &reader))
        request_run(r, STORE_WRITE, add_job, NULL);
}

static int delete_job(struct db *db, struct request *r)
{
    struct group_row row;
    int rc = get_group(db, r, &row);
    if (rc)
        return rc;
    rc = store_group_delete(db, row.id);
    if (rc)
        return problem_set_rc(r, db, rc, "Group %s cannot be deleted now.", row.name);
    r->answer.status = 204;
    return audit_admin(db, r, "group.deleted", row.id, "Group %s was deleted", row.name);
}

void api_group_delete(struct request *r)
{
    request_run(r, STORE_WRITE, delete_job, NULL);
}

/* Adding a member again and removing one that is none are no errors: PUT and DELETE say how it shall be. */
static int change_member(struct db *db, struct request *r, bool add)
{
    struct group_row group;
    struct user_row user;
    int rc = get_group(db, r, &group);
    if (rc)
        return rc;
    rc = store_user_get(db, r->params[1], &user);
    if (rc)
        return problem_set_rc(r, db, rc, "There is no user \"%s\".", r->params[1]);
    rc = add ? store_group_add(db, group.id, user.id) : store_group_remove(db, group.id, user.id);
    r->answer.status = 204;
    if (rc == CE_EXISTS || rc == CE_NOT_FOUND)
        return 0;
    if (rc)
        return rc;
    return audit_admin(db, r, "group.changed", group.id, "User %s was %s group %s", user.name,
                       add ? "added to" : "removed from", group.name);
}

static int member_add_job(struct db *db, struct request *r)
{
    return change_member(db, r, true);
}

static int member_remove_job(struct db *db, struct request *r)
{
    return change_member(db, r, false);
}

void api_group_member_add(struct request *r)
{
    request_run(r, STORE_WRITE, member_add_job, NULL);
}

void api_group_member_remove(struct request *r)
{
    request_run(r, STORE_WRITE, member_remove_job, NULL);
}
