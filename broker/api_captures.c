/* What was taken from guests to be looked at: logs of the serial port, pictures of the screen; and where a desktop's
 * console is. */
#include <stdlib.h>
#include <string.h>

#include <carrel/store_upkeep.h>

#include "api_desktop_order.h"
#include "api_handlers.h"
#include "api_problem.h"
#include "audit.h"
#include "base64.h"

#define WORDS_LINES 10
#define WORDS_BYTES 2000
#define FAILURES_LISTED 100

/* The bytes as text: vmpool has cleaned them, and JSON takes no others. */
static json_t *text_of(const char *bytes, size_t len)
{
    char *copy = calloc(1, len + 1);
    if (!copy)
        return NULL;
    memcpy(copy, bytes, len);
    json_t *text = api_json_text(copy);
    free(copy);
    return text;
}

json_t *api_last_words(const struct capture_row *row)
{
    const char *bytes = row->bytes;
    size_t len = row->len, lines = 0;
    while (len && bytes[len - 1] == '\n')
        len--;
    size_t from = len;
    while (from && len - from < WORDS_BYTES) {
        if (bytes[from - 1] == '\n' && ++lines == WORDS_LINES)
            break;
        from--;
    }
    while (from < len && ((unsigned char)bytes[from] & 0xc0) == 0x80)
        from++; /* not in the middle of a character */
    return text_of(bytes + from, len - from);
}

static int add_words(void *arg, const struct capture_row *row)
{
    return json_object_set_new(arg, "last_words", api_last_words(row)) ? CE_NOMEM : 0;
}

int api_add_last_words(struct db *db, const char *desktop_id, json_t *desktop)
{
    return store_capture_list(db, CAPTURE_FAILURE, "", desktop_id, 1, add_words, desktop);
}

static json_t *failure_json(const struct capture_row *row)
{
    return json_pack("{s:I, s:s, s:o, s:o, s:o, s:b, s:I}", "number", (json_int_t)row->number, "desktop",
                     row->desktop, "at", api_json_time(row->at_ms), "reason", api_json_text(row->reason),
                     "last_words", api_last_words(row), "cut", row->cut, "bytes", (json_int_t)row->len);
}

static int set_failure(void *arg, const struct capture_row *row)
{
    return json_object_set_new(arg, "last_failure", failure_json(row)) ? CE_NOMEM : 0;
}

int api_add_last_failure(struct db *db, const char *pool_id, json_t *pool)
{
    return store_capture_list(db, CAPTURE_FAILURE, pool_id, "", 1, set_failure, pool);
}

static int add_failure(void *arg, const struct capture_row *row)
{
    return json_array_append_new(arg, failure_json(row)) ? CE_NOMEM : 0;
}

static int failures_job(struct db *db, struct request *r)
{
    struct pool_row pool;
    int rc = store_pool_get(db, r->params[0], &pool);
    if (rc)
        return problem_set_rc(r, db, rc, "There is no pool \"%s\".", r->params[0]);
    json_t *items = json_array();
    rc = store_capture_list(db, CAPTURE_FAILURE, pool.id, "", FAILURES_LISTED, add_failure, items);
    request_set_items(r, items);
    return rc;
}

void api_pool_failures(struct request *r)
{
    request_run(r, STORE_READ, failures_job, NULL);
}

/* --- the serial log ------------------------------------------------------------------------------- */

struct newest {
    int64_t at_ms;
    json_t *json;
};

static int take_log(void *arg, const struct capture_row *row)
{
    struct newest *newest = arg;
    if (newest->json && row->at_ms < newest->at_ms)
        return 0;
    json_decref(newest->json);
    newest->at_ms = row->at_ms;
    newest->json =
        json_pack("{s:s, s:b, s:o, s:o, s:b, s:o}", "desktop", row->desktop, "failed",
                  row->kind == CAPTURE_FAILURE, "at", api_json_time(row->at_ms), "reason",
                  api_json_text(row->reason), "cut", row->cut, "text", text_of(row->bytes, row->len));
    return newest->json ? 0 : CE_NOMEM;
}

/* By name also those of desktops that are gone: their names come again. */
static int log_job(struct db *db, struct request *r)
{
    struct newest newest = {0};
    int rc = store_capture_list(db, CAPTURE_FAILURE, "", r->params[0], 1, take_log, &newest);
    if (!rc)
        rc = store_capture_list(db, CAPTURE_LOG, "", r->params[0], 1, take_log, &newest);
    if (rc) {
        json_decref(newest.json);
        return rc;
    }
    if (newest.json)
        request_set(r, 200, newest.json);
    else
        problem_set(r, PROBLEM_NOT_FOUND, "No log of a desktop \"%s\" is kept.", r->params[0]);
    return 0;
}

void api_desktop_log_get(struct request *r)
{
    request_run(r, STORE_READ, log_job, NULL);
}

void api_desktop_log(struct request *r)
{
    api_desktop_order(r, &(struct desktop_order){.verb = "desktop-log", .words = "have its log read"});
}

/* --- the screen ----------------------------------------------------------------------------------- */

static int take_picture(void *arg, const struct capture_row *row)
{
    char *text = malloc(BASE64_SIZE(row->len));
    if (!text)
        return CE_NOMEM;
    base64_encode(row->bytes, row->len, text);
    *(json_t **)arg =
        json_pack("{s:s, s:o, s:s}", "desktop", row->desktop, "at", api_json_time(row->at_ms), "png", text);
    free(text);
    return *(json_t **)arg ? 0 : CE_NOMEM;
}

static int screenshot_job(struct db *db, struct request *r)
{
    json_t *json = NULL;
    int rc = store_capture_list(db, CAPTURE_SCREENSHOT, "", r->params[0], 1, take_picture, &json);
    if (!rc && json)
        request_set(r, 200, json);
    else if (!rc)
        problem_set(r, PROBLEM_NOT_FOUND, "No picture of a desktop \"%s\" is kept.", r->params[0]);
    return rc;
}

void api_desktop_screenshot_get(struct request *r)
{
    request_run(r, STORE_READ, screenshot_job, NULL);
}

void api_desktop_screenshot(struct request *r)
{
    api_desktop_order(r, &(struct desktop_order){.verb = "desktop-screenshot",
                                                 .words = "have a picture taken of its screen"});
}

/* --- the console ---------------------------------------------------------------------------------- */

static int console_job(struct db *db, struct request *r)
{
    struct desktop_row row;
    struct host_row host;
    int rc = api_desktop_find(db, r, &row);
    if (rc)
        return rc;
    if (!row.host_id[0] || row.state == DESKTOP_CLONING || row.state == DESKTOP_STOPPED ||
        row.state == DESKTOP_FAILED) {
        problem_set(r, PROBLEM_CONFLICT, "Desktop %s is %s: it has no console now.", row.name,
                    desktop_state_name(row.state));
        return CE_CONFLICT;
    }
    rc = store_host_get(db, row.host_id, &host);
    if (!rc)
        rc = audit_admin(db, r, "desktop.console", row.id, "The console of desktop %s was asked for",
                         row.name);
    if (!rc)
        request_set(r, 200,
                    json_pack("{s:s, s:s, s:s, s:s}", "desktop", row.name, "host", host.name, "uri", host.uri,
                              "domain", row.uuid));
    return rc;
}

void api_desktop_console(struct request *r)
{
    request_run(r, STORE_WRITE, console_job, NULL);
}
