/* Refusals of the API: application/problem+json (RFC 9457) with a sentence that helps and one word for
 * programs. Set like any other answer, on either thread.
 */
#ifndef CARREL_BROKER_API_PROBLEM_H
#define CARREL_BROKER_API_PROBLEM_H

#include <carrel/fail.h>

#include "api_request.h"

/* The words for programs that are not fail codes. */
enum api_problem {
    PROBLEM_BAD_REQUEST,
    PROBLEM_FORBIDDEN,
    PROBLEM_NOT_FOUND,
    PROBLEM_METHOD_NOT_ALLOWED,
    PROBLEM_EXISTS,
    PROBLEM_CONFLICT,
    PROBLEM_GONE,
    PROBLEM_TOO_LARGE,
    PROBLEM_MEDIA_TYPE,
    PROBLEM_UNAVAILABLE,
    PROBLEM_INTERNAL,
    PROBLEM_COUNT,
};

void problem_set(struct request *r, enum api_problem problem, const char *fmt, ...) PRINTF_LIKE(3, 4);
void problem_answer(struct request *r, enum api_problem problem, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* A log-in or a session was refused: the code's own sentence, and DETAIL (may be NULL) behind it. SESSION
 * may be "". */
void problem_set_fail(struct request *r, enum fail fail, const char *session, const char *detail);

/* In a job: sets the problem that fits RC and returns RC, so that `return problem_set_rc(...)` reads well.
 * WHAT is a whole sentence; store_error() is added where it has words. */
int problem_set_rc(struct request *r, struct db *db, int rc, const char *fmt, ...) PRINTF_LIKE(4, 5);

/* The answer for an error that nobody had a sentence for. */
void problem_set_error(struct request *r, int rc);

const char *problem_code(enum api_problem problem);

#endif
