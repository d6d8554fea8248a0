#include <stdio.h>
#include <string.h>

#include <carrel/power.h>

#include "api_desktop_order.h"
#include "api_handlers.h"
#include "api_problem.h"
#include "audit.h"

static json_t *text_or_null(const char *text)
{
    return text[0] ? api_json_text(text) : json_null();
}

static json_t *desktop_json(const struct desktop_row *row)
{
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:o, s:s, s:o, s:I, s:o, s:o, s:s, s:i, s:s, s:s, s:o, s:o, s:I, s:o, s:o, "
        "s:o, s:o, s:o, s:o}",
        "id", row->id, "name", row->name, "pool", row->pool, "kind", pool_kind_name(row->kind), "host",
        text_or_null(row->host), "state", desktop_state_name(row->state), "state_since",
        api_json_time(row->state_since_ms), "percent", (json_int_t)row->percent, "reason",
        api_json_text(row->reason), "owner", text_or_null(row->owner), "address", row->address, "port",
        (int)row->port, "fingerprint", row->fingerprint, "guest_user", row->guest_user, "session",
        text_or_null(row->session_id), "session_user", text_or_null(row->session_user), "attempts",
        (json_int_t)row->attempts, "created", api_json_time(row->created_ms), "machine",
        text_or_null(row->machine), "rest", text_or_null(desktop_rest_name(row->rest)), "kept_since",
        api_json_time(row->left_ms), "health", api_json_text(row->health), "health_since",
        api_json_time(row->health_since_ms));
}

static int add_desktop(void *arg, const struct desktop_row *row)
{
    return json_array_append_new(arg, desktop_json(row)) ? CE_NOMEM : 0;
}

/* The ids that the query's names stand for. */
static int find_filter(struct db *db, struct request *r, struct desktop_filter *filter, struct pool_row *pool,
                       struct host_row *host)
{
    const char *name = request_query(r, "pool");
    if (name) {
        int rc = store_pool_get(db, name, pool);
        if (rc)
            return problem_set_rc(r, db, rc, "There is no pool \"%s\".", name);
        filter->pool_id = pool->id;
    }
    name = request_query(r, "host");
    if (name) {
        int rc = store_host_get(db, name, host);
        if (rc)
            return problem_set_rc(r, db, rc, "There is no host \"%s\".", name);
        filter->host_id = host->id;
    }
    return 0;
}

static int list_job(struct db *db, struct request *r)
{
    struct desktop_filter filter = {.state = -1};
    struct pool_row pool;
    struct host_row host;
    int rc = find_filter(db, r, &filter, &pool, &host);
    if (rc)
        return rc;
    const char *state = request_query(r, "state");
    if (state)
        filter.state = desktop_state_parse(state);
    json_t *items = json_array();
    rc = store_desktop_list(db, &filter, add_desktop, items);
    request_set_items(r, items);
    return rc;
}

void api_desktops_list(struct request *r)
{
    const char *state = request_query(r, "state");
    if (state && desktop_state_parse(state) < 0)
        problem_answer(r, PROBLEM_BAD_REQUEST, "Desktops have no state \"%s\".", state);
    else
        request_run(r, STORE_READ, list_job, NULL);
}

static int get_desktop(struct db *db, struct request *r, struct desktop_row *ret)
{
    int rc = store_desktop_get(db, r->params[0], ret);
    return rc ? problem_set_rc(r, db, rc, "There is no desktop \"%s\".", r->params[0]) : 0;
}

static int get_job(struct db *db, struct request *r)
{
    struct desktop_row row;
    int rc = get_desktop(db, r, &row);
    if (rc)
        return rc;
    json_t *json = desktop_json(&row);
    rc = json ? api_add_last_words(db, row.id, json) : CE_NOMEM;
    request_set(r, 200, json);
    return rc;
}

void api_desktop_get(struct request *r)
{
    request_run(r, STORE_READ, get_job, NULL);
}

/* --- orders to vmpool ---------------------------------------------------------------------------- */

