/* CredSSP's messages (MS-CSSP 2.2.1): TSRequest, which carries the tokens of a log-in inside TLS, and the
 * TSCredentials that a client delegates at its end. DER, definite lengths only.
 *
 * Pure functions, any thread. Parsers take one whole message (as tsrequest_frame() measured it) and refuse
 * bytes behind it; the spans in what they return are borrowed from the caller's bytes. Writers append one
 * message; one that ran full is seen by writer_ok(). Out-parameters are untouched on failure. Whoever reads
 * or writes TSCredentials wipes the buffer: the password stands in it in clear.
 */
#ifndef CARREL_TSREQUEST_H
#define CARREL_TSREQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

#include "writer.h"

enum {
    /* NTLM's longest message has less than 2 KiB, a public key of 8192 bits 1 KiB. A longer one is refused. */
    TSREQUEST_MAX_LEN = 16384, /* a Kerberos ticket names all groups of its user */
    TSREQUEST_NONCE_LEN = 32,
    TSREQUEST_VERSION_MIN = 2,
    TSREQUEST_VERSION = 6,       /* what we speak */
    TSREQUEST_VERSION_NONCE = 5, /* from here on the public key is bound by hashes with a nonce */
};

struct tsrequest_span {
    const uint8_t *bytes; /* NULL: the field is missing */
    size_t len;
};

struct tsrequest {
    uint32_t version;
    struct tsrequest_span nego_token; /* of SPNEGO or NTLM */
    struct tsrequest_span auth_info;  /* TSCredentials, encrypted */
    struct tsrequest_span pub_key_auth;
    struct tsrequest_span client_nonce; /* TSREQUEST_NONCE_LEN, or missing */
    bool has_error;
    uint32_t error_code; /* NTSTATUS */
};

/* The length of the message that BYTES begin with: CE_NEED_MORE while that cannot be told or not all of it is
 * there, CE_BAD_INPUT where they begin no TSRequest, CE_LIMIT where it would be longer than
 * TSREQUEST_MAX_LEN. */
int tsrequest_frame(const uint8_t *bytes, size_t len, size_t *ret_len) MUST_CHECK;

int tsrequest_parse(const uint8_t *bytes, size_t len, struct tsrequest *ret_request) MUST_CHECK;
void tsrequest_write(struct writer *w, const struct tsrequest *request);

/* TSPasswordCreds, 2.2.1.2.1: UTF-16LE without terminators. */
struct tscredentials {
    struct tsrequest_span domain, user, password;
};

/* CE_UNSUPPORTED where it is another kind than a password (a smart card, Remote Credential Guard). */
int tscredentials_parse(const uint8_t *bytes, size_t len, struct tscredentials *ret_credentials) MUST_CHECK;
void tscredentials_write(struct writer *w, const struct tscredentials *credentials);

#endif
