#include "api_handlers.h"
#include "api_problem.h"
#include "audit.h"

static json_t *gateway_json(const struct gateway_row *row)
{
    return json_pack("{s:s, s:b, s:b, s:I, s:o, s:s, s:o, s:I, s:o, s:o}", "name", row->name, "up", row->up,
                     "draining", row->draining, "processes", (json_int_t)row->processes, "address",
                     api_json_text(row->address), "fingerprint", row->fingerprint, "version",
                     api_json_text(row->version), "sessions", (json_int_t)row->sessions, "started",
                     api_json_time(row->started_ms), "seen", api_json_time(row->seen_ms));
}

static int add_gateway(void *arg, const struct gateway_row *row)
{
    return json_array_append_new(arg, gateway_json(row)) ? CE_NOMEM : 0;
}

static int list_job(struct db *db, struct request *r)
{
    json_t *items = json_array();
    int rc = store_gateway_list(db, add_gateway, items);
    request_set_items(r, items);
    return rc;
}

void api_gateways_list(struct request *r)
{
    request_run(r, STORE_READ, list_job, NULL);
}

static int get_job(struct db *db, struct request *r)
{
    struct gateway_row row;
    int rc = store_gateway_get(db, r->params[0], &row);
    if (rc)
        return problem_set_rc(r, db, rc, "There is no gateway \"%s\".", r->params[0]);
    request_set(r, 200, gateway_json(&row));
    return 0;
}

void api_gateway_get(struct request *r)
{
    request_run(r, STORE_READ, get_job, NULL);
}

/* The gateway hears of it with its next heartbeat: it takes nobody in, and its sessions go on. */
static int set_draining(struct db *db, struct request *r, bool draining)
{
    struct gateway_row row;
    int rc = store_gateway_get(db, r->params[0], &row);
    if (rc)
        return problem_set_rc(r, db, rc, "There is no gateway \"%s\".", r->params[0]);
    rc = store_gateway_set_draining(db, row.name, draining);
    if (!rc && draining != row.draining)
        rc = audit_admin(db, r, draining ? "gateway.draining" : "gateway.undrained", "",
                         "Gateway %s was told to %s", row.name,
                         draining ? "take nobody in" : "take connections in again");
    row.draining = draining;
    request_set(r, 200, gateway_json(&row));
    return rc;
}

static int drain_job(struct db *db, struct request *r)
{
    return set_draining(db, r, true);
}

static int undrain_job(struct db *db, struct request *r)
{
    return set_draining(db, r, false);
}

void api_gateway_drain(struct request *r)
{
    request_run(r, STORE_WRITE, drain_job, NULL);
}

void api_gateway_undrain(struct request *r)
{
    request_run(r, STORE_WRITE, undrain_job, NULL);
}
