/* The reconciler: passes that read the store, compare what is wanted with what there is, and begin the next
 * steps. A pass follows every wake-up of the store, every finished operation and, as a safety net, the
 * sweep. Loop's thread.
 */
#ifndef VMPOOL_RECONCILE_H
#define VMPOOL_RECONCILE_H

#include "vmpool.h"

int reconcile_start(struct vmpool *vm, struct error *err) MUST_CHECK;
void reconcile_stop(struct vmpool *vm); /* closes its handles */

#endif
