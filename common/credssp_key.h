/* How CredSSP binds a log-in to the TLS key that the client sees (MS-CSSP 3.1.5), so that nobody in the middle can
 * pass it on: what each side seals and the other one expects. Pure, any thread.
 */
#ifndef CARREL_CREDSSP_KEY_H
#define CARREL_CREDSSP_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

#include "tsrequest.h"

enum { CREDSSP_KEY_MAX_BYTES = 2200 /* an RSA key of 16384 bits */ };

/* KEY: the contents of the certificate's subjectPublicKey BIT STRING. In versions 2 to 4 the key itself, in the
 * server's answer with its first byte raised by one; later a hash of a text, the nonce and the key. CE_LIMIT
 * where the key is too long. */
int credssp_key_binding(uint32_t version, const uint8_t nonce[TSREQUEST_NONCE_LEN], const uint8_t *key,
                        size_t key_len, bool of_server, uint8_t ret[CREDSSP_KEY_MAX_BYTES],
                        size_t *ret_len) MUST_CHECK;

#endif
