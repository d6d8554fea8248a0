/* What the guest agent does with a data disk inside of a Linux guest: finds it by its serial number, makes a file system on
 * a new one, mounts it, and unmounts it again. Host's thread only.
 */
#ifndef VMPOOL_GUEST_DATA_DISK_H
#define VMPOOL_GUEST_DATA_DISK_H

#include <stdbool.h>

#include "virt_domain.h"

/* AT: "home" (that of USER in the guest) or a folder. FRESH: it never had a file system; on others none is ever made. May be
 * repeated. CE_REFUSED with the guest's words; CE_UNREACHABLE and CE_TIMEOUT: try again. */
int guest_data_disk_mount(struct virt_conn *conn, const struct guest_key *key, const char *id, const char *at,
                          const char *user, bool fresh, struct error *err) MUST_CHECK;

/* Programs of users that still have files on it are ended. 0 also when it is not mounted. */
int guest_data_disk_unmount(struct virt_conn *conn, const struct guest_key *key, const char *id,
                            struct error *err) MUST_CHECK;

#endif
