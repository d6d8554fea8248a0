/* Disks of desktops: linked clones (qcow2 overlays), or copies, made and removed through libvirt's storage API, in a
 * directory pool over vmpool.desktop_dir. An overlay is named for its desktop ("d-....qcow2"), so that its
 * owner is known without the store. Host's thread only.
 *
 * libvirt would delete a base that still has overlays, and vmpool never asks it to: golden images are
 * files of vmpool's own (image.c), removed only when virt_storage_count_users() and the store say zero.
 */
#ifndef VMPOOL_VIRT_STORAGE_H
#define VMPOOL_VIRT_STORAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>
#include <carrel/ids.h>

struct virt_conn;

#define VIRT_NVRAM_SUFFIX ".nvram" /* where UEFI keeps its variables: beside the overlay, and gone with it */

struct clone_spec {
    const char *desktop_dir;
    const char *desktop_id;
    const char *base;        /* the golden disk */
    const char *base_format; /* "qcow2" or "raw" */
    uint64_t capacity_bytes;
    bool readable; /* also for vmpool, whose user is not libvirt's */
    bool
        for_qemu; /* it belongs to QEMU's user from the beginning: libvirt does not know that a guest uses it */
};

/* Makes the overlay; one that a former try left is removed first. RET_PATH has PATH_MAX bytes.
 * CE_NO_SPACE, CE_NOT_FOUND (no base). */
int virt_storage_clone(struct virt_conn *conn, const struct clone_spec *spec, char *ret_path, size_t size,
                       struct error *err) MUST_CHECK;

/* A copy of the base instead, which needs it no more: as long as its bytes take. Errors as above. */
int virt_storage_copy(struct virt_conn *conn, const struct clone_spec *spec, struct error *err) MUST_CHECK;

/* Removes a desktop's overlay, and with NVRAM what UEFI kept, which takes a look through the directory; 0 also when
 * there is none. */
int virt_storage_delete(struct virt_conn *conn, const char *desktop_dir, const char *desktop_id, bool nvram,
                        struct error *err) MUST_CHECK;

/* The desktop id in a file name of ours: "d-" and sixteen characters, and for a dedicated desktop's further files
 * (snapshots, a disk that was restored) "-" and some more. Pure. */
bool virt_storage_owner(const char *name, char ret[ID_SIZE]);

/* The <permissions> of a new file that belongs to QEMU's user and that nobody else may read. A host's capabilities
 * name user and group as numbers, +64055:+64055 in the <baselabel> of the <secmodel> "dac"
 * (https://libvirt.org/formatcaps.html); where they name none, QEMU runs as libvirt does. Pure. */
#define VIRT_PERMISSIONS_SIZE 160
void virt_storage_permissions(const char *capabilities, char ret[VIRT_PERMISSIONS_SIZE]);

/* Reads the directory again and calls each() with the desktop id of every disk in it, and of every file of a guest's
 * memory; COPY is the name of a disk that is a snapshot or was one, else NULL. RET_STORAGE is by what the directory is
 * known again where another host sees it, too: the name of a small volume that is made if there is none. */
int virt_storage_list(struct virt_conn *conn, const char *desktop_dir,
                      void (*each)(void *arg, const char *desktop_id, const char *copy), void *arg,
                      char ret_storage[ID_SIZE], struct error *err) MUST_CHECK;

/* How many disks in the directory have BASE as their backing file. */
int virt_storage_count_users(struct virt_conn *conn, const char *desktop_dir, const char *base,
                             uint32_t *ret_count, struct error *err) MUST_CHECK;

/* The size of the file system that the directory is on, and how much of it is free. */
int virt_storage_room(struct virt_conn *conn, const char *desktop_dir, uint64_t *ret_mib,
                      uint64_t *ret_free_mib, struct error *err) MUST_CHECK;

#endif
