/* Guests whose memory is written to a file of their host and read back from it, and guests that are asked to shut
 * down. Host's thread only; writing and reading take as long as the memory is large, so they have lanes of
 * their own (host_lane.h).
 *
 * A file goes with the disk as it was at that moment, and with no other: its name has the time at which its desktop
 * began to rest ("d-...-1700000000000.save" beside the overlay), so that one that was left over is never taken for a
 * later one.
 */
#ifndef VMPOOL_VIRT_SAVE_H
#define VMPOOL_VIRT_SAVE_H

#include <stddef.h>
#include <stdint.h>

#include "virt_domain.h"

void virt_save_path(const char *desktop_dir, const char *desktop_id, int64_t since_ms, char *ret,
                    size_t size);

/* The guest ends with it. CE_NOT_FOUND when there is none that runs; after another failure it runs on. */
int virt_save_write(struct virt_conn *conn, const struct guest_key *key, const char *path,
                    struct error *err) MUST_CHECK;

/* The guest goes on. ADDRESS and PORT lead to it from now on, where it is on a user-mode network: what it had before may be
 * another host's, or somebody else's by now. CE_BUSY when the port is taken; CE_UNREACHABLE: nobody knows whether it runs. */
int virt_save_read(struct virt_conn *conn, const struct guest_key *key, const char *path, const char *address,
                   uint16_t port, struct error *err) MUST_CHECK;

/* Removes the desktop's files; 0 also when there are none. */
int virt_save_remove(struct virt_conn *conn, const char *desktop_dir, const char *desktop_id,
                     struct error *err) MUST_CHECK;

/* The desktop's id in the name of such a file. */
bool virt_save_owner(const char *name, char ret[ID_SIZE]);

/* Presses the button. CE_NOT_FOUND when the guest is off. */
int virt_domain_shut_down(struct virt_conn *conn, const struct guest_key *key, struct error *err) MUST_CHECK;

#endif
