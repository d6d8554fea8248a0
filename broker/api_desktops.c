#include <stdio.h>
#include <string.h>

#include <carrel/power.h>

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
        "s:o, s:o}",
        "id", row->id, "name", row->name, "pool", row->pool, "kind", pool_kind_name(row->kind), "host",
        text_or_null(row->host), "state", desktop_state_name(row->state), "state_since",
        api_json_time(row->state_since_ms), "percent", (json_int_t)row->percent, "reason",
        api_json_text(row->reason), "owner", text_or_null(row->owner), "address", row->address, "port",
        (int)row->port, "fingerprint", row->fingerprint, "guest_user", row->guest_user, "session",
        text_or_null(row->session_id), "session_user", text_or_null(row->session_user), "attempts",
        (json_int_t)row->attempts, "created", api_json_time(row->created_ms), "machine",
        text_or_null(row->machine), "rest", text_or_null(desktop_rest_name(row->rest)), "kept_since",
        api_json_time(row->left_ms));
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
    if (!rc)
        request_set(r, 200, desktop_json(&row));
    return rc;
}

void api_desktop_get(struct request *r)
{
    request_run(r, STORE_READ, get_job, NULL);
}

/* --- orders to vmpool ---------------------------------------------------------------------------- */

struct desktop_order {
    const char *verb;
    const char *words;         /* "was ordered to be ..." */
    bool only_without_session; /* it would end somebody's work without that being said */
};

static int order_job(struct db *db, struct request *r)
{
    const struct desktop_order *order = r->input;
    struct desktop_row row;
    int rc = get_desktop(db, r, &row);
    if (rc)
        return rc;
    if (row.kind == POOL_STATIC) {
        problem_set(r, PROBLEM_CONFLICT,
                    "Desktop %s is a place on machine %s, which Carrel neither starts nor stops.", row.name,
                    row.machine);
        return CE_CONFLICT;
    }
    if (order->only_without_session && row.session_id[0]) {
        problem_set(r, PROBLEM_CONFLICT, "Session %s of %s is on desktop %s; log it off first.",
                    row.session_id, row.session_user, row.name);
        return CE_CONFLICT;
    }
    if (!strcmp(order->verb, "desktop-release") && row.state != DESKTOP_MAINTENANCE) {
        problem_set(r, PROBLEM_CONFLICT, "Desktop %s is not in maintenance but %s.", row.name,
                    desktop_state_name(row.state));
        return CE_CONFLICT;
    }
    struct order_row ordered = {.target = "vmpool"};
    snprintf(ordered.verb, sizeof ordered.verb, "%s", order->verb);
    snprintf(ordered.object, sizeof ordered.object, "%s", row.id);
    rc = store_order_insert(db, &ordered);
    if (!rc)
        rc = audit_admin(db, r, "desktop.ordered", row.id, "Desktop %s was ordered to %s", row.name,
                         order->words);
    request_set(r, 202, json_pack("{s:I}", "order", (json_int_t)ordered.number));
    return rc;
}

static void order(struct request *r, struct desktop_order order)
{
    struct desktop_order *input = request_input(r, sizeof *input);
    if (!input)
        return;
    *input = order;
    request_run(r, STORE_WRITE, order_job, NULL);
}

void api_desktop_recycle(struct request *r)
{
    order(r, (struct desktop_order){"desktop-recycle", "be recycled", true});
}

void api_desktop_restart(struct request *r)
{
    order(r, (struct desktop_order){"desktop-restart", "be restarted", false});
}

void api_desktop_maintenance(struct request *r)
{
    order(r, (struct desktop_order){"desktop-maintenance", "go into maintenance", true});
}

void api_desktop_release(struct request *r)
{
    order(r, (struct desktop_order){"desktop-release", "come out of maintenance", false});
}
