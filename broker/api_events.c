#include <stdlib.h>

#include "api_handlers.h"
#include "api_problem.h"
#include "api_request.h"
#include "log.h"

#define LIST_DEFAULT 200
#define LIST_MAX 10000
#define STREAM_BATCH 256    /* events read from the store at once */
#define KEEP_ALIVE_MS 15000 /* an empty line when nothing happened */
#define STREAMS_MAX 64      /* more are refused: each holds a connection for ever */

struct events_input {
    int64_t after;
    uint32_t limit;
    bool newest;   /* no AFTER was given: the last LIMIT ones; streams begin with what comes */
    bool read_all; /* the last batch was the end */
    bool look;     /* new events may be there */
    json_t *batch;
    uint64_t keep_alive_at_ms;
};

static json_t *event_json(const struct event_row *row)
{
    return json_pack("{s:I, s:o, s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "number", (json_int_t)row->number, "at",
                     api_json_time(row->at_ms), "kind", row->kind, "object", row->object, "session",
                     row->session_id, "user", api_json_text(row->user), "pool", api_json_text(row->pool),
                     "desktop", api_json_text(row->desktop), "text", api_json_text(row->text));
}

static int add_event(void *arg, const struct event_row *row)
{
    return json_array_append_new(arg, event_json(row)) ? CE_NOMEM : 0;
}

static int list_job(struct db *db, struct request *r)
{
    const struct events_input *input = r->input;
    json_t *items = json_array();
    int64_t after = input->after, last = 0;
    int rc = input->newest ? store_event_last(db, &last) : 0;
    if (last > input->limit)
        after = last - input->limit;
    if (!rc)
        rc = store_event_list(db, after, input->limit, add_event, items);
    request_set_items(r, items);
    return rc;
}

/* --- the stream -------------------------------------------------------------------------------------- */

/* While the client has taken everything the request stands still; a wake-up, or the end of its bytes, starts
 * a job that collects the next batch. The request stays until that job is done (stream.busy). */
static int batch_job(struct db *db, void *arg)
{
    struct request *r = arg;
    struct events_input *input = r->input;
    json_decref(input->batch);
    input->batch = json_array();
    if (input->newest)
        return store_event_last(db, &input->after);
    return store_event_list(db, input->after, STREAM_BATCH, add_event, input->batch);
}

static void stream_look(struct request *r);

static void batch_done(void *arg, int rc)
{
    struct request *r = arg;
    struct events_input *input = r->input;
    json_t *batch = input->batch;
    input->batch = NULL;
    r->stream.busy = false;
    if (rc)
        log_warning("An event stream ends: %s.", error_name(rc));
    if (rc || r->gone || r->stream.ended) {
        json_decref(batch);
        request_stream_end(r);
        return;
    }
    input->newest = false;
    size_t count = json_array_size(batch);
    input->read_all = count < STREAM_BATCH;
    for (size_t i = 0; i < count; i++) {
        const json_t *event = json_array_get(batch, i);
        size_t len;
        char *line = api_json_encode(event, &len);
        if (!line || !request_stream_write(r, line, len)) {
            request_stream_end(r);
            break;
        }
        input->after = json_integer_value(json_object_get(event, "number"));
    }
    json_decref(batch);
    if (!count && input->look)
        stream_look(r);
}

static void stream_look(struct request *r)
{
    struct events_input *input = r->input;
    if (r->stream.busy || r->stream.ended || r->gone)
        return;
    input->look = false;
    r->stream.busy = true;
    if (store_submit(r->broker->store, STORE_READ, batch_job, batch_done, r)) {
        r->stream.busy = false;
        request_stream_end(r);
    }
}

/* Called when the client has taken everything and the request is about to stand still. */
static void stream_drained(struct request *r)
{
    const struct events_input *input = r->input;
    if (input->look || !input->read_all)
        stream_look(r);
}

void api_events_woken(struct broker *broker)
{
    list_for_each (pos, &broker->streams) {
        struct request *r = list_entry(pos, struct request, park.entry);
        struct events_input *input = r->input;
        input->look = true;
        /* One that is still sending looks when it is done. */
        if (r->suspended)
            stream_look(r);
    }
}

void api_events_keep_alive(struct broker *broker)
{
    uint64_t now_ms = uv_now(broker->loop);
    list_for_each (pos, &broker->streams) {
        struct request *r = list_entry(pos, struct request, park.entry);
        struct events_input *input = r->input;
        if (now_ms < input->keep_alive_at_ms || r->stream.busy)
            continue;
        input->keep_alive_at_ms = now_ms + KEEP_ALIVE_MS;
        size_t len = 0;
        char *line = r->suspended ? api_json_line(&len) : NULL;
        if (line && !request_stream_write(r, line, len))
            request_stream_end(r);
    }
}

static void stream_begin(struct request *r, struct events_input *input)
{
    size_t count = 0;
    list_for_each (pos, &r->broker->streams)
        count++;
    if (count >= STREAMS_MAX) {
        problem_answer(r, PROBLEM_UNAVAILABLE, "There are %d event streams already.", STREAMS_MAX);
        return;
    }
    input->look = true;
    input->keep_alive_at_ms = uv_now(r->broker->loop) + KEEP_ALIVE_MS;
    list_append(&r->broker->streams, &r->park.entry);
    request_stream_begin(r, stream_drained);
}

void api_events_list(struct request *r)
{
    struct events_input *input = request_input(r, sizeof *input);
    uint64_t after, limit, follow;
    if (!input || !request_query_number(r, "after", 0, INT64_MAX, &after) ||
        !request_query_number(r, "limit", LIST_DEFAULT, LIST_MAX, &limit) ||
        !request_query_number(r, "follow", 0, 1, &follow))
        return;
    input->after = (int64_t)after;
    input->newest = !request_query(r, "after");
    input->limit = limit ? (uint32_t)limit : LIST_MAX;
    if (follow && !r->head_only)
        stream_begin(r, input);
    else
        request_run(r, STORE_READ, list_job, NULL);
}
