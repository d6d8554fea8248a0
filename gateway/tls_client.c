#include "tls_client.h"

#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

struct tls_client {
    SSL_CTX *ctx;
};

int tls_client_create(struct tls_client **ret, struct error *err)
{
    struct tls_client *client = calloc(1, sizeof *client);
    SSL_CTX *ctx = client ? SSL_CTX_new(TLS_client_method()) : NULL;
    if (!ctx || !SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION)) {
        SSL_CTX_free(ctx);
        free(client);
        ERR_clear_error();
        return error_set(err, CE_NOMEM, "no TLS towards guests");
    }
    /* Guests sign their own certificates, some with keys that level 2 would refuse; the pin decides. */
    SSL_CTX_set_security_level(ctx, 1);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(ctx, 1);
    SSL_CTX_set_default_read_buffer_len(ctx, TLS_READ_AHEAD_BYTES);
    client->ctx = ctx;
    *ret = client;
    return 0;
}

void tls_client_destroy(struct tls_client **client)
{
    if (*client)
        SSL_CTX_free((*client)->ctx);
    free(*client);
    *client = NULL;
}

int tls_client_connect(struct tls_client *client, struct tls_io *io, int fd)
{
    return tls_io_open(io, client->ctx, fd, false);
}
