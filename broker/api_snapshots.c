/* Snapshots of dedicated desktops: listed from the store, made, restored and deleted by orders to vmpool. */
#include <stdio.h>
#include <string.h>

#include <carrel/store_upkeep.h>

#include "api_desktop_order.h"
#include "api_handlers.h"
#include "api_problem.h"

static int add_snapshot(void *arg, const struct disk_snapshot_row *row)
{
    json_t *json =
        json_pack("{s:s, s:s, s:I, s:o}", "name", row->name, "state", disk_snapshot_state_name(row->state),
                  "size_bytes", (json_int_t)row->size_bytes, "created", api_json_time(row->created_ms));
    return json_array_append_new(arg, json) ? CE_NOMEM : 0;
}

static int list_job(struct db *db, struct request *r)
{
    struct desktop_row row;
    int rc = api_desktop_find(db, r, &row);
    if (rc)
        return rc;
    json_t *items = json_array();
    rc = store_disk_snapshot_list(db, row.id, add_snapshot, items);
    request_set_items(r, items);
    return rc;
}

void api_snapshots_list(struct request *r)
{
    request_run(r, STORE_READ, list_job, NULL);
}

/* Letters, digits and ._- as every name; what vmpool would refuse late is refused at once. */
static bool name_is_good(const char *name)
{
    static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    size_t len = strlen(name);
    return len && len < NAME_SIZE && strchr(first, name[0]) &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == len;
}

static void order_snapshot(struct request *r, const char *verb, const char *words, const char *name,
                           bool force)
{
    struct desktop_order order = {.verb = verb,
                                  .words = words,
                                  .only_without_session = !force && strcmp(verb, "desktop-unsnapshot") != 0,
                                  .force = force};
    snprintf(order.text, sizeof order.text, "%s", name);
    api_desktop_order(r, &order);
}

void api_snapshot_create(struct request *r)
{
    struct api_reader reader;
    char name[NAME_SIZE] = "";
    bool force = false;
    api_reader_init(&reader, r->body, "");
    if (api_reader_text(&reader, "name", API_REQUIRED, name, sizeof name) && !name_is_good(name))
        api_reader_refuse(&reader,
                          "The member \"name\" must begin with a letter or digit and have only letters, "
                          "digits, dots, hyphens and underscores.");
    api_reader_flag(&reader, "force", API_OPTIONAL, &force);
    if (request_read_done(r, &reader))
        order_snapshot(r, "desktop-snapshot", "have a snapshot made", name, force);
}

void api_snapshot_restore(struct request *r)
{
    struct api_reader reader;
    bool force = false;
    api_reader_init(&reader, r->body, "");
    api_reader_flag(&reader, "force", API_OPTIONAL, &force);
    if (request_read_done(r, &reader))
        order_snapshot(r, "desktop-restore", "be put back to a snapshot", r->params[1], force);
}

void api_snapshot_delete(struct request *r)
{
    order_snapshot(r, "desktop-unsnapshot", "have a snapshot deleted", r->params[1], false);
}
