/* The smallest initrd that proves a processor: a cpio archive with an /init of a few machine instructions,
 * which writes PROBE_MARKER to the console and then rests. Pure; any thread.
 */
#ifndef VMPOOL_PROBE_INITRD_H
#define VMPOOL_PROBE_INITRD_H

#include <stddef.h>
#include <stdint.h>

#define PROBE_MARKER "carrel-probe-alive"
#define PROBE_INITRD_MAX 1024

/* Fills RET and returns the archive's length. */
size_t probe_initrd_make(uint8_t ret[PROBE_INITRD_MAX]);

#endif
