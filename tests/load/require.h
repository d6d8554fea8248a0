/* A requirement of the command line: "login.p99<500ms", "sessions.lost=0", "gateway.memory_per_session<=40KiB".
 * Pure functions.
 */
#ifndef CARREL_LOAD_REQUIRE_H
#define CARREL_LOAD_REQUIRE_H

#include <stdbool.h>

#include <carrel/error.h>

#include "report.h"

enum require_operator { REQUIRE_LESS, REQUIRE_AT_MOST, REQUIRE_EQUAL, REQUIRE_AT_LEAST, REQUIRE_MORE };

struct require {
    char name[REPORT_NAME_SIZE];
    enum require_operator operation;
    double limit; /* in the unit of the suffix's family: ns, bytes, or as it stands */
    char text[96];
};

/* Suffixes: ns us ms s (of time), B KiB MiB GiB (of size), none. CE_BAD_INPUT. */
int require_parse(struct require *ret, const char *text, struct error *err) MUST_CHECK;

/* CE_NOT_FOUND: the report has no such figure (which a script should hear of). */
int require_holds(const struct require *require, const struct report *report, bool *ret_holds) MUST_CHECK;

#endif
