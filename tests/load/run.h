/* A run: opens the guest, logs the sessions in, lets them do what the scenario says for as long as it says, and
 * fills the report. Blocks in its own event loop. SIGINT ends it early, with a report of what there was.
 */
#ifndef CARREL_LOAD_RUN_H
#define CARREL_LOAD_RUN_H

#include <carrel/error.h>

#include "plan.h"
#include "report.h"

struct run;

/* The report borrows from the run. CE_*: the run could not be done. */
int run_all(struct run **ret, const struct plan *plan, struct report *report, struct error *err) MUST_CHECK;
void run_destroy(struct run **run);

#endif
