/* What the order*.c files share: how an order is closed. Loop's thread; order_finish() in write jobs. */
#ifndef VMPOOL_ORDER_PARTS_H
#define VMPOOL_ORDER_PARTS_H

#include "desktop_parts.h"

void order_end(struct vmpool *vm, int64_t number, enum order_state state, const char *reason);

/* The end of an order's write job: done, or failed with the store's words. The job itself succeeds. */
int order_finish(struct db *db, const struct desktop_write *w, int rc) MUST_CHECK;
struct desktop_write *order_write(struct desktop *d, int64_t number); /* NULL without memory */

/* order_capture.c: desktop-log, desktop-screenshot. False: it is another order. */
bool order_capture(struct desktop *d, const struct order_row *order);

/* desktop_disk.c: desktop-snapshot, desktop-restore, desktop-unsnapshot. False: it is another order. */
bool order_disk(struct desktop *d, const struct order_row *order);
/* Work on the desktop's disk ends first; or it is about to rest, or its host has enough of such work. */
bool order_disk_waits(const struct desktop *d, const struct order_row *order);

#endif
