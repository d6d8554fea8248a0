/* A guest's own RDP key and certificate, made on the host, where randomness and time cost nothing. Any thread. */
#ifndef VMPOOL_TLS_IDENTITY_H
#define VMPOOL_TLS_IDENTITY_H

#include <carrel/error.h>

#include "tls_fingerprint.h"

#define TLS_IDENTITY_PEM_MAX 2048

struct tls_identity {
    char key[TLS_IDENTITY_PEM_MAX]; /* PEM, terminated; wiped by whoever owns it */
    char certificate[TLS_IDENTITY_PEM_MAX];
    char fingerprint[FINGERPRINT_SIZE];
};

/* An ECDSA key on P-256 and a certificate that it signs itself, for the name NAME, good for ten years. */
int tls_identity_make(const char *name, struct tls_identity *ret, struct error *err) MUST_CHECK;

#endif
