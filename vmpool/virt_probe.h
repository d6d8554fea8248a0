/* Whether hardware virtualisation really works on a host. /dev/kvm that opens and capabilities that promise
 * it prove nothing (nested hosts lie), so a real kernel is started with a tiny initrd, and only its marker
 * on the serial port counts. Host's thread only; blocks it for up to VIRT_PROBE_TIMEOUT_MS.
 */
#ifndef VMPOOL_VIRT_PROBE_H
#define VMPOOL_VIRT_PROBE_H

#include <stdbool.h>

#include <carrel/error.h>

struct virt_conn;

#define VIRT_PROBE_TIMEOUT_MS 8000 /* software emulation needs 2 s; silence for longer means no */

/* What the host claims. A claim may be false; a denial is true. */
bool virt_probe_claims_kvm(struct virt_conn *conn);

struct virt_probe_spec {
    const char *installation;
    const char *kernel; /* paths as the host sees them */
    const char *initrd; /* from probe_initrd_make() */
    bool kvm;
};

/* What listens to the probe's console. Made and destroyed on the loop's thread, where libvirt's dispatch
 * fills it; between the two there is one call of virt_probe_boot(). */
struct virt_probe;
struct virt_probe *virt_probe_create(void); /* NULL without memory */
void virt_probe_destroy(struct virt_probe **probe);

/* Boots it. 0: the marker came; CE_TIMEOUT, CE_IO with words: it does not work. */
int virt_probe_boot(struct virt_conn *conn, struct virt_probe *probe, const struct virt_probe_spec *spec,
                    struct error *err) MUST_CHECK;

#endif
