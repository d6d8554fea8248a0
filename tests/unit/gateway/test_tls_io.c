/* TLS over a socket pair, both ends in this thread: certificate, server, client and the reading BIO together.
 */
#include "tls_io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "suite.h"
#include "tls_cert.h"
#include "tls_client.h"
#include "tls_library.h"
#include "tls_server.h"

struct pair {
    int fds[2];
    struct tls_server *server;
    struct tls_client *client;
    struct tls_io a, b; /* server's and client's side */
};

static char folder[] = "/tmp/carrel-tls-XXXXXX";
static char pem[PATH_MAX];

static void certificate_make(const char *kind)
{
    struct error err = {0};
    CU_ASSERT_EQUAL_FATAL(tls_cert_ensure(folder, kind, "desk.example", true, pem, &err), 0);
}

static void pair_open(struct pair *p)
{
    struct error err = {0};
    *p = (struct pair){0};
    if (!strstr(folder, "XXXXXX") || mkdtemp(folder))
        certificate_make("ecdsa");
    CU_ASSERT_EQUAL_FATAL(tls_server_create(&p->server, pem, pem, &err), 0);
    CU_ASSERT_EQUAL_FATAL(tls_client_create(&p->client, NULL, &err), 0);
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p->fds), 0);
    CU_ASSERT_EQUAL_FATAL(tls_server_accept(p->server, &p->a, p->fds[0]), 0);
    CU_ASSERT_EQUAL_FATAL(tls_client_connect(p->client, &p->b, p->fds[1], "guest"), 0);
}

static void pair_shake(struct pair *p)
{
    enum tls_result a = TLS_WANT_READ, b = TLS_WANT_READ;
    for (unsigned i = 0; i < 20 && (a != TLS_OK || b != TLS_OK); i++) {
        tls_io_readable(&p->a);
        tls_io_readable(&p->b);
        b = tls_io_handshake(&p->b);
        a = tls_io_handshake(&p->a);
    }
    CU_ASSERT_EQUAL_FATAL(a, TLS_OK);
    CU_ASSERT_EQUAL_FATAL(b, TLS_OK);
}

static void pair_close(struct pair *p)
{
    tls_io_close(&p->a);
    tls_io_close(&p->b);
    tls_server_unref(&p->server);
    tls_client_destroy(&p->client);
    close(p->fds[0]);
    close(p->fds[1]);
}

static void shakes_hands_and_shows_the_servers_fingerprint(void)
{
    struct pair p;
    char seen[TLS_FINGERPRINT_SIZE] = "";
    pair_open(&p);
    pair_shake(&p);
    CU_ASSERT_EQUAL(tls_io_peer_fingerprint(&p.b, seen), 0);
    CU_ASSERT_STRING_EQUAL(seen, tls_server_fingerprint(p.server));
    CU_ASSERT_EQUAL(strlen(seen), 64);
    CU_ASSERT_STRING_EQUAL(tls_io_version(&p.a), "TLSv1.3");
    CU_ASSERT_EQUAL(tls_io_peer_fingerprint(&p.a, seen), CE_NOT_FOUND);
    pair_close(&p);
}

static void many_records_come_with_one_wake_up(void)
{
    struct pair p;
    uint8_t bytes[100];
    size_t n = 0, got = 0;
    pair_open(&p);
    pair_shake(&p);
    for (unsigned i = 0; i < 50; i++) {
        memset(bytes, (int)i, sizeof bytes);
        CU_ASSERT_EQUAL(tls_io_write(&p.a, bytes, sizeof bytes, &n), TLS_OK);
    }
    tls_io_readable(&p.b);
    while (tls_io_read(&p.b, bytes, sizeof bytes, &n) == TLS_OK) {
        CU_ASSERT_EQUAL(bytes[0], got / sizeof bytes);
        CU_ASSERT_TRUE(p.b.drained); /* from the first record on: one recv() brought them all */
        got += n;
    }
    CU_ASSERT_EQUAL(got, 50 * sizeof bytes);
    /* Without another wake-up nobody asks the kernel. */
    CU_ASSERT_EQUAL(tls_io_write(&p.a, bytes, sizeof bytes, &n), TLS_OK);
    CU_ASSERT_EQUAL(tls_io_read(&p.b, bytes, sizeof bytes, &n), TLS_WANT_READ);
    tls_io_readable(&p.b);
    CU_ASSERT_EQUAL(tls_io_read(&p.b, bytes, sizeof bytes, &n), TLS_OK);
    pair_close(&p);
}

