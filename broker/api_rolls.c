/* A pool on its way to another version of its image: ordered, looked at, paused, taken back. */
#include <string.h>

#include "api_handlers.h"
#include "api_problem.h"
#include "audit.h"

#define ROLL_UNAVAILABLE_USUAL 25
#define ROLL_FAILURES_USUAL 3
#define ROLL_FORCE_MAX_S (30u * 86400)

json_t *api_roll_json(const struct roll_row *row, const struct roll_progress *progress)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:b, s:I, s:o, s:I, s:b, s:I, s:I, s:o, s:o, s:o, s:I, s:I, s:I}",
                     "pool", row->pool, "from", row->from, "to", row->to, "phase",
                     roll_phase_name(row->phase), "paused", row->paused, "max_unavailable",
                     (json_int_t)row->max_unavailable, "at", api_json_time(row->at_ms), "force_after_s",
                     (json_int_t)(row->force_after_ms / 1000), "warned", row->warned, "failures",
                     (json_int_t)row->failures, "failure_limit", (json_int_t)row->failure_limit, "reason",
                     api_json_text(row->reason), "begun", api_json_time(row->begun_ms), "changed",
                     api_json_time(row->changed_ms), "desktops", (json_int_t)progress->desktops, "renewed",
                     (json_int_t)progress->renewed, "old_in_use", (json_int_t)progress->old_in_use);
}

static int get_pool(struct db *db, struct request *r, struct pool_row *ret)
{
    int rc = store_pool_get(db, r->params[0], ret);
    return rc ? problem_set_rc(r, db, rc, "There is no pool \"%s\".", r->params[0]) : 0;
}

static int answer_roll(struct db *db, struct request *r, const struct pool_row *pool, unsigned status)
{
    struct roll_row roll;
    struct roll_progress progress = {0};
    int rc = store_roll_get(db, pool->id, &roll);
    if (rc)
        return problem_set_rc(r, db, rc, "Pool \"%s\" was never rolled to another image.", pool->name);
    rc = store_roll_count(db, &roll, &progress);
    if (!rc)
        request_set(r, status, api_roll_json(&roll, &progress));
    return rc;
}

static int get_job(struct db *db, struct request *r)
{
    struct pool_row pool;
    int rc = get_pool(db, r, &pool);
    return rc ? rc : answer_roll(db, r, &pool, 200);
}

void api_roll_get(struct request *r)
{
    request_run(r, STORE_READ, get_job, NULL);
}

/* --- a new one ----------------------------------------------------------------------------------- */

static void read_time(struct api_reader *reader, int64_t *ret_ms)
{
    char text[64];
    if (api_reader_text(reader, "at", API_OPTIONAL, text, sizeof text) && api_json_time_parse(text, ret_ms))
        api_reader_refuse(reader, "The member \"at\" must be a time in UTC, such as 2025-01-01T22:00:00Z.");
}

static int read_roll(struct request *r, char *image, size_t size, struct roll_row *roll)
{
    struct api_reader reader;
    uint32_t force_s = 0;
    api_reader_init(&reader, r->body, "");
    api_reader_text(&reader, "image", API_REQUIRED, image, size);
    api_reader_u32(&reader, "max_unavailable", API_OPTIONAL, 1, 100, &roll->max_unavailable);
    read_time(&reader, &roll->at_ms);
    api_reader_u32(&reader, "force_after_s", API_OPTIONAL, 0, ROLL_FORCE_MAX_S, &force_s);
    api_reader_u32(&reader, "failure_limit", API_OPTIONAL, 1, 1000, &roll->failure_limit);
    api_reader_flag(&reader, "discard", API_OPTIONAL, &roll->discard);
    roll->force_after_ms = (int64_t)force_s * 1000;
    int rc = api_reader_finish(&reader);
    if (rc)
        problem_set(r, PROBLEM_BAD_REQUEST, "%s", reader.err.text);
    return rc;
}

static int begin_job(struct db *db, struct request *r)
{
    struct pool_row pool;
    struct image_row image;
    char key[NAME_SIZE + 12];
    struct roll_row roll = {.max_unavailable = ROLL_UNAVAILABLE_USUAL, .failure_limit = ROLL_FAILURES_USUAL};
    int rc = get_pool(db, r, &pool);
    if (!rc)
        rc = read_roll(r, key, sizeof key, &roll);
    if (rc)
        return rc;
    rc = store_image_get(db, key, &image);
    if (rc)
        return problem_set_rc(r, db, rc, "There is no image \"%s\".", key);
    memcpy(roll.pool_id, pool.id, sizeof roll.pool_id);
    memcpy(roll.to_image_id, image.id, sizeof roll.to_image_id);
    rc = store_roll_begin(db, &roll);
    if (rc)
        return problem_set_rc(r, db, rc, "Pool %s cannot be rolled now.", pool.name);
    rc = audit_admin(db, r, "pool.roll", pool.id, "Pool %s is to be rolled to image %s@%u", pool.name,
                     image.name, image.version);
    return rc ? rc : answer_roll(db, r, &pool, 202);
}

void api_roll_begin(struct request *r)
{
    request_run(r, STORE_WRITE, begin_job, NULL);
}

/* --- pause, resume, back ------------------------------------------------------------------------- */

static int roll_pause(struct db *db, const char *pool_id, bool discard)
{
    return store_roll_pause(db, pool_id);
}

static int roll_resume(struct db *db, const char *pool_id, bool discard)
{
    return store_roll_resume(db, pool_id);
}

static const struct {
    const char *name;
    int (*run)(struct db *db, const char *pool_id, bool discard);
} actions[] = {{"pause", roll_pause}, {"resume", roll_resume}, {"back", store_roll_back}};

static int action_parse(const char *name)
{
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (!strcmp(actions[i].name, name))
            return (int)i;
    }
    return -1;
}

static int change_job(struct db *db, struct request *r)
{
    struct pool_row pool;
    struct api_reader reader;
    int action = 0;
    bool discard = false;
    int rc = get_pool(db, r, &pool);
    if (rc)
        return rc;
    api_reader_init(&reader, r->body, "");
    api_reader_choice(&reader, "action", API_REQUIRED, action_parse, "pause, resume, back", &action);
    api_reader_flag(&reader, "discard", API_OPTIONAL, &discard);
    rc = api_reader_finish(&reader);
    if (rc) {
        problem_set(r, PROBLEM_BAD_REQUEST, "%s", reader.err.text);
        return rc;
    }
    rc = actions[action].run(db, pool.id, discard);
    if (rc == CE_NOT_FOUND)
        return problem_set_rc(r, db, rc, "Pool \"%s\" was never rolled to another image.", pool.name);
    if (rc)
        return problem_set_rc(r, db, rc, "The roll of pool %s cannot be changed so.", pool.name);
    rc = audit_admin(db, r, "pool.roll-changed", pool.id, "The roll of pool %s was told: %s", pool.name,
                     actions[action].name);
    return rc ? rc : answer_roll(db, r, &pool, 200);
}

void api_roll_change(struct request *r)
{
    request_run(r, STORE_WRITE, change_job, NULL);
}
