/* A guest's virtio-serial port as a stream of bytes, over any libvirt connection. Opened and closed on the
 * loop's thread; callbacks run there. After virt_channel_close() no callback comes.
 */
#ifndef VMPOOL_VIRT_CHANNEL_H
#define VMPOOL_VIRT_CHANNEL_H

#include <stddef.h>

#include <carrel/error.h>

#include "virt_domain.h"
#include "virt_host.h"

struct virt_channel;

struct virt_channel_events {
    void (*opened)(void *arg);
    void (*bytes)(void *arg, const void *bytes, size_t len);
    /* It could not be opened, or ended: with the guest, the connection or the host. The owner closes it. */
    void (*ended)(void *arg, const char *reason);
};

int virt_channel_open(struct virt_channel **ret, struct virt_host *host, const struct guest_key *key,
                      const char *port_name, const struct virt_channel_events *events, void *arg) MUST_CHECK;
void virt_channel_close(struct virt_channel **channel);

#endif