static void a_full_socket_takes_a_part_and_the_rest_may_move(void)
{
    enum { TOTAL = 4 * 1024 * 1024 };
    struct pair p;
    uint8_t *bytes = malloc(TOTAL), *copy = malloc(TOTAL), back[4096];
    size_t sent = 0, got = 0, n;
    pair_open(&p);
    pair_shake(&p);
    for (unsigned i = 0; i < TOTAL; i++)
        bytes[i] = (uint8_t)(i * 31 >> 3);
    bool was_full = false, same = true;
    while (got < TOTAL) {
        memcpy(copy, bytes + sent, TOTAL - sent); /* at another address each time */
        was_full |= sent < TOTAL && tls_io_write(&p.a, copy, TOTAL - sent, &n) == TLS_WANT_WRITE;
        sent += sent < TOTAL ? n : 0;
        tls_io_readable(&p.b);
        while (tls_io_read(&p.b, back, sizeof back, &n) == TLS_OK) {
            same = same && !memcmp(back, bytes + got, n);
            got += n;
        }
    }
    CU_ASSERT_TRUE(was_full);
    CU_ASSERT_TRUE(same);
    CU_ASSERT_EQUAL(got, TOTAL);
    pair_close(&p);
    free(bytes);
    free(copy);
}

static void an_end_that_is_said_differs_from_one_that_is_not(void)
{
    struct pair p;
    uint8_t bytes[16];
    size_t n;
    pair_open(&p);
    pair_shake(&p);
    CU_ASSERT_EQUAL(tls_io_end(&p.a), TLS_OK);
    tls_io_readable(&p.b);
    CU_ASSERT_EQUAL(tls_io_read(&p.b, bytes, sizeof bytes, &n), TLS_CLOSED);
    pair_close(&p);

    pair_open(&p);
    pair_shake(&p);
    shutdown(p.fds[0], SHUT_RDWR);
    tls_io_readable(&p.b);
    CU_ASSERT_EQUAL(tls_io_read(&p.b, bytes, sizeof bytes, &n), TLS_CUT);
    CU_ASSERT_STRING_EQUAL(tls_io_why(&p.b), "end of stream");
    pair_close(&p);
}

static void what_came_before_a_broken_write_can_still_be_read(void)
{
    struct pair p;
    uint8_t bytes[16] = "last words";
    size_t n;
    pair_open(&p);
    pair_shake(&p);
    CU_ASSERT_EQUAL(tls_io_write(&p.a, bytes, sizeof bytes, &n), TLS_OK);
    shutdown(p.fds[0], SHUT_RDWR);
    CU_ASSERT_EQUAL(tls_io_write(&p.b, bytes, sizeof bytes, &n), TLS_CUT);
    tls_io_readable(&p.b);
    CU_ASSERT_EQUAL(tls_io_read(&p.b, bytes, sizeof bytes, &n), TLS_OK);
    CU_ASSERT_STRING_EQUAL((char *)bytes, "last words");
    tls_io_readable(&p.b);
    CU_ASSERT_EQUAL(tls_io_read(&p.b, bytes, sizeof bytes, &n), TLS_CUT);
    pair_close(&p);
}

static void bytes_that_are_no_tls_fail_with_words(void)
{
    struct pair p;
    pair_open(&p);
    CU_ASSERT_EQUAL(write(p.fds[1], "GET / HTTP/1.1\r\n\r\n", 18), 18);
    tls_io_readable(&p.a);
    CU_ASSERT_EQUAL(tls_io_handshake(&p.a), TLS_FAILED);
    CU_ASSERT_STRING_NOT_EQUAL(tls_io_why(&p.a), "no reason given");
    CU_ASSERT_EQUAL(tls_io_end(&p.a), TLS_CUT);
    pair_close(&p);
}

