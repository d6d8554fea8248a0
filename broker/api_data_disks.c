/* Data disks of users: looked at, freed, deleted. They are made by log-ins. */
#include <stdio.h>
#include <string.h>

#include "api_handlers.h"
#include "api_problem.h"
#include "audit.h"

static json_t *text_or_null(const char *text)
{
    return text[0] ? json_string(text) : json_null();
}

static const char *state_of(const struct data_disk_row *row)
{
    if (row->deleting)
        return "deleting";
    if (!row->desktop_id[0])
        return "free";
    if (row->lost)
        return "lost";
    return row->attached ? "attached" : "moving";
}

static json_t *disk_json(const struct data_disk_row *row)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:o, s:o, s:b, s:o, s:o, s:o}", "id", row->id, "pool",
                     row->pool, "user", row->user, "state", state_of(row), "size_mib",
                     (json_int_t)row->size_mib, "host", text_or_null(row->host), "desktop",
                     text_or_null(row->desktop_id[0] ? row->desktop : ""), "formatted", row->formatted,
                     "reason", api_json_text(row->reason), "created", api_json_time(row->created_ms), "used",
                     api_json_time(row->used_ms));
}

static int add_disk(void *arg, const struct data_disk_row *row)
{
    return json_array_append_new(arg, disk_json(row)) ? CE_NOMEM : 0;
}

static int list_job(struct db *db, struct request *r)
{
    struct pool_row pool = {0};
    struct user_row user = {0};
    const char *pool_name = request_query(r, "pool"), *user_name = request_query(r, "user");
    int rc = pool_name ? store_pool_get(db, pool_name, &pool) : 0;
    if (rc)
        return problem_set_rc(r, db, rc, "There is no pool \"%s\".", pool_name);
    rc = user_name ? store_user_get(db, user_name, &user) : 0;
    if (rc)
        return problem_set_rc(r, db, rc, "There is no user \"%s\".", user_name);
    json_t *items = json_array();
    rc = store_data_disk_list(db, pool.id, user.id, add_disk, items);
    request_set_items(r, items);
    return rc;
}

void api_data_disks_list(struct request *r)
{
    request_run(r, STORE_READ, list_job, NULL);
}

static int get_disk(struct db *db, struct request *r, struct data_disk_row *ret)
{
    int rc = store_data_disk_get(db, r->params[0], ret);
    return rc ? problem_set_rc(r, db, rc, "There is no data disk \"%s\".", r->params[0]) : 0;
}

static int get_job(struct db *db, struct request *r)
{
    struct data_disk_row row;
    int rc = get_disk(db, r, &row);
    if (!rc)
        request_set(r, 200, disk_json(&row));
    return rc;
}

void api_data_disk_get(struct request *r)
{
    request_run(r, STORE_READ, get_job, NULL);
}

struct detach {
    bool force;
};

static int detach_job(struct db *db, struct request *r)
{
    const struct detach *detach = r->input;
    struct data_disk_row row;
    int rc = get_disk(db, r, &row);
    if (rc)
        return rc;
    rc = store_data_disk_detach(db, row.id, detach->force);
    if (rc)
        return problem_set_rc(r, db, rc, "The data disk of %s cannot be detached now.", row.user);
    rc = audit_admin(db, r, "data-disk.freed", row.id, "The data disk of user %s in pool %s was freed",
                     row.user, row.pool);
    if (!rc)
        rc = store_data_disk_get(db, row.id, &row);
    request_set(r, 200, disk_json(&row));
    return rc;
}

void api_data_disk_detach(struct request *r)
{
    struct detach *detach = request_input(r, sizeof *detach);
    struct api_reader reader;
    if (!detach)
        return;
    api_reader_init(&reader, r->body, "");
    api_reader_flag(&reader, "force", API_OPTIONAL, &detach->force);
    if (request_read_done(r, &reader))
        request_run(r, STORE_WRITE, detach_job, NULL);
}

static int delete_job(struct db *db, struct request *r)
{
    struct data_disk_row row;
    struct order_row order = {.target = "vmpool", .verb = "data-disk-delete"};
    int rc = get_disk(db, r, &row);
    if (rc)
        return rc;
    rc = store_data_disk_set_deleting(db, row.id);
    if (rc)
        return problem_set_rc(r, db, rc, "The data disk of %s cannot be deleted now.", row.user);
    snprintf(order.object, sizeof order.object, "%s", row.id);
    rc = store_order_insert(db, &order);
    if (!rc)
        rc = audit_admin(db, r, "data-disk.delete", row.id,
                         "The deletion of the data disk of user %s in pool %s was ordered", row.user,
                         row.pool);
    request_set(r, 202, json_pack("{s:I}", "order", (json_int_t)order.number));
    return rc;
}

void api_data_disk_delete(struct request *r)
{
    request_run(r, STORE_WRITE, delete_job, NULL);
}
