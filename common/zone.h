/* Local time in a named zone, from the compiled files of the system's time zone database (RFC 8536): their
 * transitions, and behind the last one the rule in their footer. The C library knows one zone per process, and
 * changing that is nothing that a thread may do.
 */
#ifndef CARREL_ZONE_H
#define CARREL_ZONE_H

#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

enum { ZONE_FILE_MAX = 64 * 1024 /* a longer file is refused; the longest known one has 4 KiB */ };

/* Seconds that ZONE's clocks are ahead of UTC at AT_S (seconds since 1970). ZONE "" is this machine's own.
 * Reads a file: not on a loop's thread. CE_NOT_FOUND: there is no such zone; CE_BAD_INPUT. */
int zone_offset(const char *zone, int64_t at_s, int32_t *ret_offset_s) MUST_CHECK;

/* The same from a file's bytes: pure. */
int zone_offset_of(const uint8_t *file, size_t len, int64_t at_s, int32_t *ret_offset_s) MUST_CHECK;

/* A zone for many questions. Zeros are UTC. */
struct zone {
    uint8_t *file; /* owned; NULL: UTC */
    size_t len;
};

/* Reads the file; errors as above, and *ret is UTC then. */
int zone_load(struct zone *ret, const char *zone) MUST_CHECK;
void zone_unload(struct zone *zone);

/* 0 where the file makes no sense: zone_load() has asked it once. Pure. */
int32_t zone_offset_at(const struct zone *zone, int64_t at_s);

#endif
