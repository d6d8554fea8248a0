/* Arguments: the words and options of one run, parsed against the table of commands with getopt_long(). The
 * general options may stand anywhere. Everything is borrowed from argv, which outlives the run.
 */
#ifndef CARREL_CTL_ARGS_H
#define CARREL_CTL_ARGS_H

#include <stdint.h>

#include "command.h"

#define ARGS_OPTIONS_MAX 40 /* options given in one run; more are a usage error */

struct ctl_args {
    const struct ctl_noun *noun; /* NULL: none given */
    const struct ctl_command *command;
    char **words; /* behind the verb */
    unsigned word_count;
    struct {
        const char *name; /* borrowed from the table */
        const char *value;
    } given[ARGS_OPTIONS_MAX];
    unsigned given_count;
    bool help, version;
};

/* Fills *ret and the general options of CTL. CTL_OK, or CTL_USAGE after a complaint. With --help or --version
 * no word is missed. argv is permuted. */
int args_parse(struct ctl *ctl, int argc, char **argv, struct ctl_args *ret) MUST_CHECK;

const char *args_word(const struct ctl *ctl, unsigned i);          /* NULL behind the last */
const char *args_value(const struct ctl *ctl, const char *option); /* the last one given, or NULL */
bool args_given(const struct ctl *ctl, const char *option);

/* The value of OPTION as a number within MIN and MAX; *ret untouched when it was not given. */
int args_number(struct ctl *ctl, const char *option, long min, long max, long *ret) MUST_CHECK;
/* The same for a size in MiB: "2GiB", "512MiB", or a bare number of MiB. */
int args_mib(struct ctl *ctl, const char *option, long min, long max, long *ret) MUST_CHECK;
/* The same for a time: "90s", "10min", "2h", or a bare number of seconds. */
int args_seconds(struct ctl *ctl, const char *option, uint64_t *ret) MUST_CHECK;

#endif
