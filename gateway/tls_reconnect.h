/* The arithmetic of automatic reconnection, with OpenSSL: random bits for a cookie, and the verifier that a
 * client makes of them. Pure functions, any thread.
 */
#ifndef CARREL_GATEWAY_TLS_RECONNECT_H
#define CARREL_GATEWAY_TLS_RECONNECT_H

#include <carrel/error.h>

#include "reconnect_cookie.h"
#include "secret.h"

/* Fresh random bits and the verifier (as hexadecimal text, a secret) that a client will bring back. CE_INTERNAL
 * where OpenSSL has no MD5. */
int tls_reconnect_make(uint8_t ret_random[RECONNECT_RANDOM_LEN], struct secret *ret_verifier) MUST_CHECK;

#endif
