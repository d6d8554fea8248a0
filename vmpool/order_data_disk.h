/* The order to delete a data disk: its file on the host where it lies, then its row. Loop's thread. */
#ifndef VMPOOL_ORDER_DATA_DISK_H
#define VMPOOL_ORDER_DATA_DISK_H

#include "vmpool.h"

/* Of each pass that shows it; begins it once. */
void order_data_disk_delete(struct vmpool *vm, const struct order_row *order);

#endif
