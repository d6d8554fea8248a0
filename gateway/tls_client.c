#include "tls_client.h"

#include <stdint.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tls_library.h"

enum {
    /* Guests whose sessions are kept, by a hash of their names; where two meet in one place the younger stays. */
    RESUMED_PEERS = 1024,
};

struct resumed {
    uint64_t peer; /* the hash; of nobody: 0 */
    SSL_SESSION *session;
};

struct tls_client {
    SSL_CTX *ctx;
    struct resumed resumed[RESUMED_PEERS];
};

/* FNV-1a. A wrong match costs nothing but a full handshake or, with the other's certificate, the session. */
static uint64_t hash(const char *text)
{
    uint64_t h = 0xcbf29ce484222325;
    for (; *text; text++)
        h = (h ^ (uint8_t)*text) * 0x100000001b3;
    return h ? h : 1;
}

static struct resumed *place_of(struct tls_client *client, uint64_t peer)
{
    return &client->resumed[peer % RESUMED_PEERS];
}

static void place_clear(struct resumed *place, uint64_t peer)
{
    SSL_SESSION_free(place->session);
    *place = (struct resumed){.peer = peer};
}

/* A ticket came. The session itself is a copy: OpenSSL marks the one in use as spent when its connection breaks. */
static int on_session(SSL *ssl, SSL_SESSION *session)
{
    struct tls_client *client = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    uint64_t peer = (uintptr_t)SSL_get_app_data(ssl);
    struct resumed *place = place_of(client, peer);
    SSL_SESSION *copy = place->peer == peer ? SSL_SESSION_dup(session) : NULL;
    if (copy) {
        place_clear(place, peer);
        place->session = copy;
    }
    return 0;
}

int tls_client_create(struct tls_client **ret, const struct tls_library *library, struct error *err)
{
    struct tls_client *client = calloc(1, sizeof *client);
    SSL_CTX *ctx = client ? SSL_CTX_new_ex(tls_library_context(library), NULL, TLS_client_method()) : NULL;
    if (!ctx || !SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) ||
        !SSL_CTX_set_ciphersuites(ctx, TLS_CIPHERSUITES)) {
        SSL_CTX_free(ctx);
        free(client);
        ERR_clear_error();
        return error_set(err, CE_NOMEM, "no TLS towards guests");
    }
    /* Guests sign their own certificates, some with keys that level 2 would refuse; the pin decides. */
    SSL_CTX_set_security_level(ctx, 1);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, on_session);
    SSL_CTX_set_app_data(ctx, client);
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
    if (*client) {
        for (unsigned i = 0; i < RESUMED_PEERS; i++)
            SSL_SESSION_free((*client)->resumed[i].session);
        SSL_CTX_free((*client)->ctx);
    }
    free(*client);
    *client = NULL;
}

int tls_client_connect(struct tls_client *client, struct tls_io *io, int fd, const char *peer_name)
{
    uint64_t peer = hash(peer_name);
    struct resumed *place = place_of(client, peer);
    int rc = tls_io_open(io, client->ctx, fd, false);
    if (rc)
        return rc;
    SSL_set_app_data(io->ssl, (void *)(uintptr_t)peer);
    if (place->peer != peer)
        place_clear(place, peer);
    if (place->session)
        (void)SSL_set_session(io->ssl, place->session);
    return 0;
}

void tls_client_forget(struct tls_client *client, const char *peer_name)
{
    uint64_t peer = hash(peer_name);
    struct resumed *place = place_of(client, peer);
    if (place->peer == peer)
        place_clear(place, peer);
}
