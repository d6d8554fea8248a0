/* Files of golden images on hosts that do not share vmpool's storage: brought there as storage volumes, checked
 * by reading them back, and removed. Host's thread only; a copy takes as long as its bytes do, so it has a
 * connection of its own (image_copy.c).
 */
#ifndef VMPOOL_VIRT_UPLOAD_H
#define VMPOOL_VIRT_UPLOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <carrel/error.h>

struct virt_conn;

/* How a copy is told to its owner's thread, and its end ordered from there. */
struct virt_upload {
    atomic_uint_least64_t moved_bytes; /* written and read back; at the end twice the file's size */
    atomic_bool cancelled;
};

/* The file PATH of this machine as NAME in the directory DIR of the host, which is made when it is not there.
 * What is there under the name is replaced; what came there is read back and compared. CE_CANCELLED. */
int virt_upload_file(struct virt_conn *conn, const char *dir, const char *name, const char *path,
                     struct virt_upload *upload, struct error *err) MUST_CHECK;

/* 0 also when there is none. */
int virt_upload_remove(struct virt_conn *conn, const char *dir, const char *name,
                       struct error *err) MUST_CHECK;

/* Whether the host's DIR has a file NAME of SIZE_BYTES: vmpool's mark in a directory that both see. */
int virt_upload_sees(struct virt_conn *conn, const char *dir, const char *name, uint64_t size_bytes,
                     bool *ret_sees, struct error *err) MUST_CHECK;

#endif
