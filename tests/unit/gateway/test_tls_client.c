/* Resumption towards a guest that hands out tickets, over a socket pair, both ends in this thread. */
#include "tls_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "suite.h"
#include "tls_cert.h"

static char folder[] = "/tmp/carrel-tls-client-XXXXXX";

/* A guest's side: OpenSSL's usual server, which hands out tickets. */
static SSL_CTX *guest_create(const char *kind)
{
    char pem[PATH_MAX];
    struct error err = {0};
    static bool made; /* the name that it gets may have an X of its own */
    if (!made)
        CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    made = true;
    CU_ASSERT_EQUAL_FATAL(tls_cert_ensure(folder, kind, "desk.example", true, pem, &err), 0);
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    CU_ASSERT_PTR_NOT_NULL_FATAL(ctx);
    CU_ASSERT_EQUAL_FATAL(SSL_CTX_use_certificate_file(ctx, pem, SSL_FILETYPE_PEM), 1);
    CU_ASSERT_EQUAL_FATAL(SSL_CTX_use_PrivateKey_file(ctx, pem, SSL_FILETYPE_PEM), 1);
    return ctx;
}

/* Connects, exchanges a byte, ends; whether it was resumed. The connection is CUT as a lost guest's would be. */
static bool visit(struct tls_client *client, SSL_CTX *guest_ctx, const char *peer,
                  char ret_fingerprint[TLS_FINGERPRINT_SIZE])
{
    struct tls_io ours, theirs;
    int fds[2];
    uint8_t byte = 1;
    size_t n;
    enum tls_result a = TLS_WANT_READ, b = TLS_WANT_READ;
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    CU_ASSERT_EQUAL_FATAL(tls_client_connect(client, &ours, fds[0], peer), 0);
    CU_ASSERT_EQUAL_FATAL(tls_io_open(&theirs, guest_ctx, fds[1], true), 0);
    for (unsigned i = 0; i < 20 && (a != TLS_OK || b != TLS_OK); i++) {
        tls_io_readable(&ours);
        tls_io_readable(&theirs);
        a = tls_io_handshake(&ours);
        b = tls_io_handshake(&theirs);
    }
    CU_ASSERT_EQUAL_FATAL(a, TLS_OK);
    CU_ASSERT_EQUAL_FATAL(b, TLS_OK);
    CU_ASSERT_EQUAL(tls_io_write(&theirs, &byte, 1, &n), TLS_OK);
    tls_io_readable(&ours);
    CU_ASSERT_EQUAL(tls_io_read(&ours, &byte, 1, &n), TLS_OK); /* the tickets came before it */
    bool resumed = SSL_session_reused(ours.ssl) == 1;
    CU_ASSERT_EQUAL(tls_io_peer_fingerprint(&ours, ret_fingerprint), 0);
    tls_io_close(&ours);
    tls_io_close(&theirs);
    close(fds[0]);
    close(fds[1]);
    return resumed;
}

static struct tls_client *client_create(void)
{
    struct tls_client *client = NULL;
    struct error err = {0};
    CU_ASSERT_EQUAL_FATAL(tls_client_create(&client, NULL, &err), 0);
    return client;
}

static void a_guest_is_resumed_and_keeps_its_fingerprint(void)
{
    char first[TLS_FINGERPRINT_SIZE], later[TLS_FINGERPRINT_SIZE];
    struct tls_client *client = client_create();
    SSL_CTX *guest = guest_create("ecdsa");
    CU_ASSERT_FALSE(visit(client, guest, "a", first));
    for (unsigned i = 0; i < 3; i++) {
        CU_ASSERT_TRUE(visit(client, guest, "a", later));
        CU_ASSERT_STRING_EQUAL(first, later);
    }
    SSL_CTX_free(guest);
    tls_client_destroy(&client);
}

static void nothing_is_resumed_with_another_guest(void)
{
    char fingerprint[TLS_FINGERPRINT_SIZE];
    struct tls_client *client = client_create();
    SSL_CTX *guest = guest_create("ecdsa");
    CU_ASSERT_FALSE(visit(client, guest, "a", fingerprint));
    CU_ASSERT_FALSE(visit(client, guest, "b", fingerprint));
    SSL_CTX_free(guest);
    tls_client_destroy(&client);
}

static void a_guest_that_was_made_anew_shows_its_new_certificate(void)
{
    char first[TLS_FINGERPRINT_SIZE], later[TLS_FINGERPRINT_SIZE];
    struct tls_client *client = client_create();
    SSL_CTX *before = guest_create("ecdsa"), *after = guest_create("rsa");
    CU_ASSERT_FALSE(visit(client, before, "a", first));
    CU_ASSERT_FALSE(visit(client, after, "a", later));
    CU_ASSERT_STRING_NOT_EQUAL(first, later);
    SSL_CTX_free(before);
    SSL_CTX_free(after);
    tls_client_destroy(&client);
}

static void a_forgotten_guest_gets_a_full_handshake(void)
{
    char fingerprint[TLS_FINGERPRINT_SIZE];
    struct tls_client *client = client_create();
    SSL_CTX *guest = guest_create("ecdsa");
    CU_ASSERT_FALSE(visit(client, guest, "a", fingerprint));
    tls_client_forget(client, "b");
    CU_ASSERT_TRUE(visit(client, guest, "a", fingerprint));
    tls_client_forget(client, "a");
    CU_ASSERT_FALSE(visit(client, guest, "a", fingerprint));
    SSL_CTX_free(guest);
    tls_client_destroy(&client);
}

/* Many guests share the places; each visit must be right whoever was there before. */
static void guests_that_share_a_place_do_not_mix(void)
{
    char name[32], fingerprint[TLS_FINGERPRINT_SIZE], right[TLS_FINGERPRINT_SIZE];
    struct tls_client *client = client_create();
    SSL_CTX *guest = guest_create("ecdsa");
    (void)visit(client, guest, "first", right);
    for (unsigned i = 0; i < 60; i++) {
        snprintf(name, sizeof name, "guest %u", i % 30);
        (void)visit(client, guest, name, fingerprint);
        CU_ASSERT_STRING_EQUAL(fingerprint, right);
    }
    SSL_CTX_free(guest);
    tls_client_destroy(&client);
}

static void folder_is_removed(void)
{
    char path[PATH_MAX];
    static const char *const kinds[] = {"ecdsa", "rsa"};
    for (unsigned i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/self-signed-%s.pem", folder, kinds[i]);
        CU_ASSERT_EQUAL(unlink(path), 0);
    }
    CU_ASSERT_EQUAL(rmdir(folder), 0);
}

SUITE("tls_client", TEST(a_guest_is_resumed_and_keeps_its_fingerprint),
      TEST(nothing_is_resumed_with_another_guest), TEST(a_guest_that_was_made_anew_shows_its_new_certificate),
      TEST(a_forgotten_guest_gets_a_full_handshake), TEST(guests_that_share_a_place_do_not_mix),
      TEST(folder_is_removed))
