/* Completion for shells: `carrelctl __complete WORD...` writes what the last word may become, one candidate a
 * line, names from the API among them (silently none when the broker does not answer). The line ":files" asks
 * the shell for file names.
 */
#ifndef CARREL_CTL_COMPLETE_H
#define CARREL_CTL_COMPLETE_H

#include "ctl.h"

int complete_run(struct ctl *ctl, int count, char **words) MUST_CHECK;

#endif
