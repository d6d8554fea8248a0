#include "load_tls.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "tls_io.h"

enum {
    RSA_BITS = 2048,
    VALID_S = 24 * 60 * 60,
};

static void modes_set(SSL_CTX *ctx)
{
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_read_ahead(ctx, 1);
    SSL_CTX_set_default_read_buffer_len(ctx, TLS_READ_AHEAD_BYTES);
}

int load_tls_client(struct ssl_ctx_st **ret, struct error *err)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (!ctx)
        return error_set(err, CE_NOMEM, "no TLS for clients");
    modes_set(ctx);
    SSL_CTX_set_security_level(ctx, 1);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    *ret = ctx;
    return 0;
}

static X509 *certificate_make(EVP_PKEY *key)
{
    X509 *certificate = X509_new();
    if (!certificate)
        return NULL;
    X509_NAME *name = X509_get_subject_name(certificate);
    bool ok = X509_set_version(certificate, X509_VERSION_3) &&
              ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) &&
              X509_gmtime_adj(X509_getm_notBefore(certificate), -60) &&
              X509_gmtime_adj(X509_getm_notAfter(certificate), VALID_S) &&
              X509_set_pubkey(certificate, key) &&
              X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"load guest", -1,
                                         -1, 0) &&
              X509_set_issuer_name(certificate, name) && X509_sign(certificate, key, EVP_sha256());
    if (ok)
        return certificate;
    X509_free(certificate);
    return NULL;
}

int load_tls_guest(struct ssl_ctx_st **ret, bool rsa, bool tickets, struct error *err)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    EVP_PKEY *key = rsa ? EVP_RSA_gen(RSA_BITS) : EVP_EC_gen("P-256");
    X509 *certificate = key ? certificate_make(key) : NULL;
    bool ok = ctx && certificate && SSL_CTX_use_certificate(ctx, certificate) == 1 &&
              SSL_CTX_use_PrivateKey(ctx, key) == 1;
    X509_free(certificate);
    EVP_PKEY_free(key);
    if (!ok) {
        SSL_CTX_free(ctx);
        ERR_clear_error();
        return error_set(err, CE_NOMEM, "no TLS for guests");
    }
    modes_set(ctx);
    if (!tickets) {
        SSL_CTX_set_num_tickets(ctx, 0);
        SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    }
    *ret = ctx;
    return 0;
}

bool load_tls_resumed(struct ssl_st *ssl)
{
    return SSL_session_reused(ssl) == 1;
}

void load_tls_free(struct ssl_ctx_st **ctx)
{
    SSL_CTX_free(*ctx);
    *ctx = NULL;
}
