#include <stdlib.h>

#include "api_handlers.h"
#include "api_problem.h"

static json_t *order_json(const struct order_row *row)
{
    return json_pack("{s:I, s:s, s:s, s:s, s:s, s:o, s:o}", "number", (json_int_t)row->number, "target",
                     row->target, "verb", row->verb, "object", row->object, "state",
                     order_state_name(row->state), "reason", api_json_text(row->reason), "created",
                     api_json_time(row->created_ms));
}

static int get_job(struct db *db, struct request *r)
{
    struct order_row row;
    int rc = store_order_get(db, *(const int64_t *)r->input, &row);
    if (rc)
        return problem_set_rc(r, db, rc, "There is no order %s.", r->params[0]);
    request_set(r, 200, order_json(&row));
    return 0;
}

void api_order_get(struct request *r)
{
    int64_t *number = request_input(r, sizeof *number);
    if (!number)
        return;
    char *end;
    *number = strtoll(r->params[0], &end, 10);
    if (*end || *number < 1)
        problem_answer(r, PROBLEM_BAD_REQUEST, "An order has a number.");
    else
        request_run(r, STORE_READ, get_job, NULL);
}
