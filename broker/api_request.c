#include "api_request.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api_problem.h"
#include "api_server.h"
#include "log.h"
#include "secret.h"

static const struct {
    const char *name;
    unsigned next;
} states[REQUEST_STATE_COUNT] = {
#define TO(state) (1u << REQUEST_##state)
    [REQUEST_READING] = {"reading", TO(RUNNING) | TO(ANSWERED)},
    [REQUEST_RUNNING] = {"running", TO(PARKED) | TO(ANSWERED) | TO(STREAMING)},
    [REQUEST_PARKED] = {"parked", TO(RUNNING) | TO(ANSWERED)},
    [REQUEST_ANSWERED] = {"answered", TO(SENDING)},
    [REQUEST_SENDING] = {"sending", 0},
    [REQUEST_STREAMING] = {"streaming", 0},
#undef TO
};

/* The only writer of the state. An illegal change would be a bug of ours: it is logged and not made. */
static bool request_set_state(struct request *r, enum request_state state)
{
    if (!(states[r->state].next & 1u << state)) {
        log_error("A request cannot go from %s to %s.", states[r->state].name, states[state].name);
        return false;
    }
    r->state = state;
    return true;
}

bool request_set_sending(struct request *r)
{
    return request_set_state(r, REQUEST_SENDING);
}

bool request_set_running(struct request *r)
{
    return request_set_state(r, REQUEST_RUNNING);
}

void *request_input(struct request *r, size_t size)
{
    if (!r->input) {
        r->input = calloc(1, size);
        r->input_size = r->input ? size : 0;
    }
    if (!r->input)
        problem_answer(r, PROBLEM_UNAVAILABLE, "The broker has no memory for this request now.");
    return r->input;
}

const char *request_query(const struct request *r, const char *name)
{
    for (size_t i = 0; i < r->query_count; i++) {
        if (!strcmp(r->query[i].name, name))
            return r->query[i].value;
    }
    return NULL;
}

bool request_query_number(struct request *r, const char *name, uint64_t standard, uint64_t max, uint64_t *ret)
{
    const char *text = request_query(r, name);
    if (!text) {
        *ret = standard;
        return true;
    }
    uint64_t value = 0;
    size_t n = 0;
    for (; text[n] >= '0' && text[n] <= '9' && n < 19; n++)
        value = value * 10 + (uint64_t)(text[n] - '0');
    if (!n || text[n] || value > max) {
        problem_answer(r, PROBLEM_BAD_REQUEST,
                       "The parameter \"%s\" must be a whole number from 0 to %" PRIu64 ".", name, max);
        return false;
    }
    *ret = value;
    return true;
}

bool request_read_done(struct request *r, struct api_reader *reader)
{
    if (!api_reader_finish(reader))
        return true;
    problem_answer(r, PROBLEM_BAD_REQUEST, "%s", reader->err.text);
    return false;
}

void request_set(struct request *r, unsigned status, json_t *json)
{
    json_decref(r->answer.json);
    r->answer = (struct request_answer){.status = json ? status : 500, .json = json};
}

void request_set_items(struct request *r, json_t *items)
{
    request_set(r, 200, json_pack("{s:o}", "items", items));
}

void request_send(struct request *r)
{
    if (!request_set_state(r, REQUEST_ANSWERED))
        return;
    api_server_resume(r);
}

void request_answer(struct request *r, unsigned status, json_t *json)
{
    request_set(r, status, json);
    request_send(r);
}

static int run_job(struct db *db, void *arg)
{
    struct request *r = arg;
    json_decref(r->answer.json);
    r->answer = (struct request_answer){0};
    r->job_rc = r->job(db, r);
    return r->job_rc;
}

static void job_done(void *arg, int rc)
{
    struct request *r = arg;
    if (rc == 0) {
        if (r->job_done)
            r->job_done(r);
        else
            request_send(r);
        return;
    }
    /* The job's own words count only when its own error undid it: a failed commit has others. */
    if (rc != r->job_rc || !r->answer.is_problem)
        problem_set_error(r, rc);
    if (r->answer.status >= 500)
        log_warning("A request failed: %s.", error_name(rc));
    request_send(r);
}

void request_run(struct request *r, enum store_mode mode, int (*job)(struct db *db, struct request *r),
                 void (*after)(struct request *r))
{
    if (r->state == REQUEST_PARKED && !request_set_running(r))
        return;
    r->job = job;
    r->job_done = after;
    r->job_rc = 0;
    r->park.seen = r->broker->wakes;
    int rc = store_submit(r->broker->store, mode, run_job, job_done, r);
    if (rc)
        problem_answer(r, PROBLEM_UNAVAILABLE, "The broker has too much to do at the moment. Try again.");
}

void request_park(struct request *r, struct list *list, uint64_t wait_ms,
                  void (*woken)(struct request *r, enum request_wake wake))
{
    if (!request_set_state(r, REQUEST_PARKED))
        return;
    if (!r->park.deadline_ms)
        r->park.deadline_ms = uv_now(r->broker->loop) + wait_ms;
    r->park.woken = woken;
    list_append(list, &r->park.entry);
    api_server_watch(r);
}

void request_wake(struct request *r, enum request_wake wake)
{
    if (r->state != REQUEST_PARKED)
        return;
    list_remove(&r->park.entry);
    r->park.woken(r, wake);
}

void request_wake_all(struct list *list, enum request_wake wake)
{
    /* Those that park again stand behind the mark, so each is woken once. */
    struct list mark;
    list_init(&mark);
    list_append(list, &mark);
    while (list->next != &mark)
        request_wake(list_entry(list->next, struct request, park.entry), wake);
    list_remove(&mark);
}

void request_stream_begin(struct request *r, void (*drained)(struct request *r))
{
    if (!request_set_state(r, REQUEST_STREAMING))
        return;
    r->stream.drained = drained;
    api_server_resume(r);
}

bool request_stream_write(struct request *r, char *bytes, size_t len)
{
    size_t left = r->stream.len - r->stream.at;
    char *joined = malloc(left + len);
    if (joined) {
        if (left)
            memcpy(joined, r->stream.bytes + r->stream.at, left);
        memcpy(joined + left, bytes, len);
        free(r->stream.bytes);
        r->stream.bytes = joined;
        r->stream.len = left + len;
        r->stream.at = 0;
    }
    api_json_free(bytes);
    api_server_resume(r);
    return joined != NULL;
}

void request_stream_end(struct request *r)
{
    r->stream.ended = true;
    api_server_resume(r);
}

void request_destroy(struct request **r)
{
    struct request *gone = *r;
    if (!gone)
        return;
    *r = NULL;
    list_remove(&gone->entry);
    list_remove(&gone->park.entry);
    json_decref(gone->body);
    json_decref(gone->answer.json);
    if (gone->raw)
        secret_wipe_bytes(gone->raw, gone->raw_capacity);
    free(gone->raw);
    if (gone->input)
        secret_wipe_bytes(gone->input, gone->input_size);
    free(gone->input);
    free(gone->stream.bytes);
    free(gone);
}
