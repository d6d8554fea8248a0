#include "tls_server.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "tls_cert.h"
#include "tls_library.h"

struct tls_server {
    SSL_CTX *ctx;
    atomic_uint refs;
    char fingerprint[TLS_FINGERPRINT_SIZE];
};

/* No tickets and no session cache: RDP clients hardly resume, and a ticket key would outlive forward secrecy.
 * Partial writes and moving buffers are what the relay's buffers need; released buffers are what keeps an
 * idle session small. */
static void options_set(SSL_CTX *ctx)
{
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_num_tickets(ctx, 0);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(ctx, 1);
    SSL_CTX_set_default_read_buffer_len(ctx, TLS_READ_AHEAD_BYTES);
}

static struct tls_server *server_alloc(const struct tls_library *library)
{
    struct tls_server *server = calloc(1, sizeof *server);
    if (!server)
        return NULL;
    atomic_init(&server->refs, 1);
    server->ctx = SSL_CTX_new_ex(tls_library_context(library), NULL, TLS_server_method());
    if (server->ctx)
        options_set(server->ctx);
    else
        tls_server_unref(&server);
    return server;
}

static int ctx_fill(struct tls_server *server, const char *certificate_path, const char *key_path,
                    struct error *err)
{
    SSL_CTX *ctx = server->ctx;
    const char *what = NULL, *path = certificate_path;
    if (!SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION))
        what = "TLS 1.2 is not to be had";
    else if (!SSL_CTX_set_ciphersuites(ctx, TLS_CIPHERSUITES))
        what = "the ciphers of TLS 1.3 are not to be had";
    else if (SSL_CTX_use_certificate_chain_file(ctx, certificate_path) != 1)
        what = "the certificate cannot be read";
    else if (SSL_CTX_use_PrivateKey_file(ctx, path = key_path, SSL_FILETYPE_PEM) != 1)
        what = "the private key cannot be read";
    else if (SSL_CTX_check_private_key(ctx) != 1)
        what = "the private key does not belong to the certificate";
    else if (tls_cert_fingerprint(SSL_CTX_get0_certificate(ctx), server->fingerprint))
        what = "the certificate has no fingerprint";
    if (!what)
        return 0;
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    return error_set(err, CE_BAD_INPUT, "%s: %s (%s)", path, what, reason ? reason : "no reason given");
}

int tls_server_create(struct tls_server **ret, const char *certificate_path, const char *key_path,
                      struct error *err)
{
    struct tls_server *server = server_alloc(NULL);
    int rc = server ? ctx_fill(server, certificate_path, key_path, err)
                    : error_set(err, CE_NOMEM, "no memory for TLS");
    ERR_clear_error();
    if (rc)
        tls_server_unref(&server);
    else
        *ret = server;
    return rc;
}

/* Objects of OpenSSL keep what other libraries made of them, so a library must have its own: a shared key would still
 * point into one that is gone. */
static X509 *certificate_copy(const X509 *certificate, OSSL_LIB_CTX *context)
{
    unsigned char *der = NULL;
    int len = i2d_X509(certificate, &der);
    const unsigned char *at = der;
    X509 *copy = len > 0 ? X509_new_ex(context, NULL) : NULL;
    if (copy)
        (void)d2i_X509(&copy, &at, len); /* where it fails it frees the copy and makes it NULL */
    OPENSSL_free(der);
    return copy;
}

static EVP_PKEY *key_copy(const EVP_PKEY *key, OSSL_LIB_CTX *context)
{
    OSSL_PARAM *numbers = NULL;
    EVP_PKEY *copy = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(context, EVP_PKEY_get0_type_name(key), NULL);
    if (ctx && EVP_PKEY_todata(key, EVP_PKEY_KEYPAIR, &numbers) == 1 && EVP_PKEY_fromdata_init(ctx) == 1)
        (void)EVP_PKEY_fromdata(ctx, &copy, EVP_PKEY_KEYPAIR, numbers);
    for (OSSL_PARAM *p = numbers; p && p->key; p++)
        OPENSSL_cleanse(p->data, p->data_size);
    OSSL_PARAM_free(numbers);
    EVP_PKEY_CTX_free(ctx);
    return copy;
}

struct tls_server *tls_server_copy(struct tls_server *of, const struct tls_library *library)
{
    struct tls_server *server = server_alloc(library);
    STACK_OF(X509) *chain = NULL;
    OSSL_LIB_CTX *context = tls_library_context(library);
    X509 *certificate = certificate_copy(SSL_CTX_get0_certificate(of->ctx), context);
    EVP_PKEY *key = key_copy(SSL_CTX_get0_privatekey(of->ctx), context);
    bool ok = server && certificate && key && SSL_CTX_set_min_proto_version(server->ctx, TLS1_2_VERSION) &&
              SSL_CTX_set_ciphersuites(server->ctx, TLS_CIPHERSUITES) &&
              SSL_CTX_use_certificate(server->ctx, certificate) == 1 &&
              SSL_CTX_use_PrivateKey(server->ctx, key) == 1 &&
              SSL_CTX_get0_chain_certs(of->ctx, &chain) == 1 && SSL_CTX_set1_chain(server->ctx, chain) == 1;
    X509_free(certificate);
    EVP_PKEY_free(key);
    ERR_clear_error();
    if (!ok) {
        tls_server_unref(&server);
        return tls_server_ref(of);
    }
    memcpy(server->fingerprint, of->fingerprint, sizeof server->fingerprint);
    return server;
}

struct tls_server *tls_server_ref(struct tls_server *server)
{
    atomic_fetch_add(&server->refs, 1);
    return server;
}

void tls_server_unref(struct tls_server **server)
{
    if (*server && atomic_fetch_sub(&(*server)->refs, 1) == 1) {
        SSL_CTX_free((*server)->ctx);
        free(*server);
    }
    *server = NULL;
}

const char *tls_server_fingerprint(const struct tls_server *server)
{
    return server->fingerprint;
}

int tls_server_accept(struct tls_server *server, struct tls_io *io, int fd)
{
    return tls_io_open(io, server->ctx, fd, true);
}
