#include <string.h>

#include "api_handlers.h"
#include "api_problem.h"
#include "carrel_build.h"
#include "openapi_document.h"

void api_healthz(struct request *r)
{
    request_answer(r, 200, json_pack("{s:s}", "status", "ok"));
}

static int ready_job(struct db *db, struct request *r)
{
    int64_t last;
    request_set(r, 200, json_pack("{s:s}", "status", "ok"));
    return store_event_last(db, &last);
}

void api_readyz(struct request *r)
{
    request_run(r, STORE_READ, ready_job, NULL);
}

void api_openapi(struct request *r)
{
    request_set(r, 200, NULL);
    r->answer.status = 200;
    r->answer.text = openapi_document;
    request_send(r);
}

/* --- GET /v1/status ------------------------------------------------------------------------------ */

struct standing {
    json_int_t up, down, draining; /* draining: of those that are up */
};

struct counts {
    json_int_t users, pools, images;
    struct standing hosts, gateways;
    json_int_t desktops[DESKTOP_STATE_COUNT], sessions[SESSION_ENDED + 1];
};

static int count_user(void *arg, const struct user_row *row)
{
    ((struct counts *)arg)->users++;
    return 0;
}

static int count_pool(void *arg, const struct pool_row *row)
{
    ((struct counts *)arg)->pools++;
    return 0;
}

static int count_image(void *arg, const struct image_row *row)
{
    ((struct counts *)arg)->images++;
    return 0;
}

static void count_one(struct standing *standing, bool up, bool draining)
{
    standing->up += up;
    standing->down += !up;
    standing->draining += up && draining;
}

static json_t *standing_json(const struct standing *standing)
{
    return json_pack("{s:I, s:I, s:I}", "up", standing->up, "down", standing->down, "draining",
                     standing->draining);
}

static int count_host(void *arg, const struct host_row *row)
{
    struct counts *counts = arg;
    count_one(&counts->hosts, row->state == HOST_UP, row->mode != HOST_ACTIVE);
    return 0;
}

static int count_desktop(void *arg, const struct desktop_row *row)
{
    ((struct counts *)arg)->desktops[row->state]++;
    return 0;
}

static int count_session(void *arg, const struct session_row *row)
{
    ((struct counts *)arg)->sessions[row->state]++;
    return 0;
}

static int count_gateway(void *arg, const struct gateway_row *row)
{
    struct counts *counts = arg;
    count_one(&counts->gateways, row->up, row->draining);
    return 0;
}

static int count_all(struct db *db, struct counts *counts)
{
    struct desktop_filter desktops = {.state = -1};
    struct session_filter sessions = {.state = -1};
    int rc = store_user_list(db, count_user, counts);
    if (!rc)
        rc = store_pool_list(db, count_pool, counts);
    if (!rc)
        rc = store_image_list(db, count_image, counts);
    if (!rc)
        rc = store_host_list(db, count_host, counts);
    if (!rc)
        rc = store_desktop_list(db, &desktops, count_desktop, counts);
    if (!rc)
        rc = store_session_list(db, &sessions, count_session, counts);
    if (!rc)
        rc = store_gateway_list(db, count_gateway, counts);
    return rc;
}

static int status_job(struct db *db, struct request *r)
{
    struct counts counts = {0};
    int rc = count_all(db, &counts);
    json_t *desktops = json_object(), *sessions = json_object();
    for (int i = 0; i < DESKTOP_STATE_COUNT; i++)
        (void)json_object_set_new(desktops, desktop_state_name((enum desktop_state)i),
                                  json_integer(counts.desktops[i]));
    for (int i = 0; i < SESSION_ENDED; i++)
        (void)json_object_set_new(sessions, session_state_name((enum session_state)i),
                                  json_integer(counts.sessions[i]));
    request_set(r, 200,
                json_pack("{s:s, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:s}", "version", CARREL_VERSION,
                          "uptime_s", (json_int_t)((store_now_ms() - r->broker->started_ms) / 1000), "users",
                          counts.users, "pools", counts.pools, "images", counts.images, "hosts",
                          standing_json(&counts.hosts), "desktops", desktops, "sessions", sessions,
                          "gateways", standing_json(&counts.gateways), "store", "ok"));
    return rc;
}

void api_status(struct request *r)
{
    request_run(r, STORE_READ, status_job, NULL);
}
