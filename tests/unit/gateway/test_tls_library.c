/* A worker's own library, with a handshake over a socket pair for each kind of certificate. */
#include "tls_library.h"

#include <sys/socket.h>
#include <unistd.h>

#include <openssl/decoder.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "suite.h"
#include "tls_client.h"

static struct tls_library *library_create(void)
{
    struct tls_library *library = NULL;
    struct error err = {0};
    CU_ASSERT_EQUAL_FATAL(tls_library_create(&library, &err), 0);
    CU_ASSERT_PTR_NOT_NULL(tls_library_context(library));
    return library;
}

/* A guest with a certificate of its own, by OpenSSL's own library. */
static SSL_CTX *guest_create(EVP_PKEY *key)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    X509 *certificate = X509_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(key);
    const char *kind = EVP_PKEY_get0_type_name(key);
    const EVP_MD *digest = kind[0] == 'E' && kind[1] == 'D' ? NULL : EVP_sha256();
    CU_ASSERT_FATAL(ctx && certificate && X509_set_version(certificate, X509_VERSION_3) &&
                    X509_gmtime_adj(X509_getm_notBefore(certificate), 0) &&
                    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600) &&
                    X509_set_pubkey(certificate, key) && X509_sign(certificate, key, digest) > 0);
    CU_ASSERT_EQUAL_FATAL(SSL_CTX_use_certificate(ctx, certificate), 1);
    CU_ASSERT_EQUAL_FATAL(SSL_CTX_use_PrivateKey(ctx, key), 1);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return ctx;
}

/* EVP_PKEY_Q_keygen() does not know the kind. */
static EVP_PKEY *rsa_pss_create(void)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
    CU_ASSERT_FATAL(ctx && EVP_PKEY_keygen_init(ctx) == 1 && EVP_PKEY_generate(ctx, &key) == 1);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static void meet(struct tls_client *client, SSL_CTX *guest, int version)
{
    struct tls_io ours, theirs;
    char fingerprint[TLS_FINGERPRINT_SIZE];
    int fds[2];
    enum tls_result a = TLS_WANT_READ, b = TLS_WANT_READ;
    SSL_CTX_set_max_proto_version(guest, version);
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    CU_ASSERT_EQUAL_FATAL(tls_client_connect(client, &ours, fds[0], "guest"), 0);
    CU_ASSERT_EQUAL_FATAL(tls_io_open(&theirs, guest, fds[1], true), 0);
    for (unsigned i = 0; i < 20 && (a != TLS_OK || b != TLS_OK); i++) {
        tls_io_readable(&ours);
        tls_io_readable(&theirs);
        a = tls_io_handshake(&ours);
        b = tls_io_handshake(&theirs);
    }
    CU_ASSERT_EQUAL(a, TLS_OK);
    CU_ASSERT_EQUAL(b, TLS_OK);
    CU_ASSERT_EQUAL(tls_io_peer_fingerprint(&ours, fingerprint), 0);
    tls_client_forget(client, "guest");
    tls_io_close(&ours);
    tls_io_close(&theirs);
    close(fds[0]);
    close(fds[1]);
}

static void guests_of_every_kind_of_key_are_understood(void)
{
    struct error err = {0};
    struct tls_library *library = library_create();
    struct tls_client *client = NULL;
    enum { KEYS = 6 };
    EVP_PKEY *keys[KEYS] = {EVP_RSA_gen(2048),
                            EVP_EC_gen("P-256"),
                            EVP_EC_gen("P-384"),
                            rsa_pss_create(),
                            EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"),
                            EVP_PKEY_Q_keygen(NULL, NULL, "ED448")};
    CU_ASSERT_EQUAL_FATAL(tls_client_create(&client, library, &err), 0);
    for (unsigned i = 0; i < KEYS; i++) {
        SSL_CTX *guest = guest_create(keys[i]);
        meet(client, guest, TLS1_3_VERSION);
        meet(client, guest, TLS1_2_VERSION);
        SSL_CTX_free(guest);
    }
    tls_client_destroy(&client);
    tls_library_destroy(&library);
}

static void old_ciphers_of_tls_1_2_are_understood(void)
{
    static const char *const ciphers[] = {"AES256-SHA256", "ECDHE-RSA-AES256-SHA",
                                          "DHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-CHACHA20-POLY1305"};
    struct error err = {0};
    struct tls_library *library = library_create();
    struct tls_client *client = NULL;
    SSL_CTX *guest = guest_create(EVP_RSA_gen(2048));
    CU_ASSERT_EQUAL_FATAL(tls_client_create(&client, library, &err), 0);
    (void)SSL_CTX_set_dh_auto(guest, 1);
    for (unsigned i = 0; i < sizeof ciphers / sizeof *ciphers; i++) {
        CU_ASSERT_EQUAL_FATAL(SSL_CTX_set_cipher_list(guest, ciphers[i]), 1);
        meet(client, guest, TLS1_2_VERSION);
    }
    SSL_CTX_free(guest);
    tls_client_destroy(&client);
    tls_library_destroy(&library);
}

static void one_more(OSSL_DECODER *decoder, void *count)
{
    (void)decoder;
    ++*(unsigned *)count;
}

static void little_is_looked_through_to_read_a_certificates_key(void)
{
    unsigned all = 0, ours = 0;
    struct tls_library *library = library_create();
    OSSL_DECODER_do_all_provided(NULL, one_more, &all);
    OSSL_DECODER_do_all_provided(tls_library_context(library), one_more, &ours);
    CU_ASSERT(ours > 0 && ours * 4 < all);
    tls_library_destroy(&library);
}

static void libraries_come_and_go_independently(void)
{
    struct tls_library *first = library_create(), *second = library_create();
    CU_ASSERT_PTR_NOT_EQUAL(tls_library_context(first), tls_library_context(second));
    tls_library_destroy(&first);
    CU_ASSERT_PTR_NULL(first);
    EVP_MD *digest = EVP_MD_fetch(tls_library_context(second), "SHA256", NULL);
    CU_ASSERT_PTR_NOT_NULL(digest);
    EVP_MD_free(digest);
    tls_library_destroy(&second);
    CU_ASSERT_PTR_NULL(tls_library_context(NULL));
}

SUITE("tls_library", TEST(guests_of_every_kind_of_key_are_understood),
      TEST(old_ciphers_of_tls_1_2_are_understood), TEST(little_is_looked_through_to_read_a_certificates_key),
      TEST(libraries_come_and_go_independently))
