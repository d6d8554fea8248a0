/* The files of golden guests, in a folder for each host in vmpool.golden_dir: ID.qcow2 (the frozen disk, an overlay
 * on the image), ID.ram (its memory), ID.state (its devices) and ID.json, the manifest with sizes and checksums,
 * which is written last: without one there is no golden guest. Those of hosts on this machine; blocking, for worker
 * threads.
 */
#ifndef VMPOOL_GOLDEN_FILES_H
#define VMPOOL_GOLDEN_FILES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "golden_manifest.h"

#define GOLDEN_PATH_SIZE 1100
#define GOLDEN_DIR_SIZE 1000

/* A host's folder, and until when this process may change it: the end of the host's lease, in nanoseconds of
 * CLOCK_BOOTTIME, which the loop moves on. NULL: no lease bounds it. */
struct golden_place {
    char dir[GOLDEN_DIR_SIZE];
    const atomic_uint_least64_t *until_ns;
};

void golden_files_dir(const char *golden_dir, const char *host_id, char ret[GOLDEN_DIR_SIZE]);
int golden_files_make_dir(const char *dir, struct error *err) MUST_CHECK;

/* SUFFIX is "qcow2", "ram", "state", "json" or "serial.log". */
void golden_path(const char *dir, const char *id, const char *suffix, char ret[GOLDEN_PATH_SIZE]);

/* An empty memory file of that size. */
int golden_files_make_ram(const char *dir, const char *id, uint64_t bytes, struct error *err) MUST_CHECK;

/* Takes the checksums and writes the manifest. CE_CANCELLED: the lease ran out meanwhile. */
int golden_files_seal(const struct golden_place *place, const struct golden_manifest *manifest,
                      struct error *err) MUST_CHECK;

/* Reads the manifest and compares sizes and checksums. CE_NOT_FOUND: no manifest; CE_BAD_INPUT: not as sealed. */
int golden_files_check(const char *dir, const char *id, struct golden_manifest *ret,
                       struct error *err) MUST_CHECK;

/* Calls each() once for every id that files are there of. */
int golden_files_list(const char *dir, void (*each)(void *arg, const char *id), void *arg,
                      struct error *err) MUST_CHECK;

/* Folders of hosts that GONE() says are gone are removed with all their golden guests, unless something was made in
 * them since BEFORE_S (CLOCK_REALTIME): whoever looked at the list of hosts then does not know of newer ones. */
void golden_files_sweep(const char *golden_dir, int64_t before_s,
                        bool (*gone)(void *arg, const char *host_id), void *arg);

/* The manifest goes first, so that half a removal leaves no golden guest. CE_CANCELLED as above. */
int golden_files_remove(const struct golden_place *place, const char *id, struct error *err) MUST_CHECK;

#endif
