/* What the virt_*.c files share about a connection. Nobody else includes this header: libvirt's types stop
 * here. Host's thread only, unless a comment says otherwise.
 */
#ifndef VMPOOL_VIRT_INTERNAL_H
#define VMPOOL_VIRT_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include <carrel/error.h>

#include "virt_storage.h"

struct virt_conn {
    virConnectPtr conn;
    atomic_uint_least64_t epoch;                  /* of the lease; 0: none */
    atomic_uint_least64_t until_ns;               /* when it runs out; 0: never */
    char qemu_permissions[VIRT_PERMISSIONS_SIZE]; /* empty: not asked for yet */
};

static inline void virt_domain_unref(virDomainPtr *domain)
{
    if (*domain)
        virDomainFree(*domain);
}
#define CLEANUP_DOMAIN __attribute__((cleanup(virt_domain_unref)))

static inline void virt_pool_unref(virStoragePoolPtr *pool)
{
    if (*pool)
        virStoragePoolFree(*pool);
}
#define CLEANUP_POOL __attribute__((cleanup(virt_pool_unref)))

static inline void virt_volume_unref(virStorageVolPtr *volume)
{
    if (*volume)
        virStorageVolFree(*volume);
}
#define CLEANUP_VOLUME __attribute__((cleanup(virt_volume_unref)))

static inline void virt_stream_unref(virStreamPtr *stream)
{
    if (*stream)
        virStreamFree(*stream);
}
#define CLEANUP_STREAM __attribute__((cleanup(virt_stream_unref)))

/* Fills ERR from libvirt's last error of this thread: "WHAT: libvirt's words"; the code is derived. */
int virt_error(struct error *err, const char *what);

/* The storage pool over DIR, which is made when it is not there; freed by the caller. virt_storage.c. */
int virt_storage_pool(struct virt_conn *conn, const char *dir, virStoragePoolPtr *ret,
                      struct error *err) MUST_CHECK;

/* 0 also when VOLUME is NULL or gone; WHAT is for words. virt_storage.c. */
int virt_volume_delete(virStorageVolPtr volume, const char *what, struct error *err) MUST_CHECK;

/* virt_storage_permissions() of this host, asked for once in a connection. virt_storage.c. */
const char *virt_storage_qemu_permissions(struct virt_conn *conn);

/* Reads the pool anew and calls each() with every volume in it; the first answer that is not 0 is the answer, and ends
 * it. */
int virt_storage_volumes(virStoragePoolPtr pool,
                         int (*each)(void *arg, virStorageVolPtr volume, struct error *err), void *arg,
                         struct error *err) MUST_CHECK;

/* Before each call that changes something: CE_CANCELLED when the host's lease has run out. */
int virt_may_act(const struct virt_conn *conn, struct error *err) MUST_CHECK;

/* Writes the epoch of the lease into the domain's mark; says it in the log when that fails. */
struct guest_key;
void virt_domain_write_epoch(struct virt_conn *conn, virDomainPtr domain, const struct guest_key *key);

/* The domain if it is there and ours. CE_NOT_FOUND; CE_REFUSED when it is somebody else's. */
int virt_domain_lookup(struct virt_conn *conn, const struct guest_key *key, virDomainPtr *ret,
                       struct error *err) MUST_CHECK;
/* The same for a call that changes it: also CE_CANCELLED, see virt_may_act(). */
int virt_domain_lookup_to_change(struct virt_conn *conn, const struct guest_key *key, virDomainPtr *ret,
                                 struct error *err) MUST_CHECK;

/* Whether somebody in the guest has the virtio port of that name open, as the domain's XML says. */
bool virt_xml_port_is_open(const char *xml, const char *name);

#endif
