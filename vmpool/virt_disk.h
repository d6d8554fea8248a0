/* Files of disks beside each other in the hosts' desktop directory: copied and removed through libvirt's storage API,
 * so that it works on any host. A copy is one of the qcow2 file's bytes and so refers to the same golden image; it
 * takes as long as its bytes do, and has a lane of its own (host_lane.h). Host's thread only.
 */
#ifndef VMPOOL_VIRT_DISK_H
#define VMPOOL_VIRT_DISK_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

struct virt_conn;

/* No guest has FROM open. TO is not there yet; what came there is compared in length. CE_CANCELLED. */
int virt_disk_copy(struct virt_conn *conn, const char *dir, const char *from, const char *to,
                   const atomic_bool *cancelled, uint64_t *ret_bytes, struct error *err) MUST_CHECK;

/* 0 also when it is not there. */
int virt_disk_remove(struct virt_conn *conn, const char *dir, const char *name, struct error *err) MUST_CHECK;

/* Removes the desktop's files of disks, but for those that are named. */
int virt_disk_keep_only(struct virt_conn *conn, const char *dir, const char *desktop_id,
                        const char (*names)[64], size_t count, struct error *err) MUST_CHECK;

#endif
