/* The gateway's side of TLS towards guests: no certificate authority, the fingerprint that the broker gave is
 * what counts (back.c compares it). One per worker thread.
 *
 * A guest that hands out tickets is resumed the next time, which spares both sides most of a handshake's work. The
 * session keeps the certificate that was proven in its full handshake, so the comparison is the same.
 */
#ifndef CARREL_GATEWAY_TLS_CLIENT_H
#define CARREL_GATEWAY_TLS_CLIENT_H

#include <carrel/error.h>

#include "tls_io.h"

struct tls_client;
struct tls_library;

/* LIBRARY: the worker's, borrowed; NULL: OpenSSL's own. */
int tls_client_create(struct tls_client **ret, const struct tls_library *library,
                      struct error *err) MUST_CHECK;
void tls_client_destroy(struct tls_client **client);
/* PEER names the guest and its fingerprint: sessions are resumed with the same PEER only. */
int tls_client_connect(struct tls_client *client, struct tls_io *io, int fd, const char *peer) MUST_CHECK;

/* Nothing is resumed the next time: a guest that fails in resuming gets a full handshake then. */
void tls_client_forget(struct tls_client *client, const char *peer);

#endif
