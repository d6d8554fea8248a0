/* NTLM, raw or inside SPNEGO, by WinPR: the tokens of a log-in, and sealed messages after it. The project's only
 * door to WinPR. Nothing here does I/O or waits: a step takes a fraction of a millisecond, so it may run on an
 * event loop's thread. Objects belong to one thread at a time.
 */
#ifndef CARREL_SSPI_H
#define CARREL_SSPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

#include "secret.h"

enum {
    SSPI_TOKEN_MAX_BYTES = 8192,
    SSPI_TRAILER_MAX_BYTES = 64, /* what sealing adds: NTLM's signature has 16 */
    SSPI_NT_HASH_BYTES = 16,
};

enum sspi_result {
    SSPI_DONE,     /* both sides have a key; a last token may be for the peer */
    SSPI_CONTINUE, /* the token is for the peer, another one is awaited */
    SSPI_DENIED,   /* the password is not right */
    SSPI_FAILED,   /* not understood */
};

struct sspi;

/* Before anything else, from any thread: WinPR is made ready, and silent, because what it logs of a failed log-in
 * has foreign bytes in it. CE_UNSUPPORTED where it cannot do NTLM: OpenSSL's legacy provider is missing. */
int sspi_library_init(void) MUST_CHECK;

/* The server's side; sspi_set_nt_hash() comes before the step that needs it. */
int sspi_create_server(struct sspi **ret) MUST_CHECK;
int sspi_set_nt_hash(struct sspi *sspi, const uint8_t hash[SSPI_NT_HASH_BYTES]) MUST_CHECK;

/* The client's side, NTLM without SPNEGO. Texts are UTF-8; TARGET is an address. */
int sspi_create_client(struct sspi **ret, const char *user, const char *domain, const struct secret *password,
                       const char *target) MUST_CHECK;

void sspi_destroy(struct sspi **sspi);

/* Whether a first step was taken. */
bool sspi_has_begun(const struct sspi *sspi);

/* One token of the peer (a client's first step has none: LEN 0) and the answer, of at most SIZE bytes. */
enum sspi_result sspi_step(struct sspi *sspi, const uint8_t *token, size_t len, uint8_t *ret, size_t size,
                           size_t *ret_len) MUST_CHECK;

/* After SSPI_DONE, in order: each message has a number. RET has room for LEN + SSPI_TRAILER_MAX_BYTES. */
int sspi_seal(struct sspi *sspi, const uint8_t *text, size_t len, uint8_t *ret, size_t *ret_len) MUST_CHECK;
/* In place; *RET_TEXT points into BYTES. CE_REFUSED: sealed with another key. */
int sspi_open(struct sspi *sspi, uint8_t *bytes, size_t len, uint8_t **ret_text, size_t *ret_len) MUST_CHECK;

/* MS-NLMP 3.3.1: MD4 of the password in UTF-16. CE_BAD_INPUT where it is no UTF-8. */
int sspi_nt_hash(const struct secret *password, uint8_t ret_hash[SSPI_NT_HASH_BYTES]) MUST_CHECK;

#endif
