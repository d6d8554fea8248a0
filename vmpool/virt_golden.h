/* A guest's memory and devices, frozen and forked. The memory is a file that QEMU maps (template.h, ram_file);
 * the device state goes through a migration that leaves the memory out, to and from a file whose descriptor is
 * handed to QEMU, so hypervisor and vmpool have to be on one machine. Host's thread only.
 */
#ifndef VMPOOL_VIRT_GOLDEN_H
#define VMPOOL_VIRT_GOLDEN_H

#include "virt_domain.h"

/* Stops the guest, writes its device state to the file and ends it. */
int virt_golden_freeze(struct virt_conn *conn, const struct guest_key *key, const char *state_path,
                       struct error *err) MUST_CHECK;

/* Starts a guest from XML with a frozen guest's device state; it runs on where that one stopped. What was
 * started is ended again when that fails. Errors as virt_domain_start(). */
int virt_golden_fork(struct virt_conn *conn, const struct guest_key *key, const char *xml,
                     const char *state_path, struct error *err) MUST_CHECK;

#endif
