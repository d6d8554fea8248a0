#include "api_problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    unsigned status;
    const char *code;
    const char *title;
} problems[PROBLEM_COUNT] = {
    [PROBLEM_BAD_REQUEST] = {400, "bad-request", "Bad request"},
    [PROBLEM_FORBIDDEN] = {403, "forbidden", "Forbidden"},
    [PROBLEM_NOT_FOUND] = {404, "not-found", "Not found"},
    [PROBLEM_METHOD_NOT_ALLOWED] = {405, "method-not-allowed", "Method not allowed"},
    [PROBLEM_EXISTS] = {409, "exists", "Exists already"},
    [PROBLEM_CONFLICT] = {409, "conflict", "Conflict"},
    [PROBLEM_GONE] = {410, "gone", "Gone"},
    [PROBLEM_TOO_LARGE] = {413, "too-large", "Too large"},
    [PROBLEM_MEDIA_TYPE] = {415, "bad-request", "Unsupported media type"},
    [PROBLEM_UNAVAILABLE] = {503, "unavailable", "Unavailable"},
    [PROBLEM_INTERNAL] = {500, "internal", "Internal error"},
};

#define UNAVAILABLE_RETRY_S 2

const char *problem_code(enum api_problem problem)
{
    return problems[problem].code;
}

static void set_problem(struct request *r, unsigned status, const char *title, const char *code,
                        const char *session, const char *detail)
{
    json_t *json = json_pack("{s:s, s:s, s:i, s:o, s:s}", "type", "about:blank", "title", title, "status",
                             (int)status, "detail", api_json_text(detail), "code", code);
    if (json && session[0])
        (void)json_object_set_new(json, "session", json_string(session));
    request_set(r, status, json);
    r->answer.is_problem = true;
}

void problem_set(struct request *r, enum api_problem problem, const char *fmt, ...)
{
    char detail[600];
    va_list args;
    va_start(args, fmt);
    vsnprintf(detail, sizeof detail, fmt, args);
    va_end(args);
    set_problem(r, problems[problem].status, problems[problem].title, problems[problem].code, "", detail);
    r->answer.retry_after_s = problem == PROBLEM_UNAVAILABLE ? UNAVAILABLE_RETRY_S : 0;
}

void problem_answer(struct request *r, enum api_problem problem, const char *fmt, ...)
{
    char detail[600];
    va_list args;
    va_start(args, fmt);
    vsnprintf(detail, sizeof detail, fmt, args);
    va_end(args);
    problem_set(r, problem, "%s", detail);
    request_send(r);
}

void problem_set_fail(struct request *r, enum fail fail, const char *session, const char *detail)
{
    char text[600];
    snprintf(text, sizeof text, "%s%s%s", fail_sentence(fail), detail ? " " : "", detail ? detail : "");
    unsigned status = fail_http_status(fail);
    /* Codes that end a session well have no refusal's status of their own. */
    if (status < 400)
        status = 410;
    set_problem(r, status, "Refused", fail_code(fail), session, text);
}

static enum api_problem problem_of(int rc)
{
    switch (rc) {
    case CE_NOT_FOUND:
        return PROBLEM_NOT_FOUND;
    case CE_EXISTS:
        return PROBLEM_EXISTS;
    case CE_CONFLICT:
    case CE_REFUSED:
    case CE_LIMIT:
        return PROBLEM_CONFLICT;
    case CE_BAD_INPUT:
        return PROBLEM_BAD_REQUEST;
    case CE_UNREACHABLE:
    case CE_NO_SPACE:
    case CE_BUSY:
    case CE_TIMEOUT:
    case CE_CANCELLED:
        return PROBLEM_UNAVAILABLE;
    default:
        return PROBLEM_INTERNAL;
    }
}

int problem_set_rc(struct request *r, struct db *db, int rc, const char *fmt, ...)
{
    char detail[400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(detail, sizeof detail, fmt, args);
    va_end(args);
    enum api_problem problem = problem_of(rc);
    if (problem == PROBLEM_UNAVAILABLE || problem == PROBLEM_INTERNAL) {
        problem_set_error(r, rc);
        return rc;
    }
    const char *reason = rc == CE_CONFLICT || rc == CE_LIMIT ? store_error(db) : NULL;
    size_t len = strlen(detail);
    if (reason && reason[0])
        problem_set(r, problem, "%.*s: %s.", (int)(len - (len && detail[len - 1] == '.')), detail, reason);
    else
        problem_set(r, problem, "%s", detail);
    return rc;
}

void problem_set_error(struct request *r, int rc)
{
    enum api_problem problem = problem_of(rc);
    const char *text = "Something went wrong inside. The broker's log has the reason.";
    if (rc == CE_NO_SPACE)
        text = "The store's disk is full, so nothing was changed.";
    else if (rc == CE_CANCELLED)
        text = "The broker is being stopped, so nothing was changed.";
    else if (problem == PROBLEM_UNAVAILABLE)
        text = "The store does not answer, so nothing was changed. Try again.";
    else if (problem == PROBLEM_NOT_FOUND)
        text = "There is no such object.";
    else if (problem == PROBLEM_EXISTS)
        text = "That name is taken.";
    else if (problem == PROBLEM_CONFLICT)
        text = "The object's state does not allow this now.";
    problem_set(r, problem, "%s", text);
}
