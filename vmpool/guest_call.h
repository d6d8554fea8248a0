/* Calls about one guest of a host for which nobody waits. On lanes, as all that a guest may keep. Loop's thread. */
#ifndef VMPOOL_GUEST_CALL_H
#define VMPOOL_GUEST_CALL_H

#include "host.h"

#define GUEST_END_AGAIN_MS 60000 /* before that is tried again: the call may not have begun to start it */

/* A call has waited too long for the guest: it is ended beside that call, which fails then. On a lane of its own, so
 * that it is done even while every other one hangs. */
void guest_end(struct host *host, const struct guest_key *key);

/* From now on a former owner of the host's lease leaves the guest alone. */
void guest_take_over(struct host *host, const struct guest_key *key);

#endif
