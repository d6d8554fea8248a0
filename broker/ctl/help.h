/* Help texts, made from the table of commands. */
#ifndef CARREL_CTL_HELP_H
#define CARREL_CTL_HELP_H

#include "command.h"

void help_print_all(FILE *out);
void help_print_noun(FILE *out, const struct ctl_noun *noun);
void help_print_command(FILE *out, const struct ctl_noun *noun, const struct ctl_command *command);

/* The deepest of the three that is given; both may be NULL. */
void help_print(FILE *out, const struct ctl_noun *noun, const struct ctl_command *command);

/* `carrelctl help [NOUN [VERB]]`: WORDS are behind "help". */
int help_run(struct ctl *ctl, int count, char **words) MUST_CHECK;

#endif
