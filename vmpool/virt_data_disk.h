/* Data disks as libvirt has them: a qcow2 file in vmpool.data_dir, and a SCSI disk that a running guest is given and that
 * is taken from it again. The disk's id is its serial number, by which host and guest know it. Host's thread only.
 */
#ifndef VMPOOL_VIRT_DATA_DISK_H
#define VMPOOL_VIRT_DATA_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "virt_domain.h"

/* Makes the file, if it is not there. */
int virt_data_disk_make(struct virt_conn *conn, const char *data_dir, const char *id, uint32_t size_mib,
                        struct error *err) MUST_CHECK;

/* 0 also when there is none. */
int virt_data_disk_delete(struct virt_conn *conn, const char *data_dir, const char *id,
                          struct error *err) MUST_CHECK;

/* 0 also when the guest has it already. CE_NOT_FOUND when there is no file; QEMU refuses one that another guest has open. */
int virt_data_disk_attach(struct virt_conn *conn, const struct guest_key *key, const char *data_dir,
                          const char *id, struct error *err) MUST_CHECK;

/* 0 also when the guest does not have it, or is gone. */
int virt_data_disk_detach(struct virt_conn *conn, const struct guest_key *key, const char *data_dir,
                          const char *id, struct error *err) MUST_CHECK;

#endif