int api_desktop_find(struct db *db, struct request *r, struct desktop_row *ret)
{
    int rc = get_desktop(db, r, ret);
    if (rc || ret->kind != POOL_STATIC)
        return rc;
    problem_set(r, PROBLEM_CONFLICT,
                "Desktop %s is a place on machine %s, which Carrel neither starts nor stops.", ret->name,
                ret->machine);
    return CE_CONFLICT;
}

/* Why the desktop cannot be ordered to do this now; a problem is set. */
static int check_state(struct request *r, const struct desktop_order *order, const struct desktop_row *row)
{
    const char *name = row->name, *state = desktop_state_name(row->state);
    bool snapshot = strstr(order->verb, "snapshot") || !strcmp(order->verb, "desktop-restore");
    bool capture = !strcmp(order->verb, "desktop-log") || !strcmp(order->verb, "desktop-screenshot");
    bool off = row->state == DESKTOP_CLONING || row->state == DESKTOP_STOPPED || row->state == DESKTOP_FAILED;
    if (order->only_without_session && row->session_id[0])
        problem_set(r, PROBLEM_CONFLICT, "Session %s of %s is on desktop %s; log it off first.",
                    row->session_id, row->session_user, name);
    else if (!strcmp(order->verb, "desktop-release") && row->state != DESKTOP_MAINTENANCE)
        problem_set(r, PROBLEM_CONFLICT, "Desktop %s is not in maintenance but %s.", name, state);
    else if (snapshot && (row->kind != POOL_DEDICATED || !row->owner_id[0]))
        problem_set(r, PROBLEM_CONFLICT,
                    "Desktop %s is %s: only a dedicated desktop that has its user can have snapshots.", name,
                    row->kind == POOL_DEDICATED ? "nobody's yet" : "made anew after each log-off");
    else if (capture && off)
        problem_set(r, PROBLEM_CONFLICT, "Desktop %s is %s: its guest does not run.", name, state);
    else
        return 0;
    return CE_CONFLICT;
}

static int order_job(struct db *db, struct request *r)
{
    const struct desktop_order *order = r->input;
    struct desktop_row row;
    int rc = api_desktop_find(db, r, &row);
    if (!rc)
        rc = check_state(r, order, &row);
    if (rc)
        return rc;
    struct order_row ordered = {.target = "vmpool"};
    snprintf(ordered.verb, sizeof ordered.verb, "%s", order->verb);
    snprintf(ordered.object, sizeof ordered.object, "%s", row.id);
    snprintf(ordered.text, sizeof ordered.text, "%s", order->text);
    snprintf(ordered.code, sizeof ordered.code, "%s", order->force ? "force" : "");
    rc = store_order_insert(db, &ordered);
    if (!rc)
        rc = audit_admin(db, r, "desktop.ordered", row.id, "Desktop %s was ordered to %s%s%.100s", row.name,
                         order->words, *order->text ? ": " : "", order->text);
    request_set(r, 202, json_pack("{s:I}", "order", (json_int_t)ordered.number));
    return rc;
}

void api_desktop_order(struct request *r, const struct desktop_order *order)
{
    struct desktop_order *input = request_input(r, sizeof *input);
    if (!input)
        return;
    *input = *order;
    request_run(r, STORE_WRITE, order_job, NULL);
}

void api_desktop_recycle(struct request *r)
{
    api_desktop_order(r, &(struct desktop_order){.verb = "desktop-recycle",
                                                 .words = "be recycled",
                                                 .only_without_session = true});
}

void api_desktop_restart(struct request *r)
{
    api_desktop_order(r, &(struct desktop_order){.verb = "desktop-restart",
                                                 .words = "be restarted",
                                                 .only_without_session = false});
}

void api_desktop_maintenance(struct request *r)
{
    struct desktop_order order = {
        .verb = "desktop-maintenance", .words = "go into maintenance", .only_without_session = true};
    struct api_reader reader;
    api_reader_init(&reader, r->body, "");
    api_reader_text(&reader, "reason", API_OPTIONAL, order.text, sizeof order.text);
    if (request_read_done(r, &reader))
        api_desktop_order(r, &order);
}

void api_desktop_release(struct request *r)
{
    api_desktop_order(r, &(struct desktop_order){.verb = "desktop-release",
                                                 .words = "come out of maintenance",
                                                 .only_without_session = false});
}