static void a_certificate_is_made_once_for_its_owner_alone(void)
{
    struct error err = {0};
    struct tls_server *server = NULL;
    struct stat st;
    char first[TLS_FINGERPRINT_SIZE];
    struct pair p;
    pair_open(&p);
    pair_close(&p);
    CU_ASSERT_EQUAL_FATAL(tls_server_create(&server, pem, pem, &err), 0);
    strcpy(first, tls_server_fingerprint(server));
    tls_server_unref(&server);
    certificate_make("ecdsa");
    CU_ASSERT_EQUAL_FATAL(tls_server_create(&server, pem, pem, &err), 0);
    CU_ASSERT_STRING_EQUAL(first, tls_server_fingerprint(server));
    tls_server_unref(&server);
    CU_ASSERT_EQUAL(stat(pem, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
    CU_ASSERT_EQUAL(tls_cert_ensure(folder, "dsa", "desk.example", true, pem, &err), CE_BAD_INPUT);
}

static void a_copy_serves_with_a_library_of_its_own(const char *kind)
{
    struct pair p;
    struct error err = {0};
    struct tls_library *library = NULL;
    struct tls_server *copy = NULL;
    char seen[TLS_FINGERPRINT_SIZE];
    pair_open(&p);
    certificate_make(kind);
    tls_server_unref(&p.server);
    CU_ASSERT_EQUAL_FATAL(tls_server_create(&p.server, pem, pem, &err), 0);
    CU_ASSERT_EQUAL_FATAL(tls_library_create(&library, &err), 0);
    copy = tls_server_copy(p.server, library);
    CU_ASSERT_PTR_NOT_EQUAL_FATAL(copy, p.server);
    CU_ASSERT_STRING_EQUAL(tls_server_fingerprint(copy), tls_server_fingerprint(p.server));
    tls_io_close(&p.a);
    CU_ASSERT_EQUAL_FATAL(tls_server_accept(copy, &p.a, p.fds[0]), 0);
    pair_shake(&p);
    CU_ASSERT_EQUAL(tls_io_peer_fingerprint(&p.b, seen), 0);
    CU_ASSERT_STRING_EQUAL(seen, tls_server_fingerprint(copy));
    tls_io_close(&p.a);
    tls_server_unref(&copy);
    tls_library_destroy(&library); /* before what was copied, as at the end of a worker */
    pair_close(&p);
}

static void copies_serve_with_libraries_of_their_own(void)
{
    a_copy_serves_with_a_library_of_its_own("ecdsa");
    a_copy_serves_with_a_library_of_its_own("rsa");
}

static void a_key_of_another_certificate_is_refused(void)
{
    struct error err = {0};
    struct tls_server *server = NULL;
    char rsa[PATH_MAX], ecdsa[PATH_MAX];
    struct pair p;
    pair_open(&p);
    pair_close(&p);
    strcpy(ecdsa, pem);
    certificate_make("rsa");
    strcpy(rsa, pem);
    CU_ASSERT_EQUAL(tls_server_create(&server, ecdsa, rsa, &err), CE_BAD_INPUT);
    CU_ASSERT_PTR_NULL(server);
    CU_ASSERT_EQUAL(tls_server_create(&server, "/nonexistent.pem", rsa, &err), CE_BAD_INPUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/nonexistent.pem"));
    CU_ASSERT_EQUAL(tls_server_create(&server, rsa, rsa, &err), 0);
    tls_server_unref(&server);
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

SUITE("tls_io", TEST(shakes_hands_and_shows_the_servers_fingerprint),
      TEST(many_records_come_with_one_wake_up), TEST(a_full_socket_takes_a_part_and_the_rest_may_move),
      TEST(an_end_that_is_said_differs_from_one_that_is_not),
      TEST(what_came_before_a_broken_write_can_still_be_read), TEST(bytes_that_are_no_tls_fail_with_words),
      TEST(a_certificate_is_made_once_for_its_owner_alone), TEST(a_key_of_another_certificate_is_refused),
      TEST(copies_serve_with_libraries_of_their_own), TEST(folder_is_removed))
