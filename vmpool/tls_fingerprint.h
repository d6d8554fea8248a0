/* The fingerprint of a guest's RDP certificate: SHA-256 of its DER form, in lower-case hexadecimal, as the
 * gateway compares it. Pure; any thread.
 */
#ifndef VMPOOL_TLS_FINGERPRINT_H
#define VMPOOL_TLS_FINGERPRINT_H

#include <stddef.h>

#include <carrel/error.h>

#define FINGERPRINT_SIZE 65

/* PEM: the first certificate in it counts. CE_BAD_INPUT when there is none. */
int tls_fingerprint_of_pem(const void *pem, size_t len, char ret[FINGERPRINT_SIZE],
                           struct error *err) MUST_CHECK;

#endif
