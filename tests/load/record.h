/* Records a real session: between a real client, which connects to --guest's address, and the desktop at --target, with
 * TLS ended on both sides. Every connection is passed on; the first whose session becomes active is recorded until it
 * ends, or until SIGINT or SIGTERM. Blocks in its own event loop.
 */
#ifndef CARREL_LOAD_RECORD_H
#define CARREL_LOAD_RECORD_H

#include <carrel/error.h>

#include "plan.h"
#include "report.h"

int record_run(const struct plan *plan, struct report *report, struct error *err) MUST_CHECK;

#endif
