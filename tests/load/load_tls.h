/* The kit's TLS contexts: a client that believes every certificate, and a guest with a self-signed one that is
 * made at the start and stands nowhere on the disk. Owned by whoever made them; on the kit's thread.
 */
#ifndef CARREL_LOAD_TLS_H
#define CARREL_LOAD_TLS_H

#include <stdbool.h>

#include <carrel/error.h>

struct ssl_ctx_st;

int load_tls_client(struct ssl_ctx_st **ret, struct error *err) MUST_CHECK;

/* RSA: a key of 2048 bits, as xrdp and Windows make them; else P-256. TICKETS: sessions may be resumed. */
int load_tls_guest(struct ssl_ctx_st **ret, bool rsa, bool tickets, struct error *err) MUST_CHECK;

/* Whether the connection resumed an earlier TLS session. */
struct ssl_st;
bool load_tls_resumed(struct ssl_st *ssl);

void load_tls_free(struct ssl_ctx_st **ctx);

#endif
