/* What relaying costs on this kernel where nothing is understood: a loop that receives, opens each record, copies it,
 * seals it and sends, over loopback, between a thread that pours and one that throws away. No TLS, no RDP, no
 * events, one session: a relay can come near this and not below. Only the loop's own thread is counted.
 */
#ifndef CARREL_LOAD_BARE_H
#define CARREL_LOAD_BARE_H

#include <carrel/error.h>

#include "plan.h"
#include "report.h"

int bare_run(const struct plan *plan, struct report *report, struct error *err) MUST_CHECK;

#endif
