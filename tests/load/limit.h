/* What the bytes of a relayed stream cost at least: each record decrypted, its bytes copied once, and encrypted
 * again, with the cipher that TLS 1.3 chooses. No sockets, no TLS, one thread.
 */
#ifndef CARREL_LOAD_LIMIT_H
#define CARREL_LOAD_LIMIT_H

#include <carrel/error.h>

#include "plan.h"
#include "report.h"

int limit_run(const struct plan *plan, struct report *report, struct error *err) MUST_CHECK;

#endif
