/* The gateway's side of TLS towards guests: no certificate authority, the fingerprint that the broker gave is
 * what counts (back.c compares it). One per worker thread.
 */
#ifndef CARREL_GATEWAY_TLS_CLIENT_H
#define CARREL_GATEWAY_TLS_CLIENT_H

#include <carrel/error.h>

#include "tls_io.h"

struct tls_client;

int tls_client_create(struct tls_client **ret, struct error *err) MUST_CHECK;
void tls_client_destroy(struct tls_client **client);
int tls_client_connect(struct tls_client *client, struct tls_io *io, int fd) MUST_CHECK;

#endif
