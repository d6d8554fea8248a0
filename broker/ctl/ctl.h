/* carrelctl, the administrators' command line: what its files share. A run is one command: arguments are
 * parsed against the table of commands, a few calls go to the broker's API over its unix socket, the answer
 * is printed. One thread; a short-lived loop runs while a call is under way.
 */
#ifndef CARREL_CTL_H
#define CARREL_CTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <carrel/error.h>

#include "config.h"

/* The exit status. Every function of carrelctl that can fail returns one of these and has complained. */
enum ctl_exit {
    CTL_OK = 0,
    CTL_FAILED = 1, /* it was tried and did not work */
    CTL_USAGE = 2,  /* the command line is not right, or the broker finds a value in it wrong */
    CTL_NOT_FOUND = 3,
    CTL_REFUSED = 4,     /* rights, a name that is taken, an object in another state */
    CTL_UNREACHABLE = 5, /* the broker does not answer */
};

struct api;
struct ctl_args;

struct ctl {
    FILE *out;
    FILE *err;
    bool out_tty; /* colours and hints go to a terminal only */
    bool err_tty; /* progress bars too */
    bool json;
    bool no_headings;
    bool yes;
    bool silent;         /* complaints are left out: the one before says it all */
    const char *columns; /* borrowed from the arguments; NULL: the usual ones */
    char socket_path[CONFIG_TEXT_SIZE];
    struct api *api;             /* opened by the first call */
    const struct ctl_args *args; /* the command's own */
};

/* "carrelctl: SENTENCE" on the error stream, control characters made harmless: parts of a sentence may come
 * from a client's or a guest's own words. */
void ctl_complain(struct ctl *ctl, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Complains, with --json also writes a problem document to the output, and returns STATUS. */
int ctl_fail(struct ctl *ctl, enum ctl_exit status, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* One line of success on the output; nothing with --json. */
void ctl_say(struct ctl *ctl, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* DOCUMENT on the output, with --json; borrowed. */
void ctl_print_json(struct ctl *ctl, const json_t *document);

/* The whole program, with its streams given for tests. */
int ctl_main(int argc, char **argv, FILE *out, FILE *err);

static inline void ctl_free_text(char **text)
{
    free(*text);
}
static inline void ctl_free_json(json_t **document)
{
    json_decref(*document);
}
#define CLEANUP_TEXT __attribute__((cleanup(ctl_free_text)))
#define CLEANUP_JSON __attribute__((cleanup(ctl_free_json)))

#endif
