/* What kind of host it is: versions, size, processor. Host's thread. */
#ifndef VMPOOL_VIRT_INFO_H
#define VMPOOL_VIRT_INFO_H

#include "virt_host.h"

/* What cannot be read stays empty. */
void virt_info_read(struct virt_conn *conn, struct virt_host_info *ret);

#endif
