/* A guest's memory and devices, frozen and forked. The memory is a file that QEMU maps (template.h, ram_file). The
 * device state, which leaves the memory out, has two ways into a file and out of it. On this machine it is a
 * migration to and from a descriptor that is handed to QEMU, which is the fastest. On another machine, where nothing
 * can be handed over, it is a snapshot (QEMU's snapshot-save and snapshot-load, since 6.0) in a disk of its own that
 * the guest has for that moment only; loading writes to that disk, so each fork has an overlay
 * (virt_golden_files.h). Host's thread only.
 */
#ifndef VMPOOL_VIRT_GOLDEN_H
#define VMPOOL_VIRT_GOLDEN_H

#include "virt_domain.h"

/* Stops the guest, writes its device state to the file and ends it. FAR: the file is on the host, and there already. */
int virt_golden_freeze(struct virt_conn *conn, const struct guest_key *key, const char *state_path, bool far,
                       struct error *err) MUST_CHECK;

/* Starts a guest from XML with a frozen guest's device state; it runs on where that one stopped. What was
 * started is ended again when that fails. Errors as virt_domain_start(). */
int virt_golden_fork(struct virt_conn *conn, const struct guest_key *key, const char *xml,
                     const char *state_path, bool far, struct error *err) MUST_CHECK;

#endif
