/* The client's side of CredSSP (MS-CSSP 3.1.5) towards guests that insist on NLA: NTLM with the guest's credentials,
 * bound to the key of the certificate that the guest showed. No I/O: back.c carries the messages. A step takes a
 * fraction of a millisecond. Owned by the login, on the session's thread.
 *
 *     first -> tokens -> key -> over
 */
#ifndef CARREL_GATEWAY_CREDSSP_BACK_H
#define CARREL_GATEWAY_CREDSSP_BACK_H

#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

#include "secret.h"
#include "writer.h"

struct credssp_back;

enum credssp_back_result {
    CREDSSP_BACK_MORE,    /* what was written goes to the guest, whose answer is awaited */
    CREDSSP_BACK_DONE,    /* what was written goes to the guest, and MCS may follow */
    CREDSSP_BACK_REFUSED, /* the guest does not take the credentials; credssp_back_status() */
    CREDSSP_BACK_BAD,     /* not understood, or not bound to the certificate that we see */
};

struct credssp_back_credentials {
    const char *user, *domain;
    const struct secret *password;
};

/* KEY: the contents of the guest's subjectPublicKey; ADDRESS names the guest in NTLM's target. VERSION: the newest
 * that is spoken, TSREQUEST_VERSION. The credentials are copied. */
int credssp_back_create(struct credssp_back **ret, const struct credssp_back_credentials *credentials,
                        const char *address, const uint8_t *key, size_t key_len, uint32_t version) MUST_CHECK;
void credssp_back_destroy(struct credssp_back **exchange); /* safe on NULL */

/* The first message: CREDSSP_BACK_MORE or _BAD. */
enum credssp_back_result credssp_back_begin(struct credssp_back *exchange, struct writer *w) MUST_CHECK;

/* One whole TSRequest of the guest. The last message that is written has the password in it, sealed. */
enum credssp_back_result credssp_back_read(struct credssp_back *exchange, const uint8_t *bytes, size_t len,
                                           struct writer *w) MUST_CHECK;

uint32_t credssp_back_status(const struct credssp_back *exchange); /* NTSTATUS; 0: none was given */

#endif
