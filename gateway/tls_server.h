/* The gateway's side of TLS towards clients: certificate, versions, options. Immutable once made and counted
 * by reference, so that a reload makes a new one while connections of the old one live on. Any thread.
 */
#ifndef CARREL_GATEWAY_TLS_SERVER_H
#define CARREL_GATEWAY_TLS_SERVER_H

#include <carrel/error.h>

#include "tls_io.h"

struct tls_library;
struct tls_server;

/* PEM files; both may be the same one. */
int tls_server_create(struct tls_server **ret, const char *certificate_path, const char *key_path,
                      struct error *err) MUST_CHECK;
/* The same certificate and key with a worker's own library, which must outlive it; another reference to OF where there
 * can be no copy, as of a key that a token does not give away. */
struct tls_server *tls_server_copy(struct tls_server *of, const struct tls_library *library);
struct tls_server *tls_server_ref(struct tls_server *server);
void tls_server_unref(struct tls_server **server); /* the last one frees */

const char *tls_server_fingerprint(const struct tls_server *server);
int tls_server_accept(struct tls_server *server, struct tls_io *io, int fd) MUST_CHECK;

#endif
