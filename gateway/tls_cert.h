/* The gateway's certificate: a self-signed one made at first start, and fingerprints. Blocking (it reads and
 * writes files and makes keys): called at start and on reload, on the main thread.
 */
#ifndef CARREL_GATEWAY_TLS_CERT_H
#define CARREL_GATEWAY_TLS_CERT_H

#include <limits.h>
#include <stdbool.h>

#include <carrel/error.h>

#include "tls_io.h"

struct x509_st;

/* SHA-256 of the certificate's DER as 64 hex digits. */
int tls_cert_fingerprint(const struct x509_st *certificate, char ret[TLS_FINGERPRINT_SIZE]) MUST_CHECK;

/* The path of a PEM file in STATE_DIR with key and certificate, mode 0600; where there is none it is made,
 * for the host NAME, if it MAY_MAKE (else CE_REFUSED). KIND: "ecdsa" (P-256) or "rsa" (2048 bits). A file that is there is never replaced. */
int tls_cert_ensure(const char *state_dir, const char *kind, const char *name, bool may_make,
                    char ret_path[PATH_MAX], struct error *err) MUST_CHECK;

#endif
