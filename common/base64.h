/* Base64 (RFC 4648 section 4, with padding) for bytes that travel in JSON. Pure functions, any thread.
 */
#ifndef CARREL_BASE64_H
#define CARREL_BASE64_H

#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

/* Room for LEN bytes with the terminator. */
#define BASE64_SIZE(len) (((len) + 2) / 3 * 4 + 1)

/* RET has room for BASE64_SIZE(LEN). */
void base64_encode(const uint8_t *bytes, size_t len, char *ret);

/* CE_BAD_INPUT where TEXT is no base64, CE_LIMIT where it has more than SIZE bytes. */
int base64_decode(const char *text, uint8_t *ret, size_t size, size_t *ret_len) MUST_CHECK;

#endif
