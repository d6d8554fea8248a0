#include "api_handlers.h"
#include "api_problem.h"

static json_t *gateway_json(const struct gateway_row *row)
{
    return json_pack("{s:s, s:b, s:o, s:s, s:o, s:I, s:o, s:o}", "name", row->name, "up", row->up, "address",
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
