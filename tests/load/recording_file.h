/* Recordings as files: the only place of the kit that calls libzstd. A writer is owned by whoever opened it; on one
 * thread.
 */
#ifndef CARREL_LOAD_RECORDING_FILE_H
#define CARREL_LOAD_RECORDING_FILE_H

#include <carrel/error.h>

#include "recording.h"

enum { RECORDING_FILE_MAX_BYTES = 1 << 30 }; /* unpacked; a longer one is neither written nor read */

/* With recording_finish() afterwards, also where this failed. */
int recording_load(const char *path, struct recording *ret, struct error *err) MUST_CHECK;

struct recording_file;

/* The file is readable by its owner alone. OF has the channels. */
int recording_file_open(struct recording_file **ret, const char *path, const struct recording *of,
                        struct error *err) MUST_CHECK;
int recording_file_append(struct recording_file *file, const struct recording_event *event, bool of_guest,
                          uint64_t since_last_us, struct error *err) MUST_CHECK;
/* Without this the file is not whole. */
int recording_file_end(struct recording_file *file, uint64_t *ret_bytes, struct error *err) MUST_CHECK;
void recording_file_destroy(struct recording_file **file);

#endif
