/* Ends a guest for which a call has waited too long, beside that call: it fails then. On a lane of its own, so that it
 * is done even while every other one hangs. Loop's thread.
 */
#ifndef VMPOOL_GUEST_END_H
#define VMPOOL_GUEST_END_H

#include "host.h"

#define GUEST_END_AGAIN_MS 60000 /* before that is tried again: the call may not have begun to start it */

void guest_end(struct host *host, const struct guest_key *key);

#endif
