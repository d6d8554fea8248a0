/* What administrators and the broker ordered of vmpool: recycle, restart, maintenance, release and check of a
 * desktop. An order stays open in the store until it was carried out, so a killed vmpool finds it again;
 * each is carried out in one transaction with its closing, or is safe to repeat. Loop's thread.
 */
#ifndef VMPOOL_ORDER_H
#define VMPOOL_ORDER_H

#include "vmpool.h"

#define CHECK_TRIES 4 /* of an X.224 request, before a desktop that was reported dead is given up */

/* The open orders of a new pass. */
void order_drive_all(struct vmpool *vm);

#endif
