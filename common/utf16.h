/* UTF-8 to UTF-16 (little endian, as Windows protocols have it) and back: strict, bounded, no allocation.
 *
 * Lone surrogates, overlong forms, code points past U+10FFFF and U+0000 are refused: what a directory or a
 * log would read differently never gets past here. Pure functions on the caller's memory, any thread. They
 * keep no copy, so a caller who converts a secret wipes its own buffers.
 */
#ifndef CARREL_UTF16_H
#define CARREL_UTF16_H

#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

/* Writes TEXT_LEN bytes of UTF-8 as UTF-16LE without a terminator. CE_BAD_INPUT where it is no UTF-8 or has a
 * NUL inside, CE_LIMIT where OUT is too small (its contents are then undefined). */
int utf16_from_utf8(const char *text, size_t text_len, uint8_t *out, size_t capacity_bytes,
                    size_t *ret_len_bytes) MUST_CHECK;

/* Writes LEN_BYTES of UTF-16LE as UTF-8 and adds a NUL that RET_LEN does not count. CE_BAD_INPUT where it is
 * no UTF-16, has an odd length or a NUL inside; CE_LIMIT where OUT is too small. */
int utf16_to_utf8(const uint8_t *bytes, size_t len_bytes, char *out, size_t capacity,
                  size_t *ret_len) MUST_CHECK;

#endif
