/* The files of golden guests on a host whose files vmpool does not see: the same as golden_files.h describes, made,
 * summed up and removed through libvirt's storage API, in a directory pool over the host's folder. They belong to
 * the user that QEMU runs as, since libvirt does not know that guests use them. Reading them all takes as long as
 * their bytes do (holes are not sent). Host's thread only.
 */
#ifndef VMPOOL_VIRT_GOLDEN_FILES_H
#define VMPOOL_VIRT_GOLDEN_FILES_H

#include "golden_manifest.h"

struct virt_conn;

/* An empty file for the memory, of that size, and one for the state of the devices. What is there of ID is removed
 * first. */
int virt_golden_files_make(struct virt_conn *conn, const char *dir, const char *id, uint64_t ram_bytes,
                           struct error *err) MUST_CHECK;

/* As golden_files_seal(). */
int virt_golden_files_seal(struct virt_conn *conn, const char *dir, const struct golden_manifest *manifest,
                           struct error *err) MUST_CHECK;

/* Calls each() for every id that files are there of. WHY is NULL when they are as they were sealed, and then
 * MANIFEST says of what image; "" when there is no manifest. What forks that were cut off left is removed. */
int virt_golden_files_scan(struct virt_conn *conn, const char *dir,
                           void (*each)(void *arg, const char *id, const struct golden_manifest *manifest,
                                        const char *why),
                           void *arg, struct error *err) MUST_CHECK;

/* The manifest goes first; 0 also when there is nothing. */
int virt_golden_files_remove(struct virt_conn *conn, const char *dir, const char *id,
                             struct error *err) MUST_CHECK;

/* A copy of the golden guest's state for one fork, which writes to it: an overlay named for the fork. RET_PATH has
 * PATH_MAX bytes. */
int virt_golden_files_lend(struct virt_conn *conn, const char *dir, const char *state_path,
                           const char *desktop_id, char *ret_path, size_t size, struct error *err) MUST_CHECK;
int virt_golden_files_give_back(struct virt_conn *conn, const char *dir, const char *desktop_id,
                                struct error *err) MUST_CHECK;

#endif
