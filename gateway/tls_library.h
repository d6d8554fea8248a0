/* What a worker has of OpenSSL for itself. OpenSSL 3 keeps its algorithms in a library context, behind locks and
 * counters that every handshake takes thousands of times; workers that share one slow each other down by more
 * than a tenth. And to read the public key of a guest's certificate it looks through everything that can read any
 * key from any format, which costs more than to verify a signature: so what can read keys is offered here for
 * those kinds and that one format only that a certificate can have, and of ciphers those of TLS. All else is
 * OpenSSL's default provider.
 *
 * Made by the main thread before the workers run; then each is its worker's. It must outlive what was made with it.
 */
#ifndef CARREL_GATEWAY_TLS_LIBRARY_H
#define CARREL_GATEWAY_TLS_LIBRARY_H

#include <carrel/error.h>

struct tls_library;
struct ossl_lib_ctx_st;

int tls_library_create(struct tls_library **ret, struct error *err) MUST_CHECK;
void tls_library_destroy(struct tls_library **library);

/* For OpenSSL's functions; NULL, its default, of NULL. */
struct ossl_lib_ctx_st *tls_library_context(const struct tls_library *library);

#endif
