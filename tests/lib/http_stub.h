/* A small HTTP/1.1 server for tests, on the test's own loop and a unix socket: it takes requests apart and
 * hands them to the test, which answers now, later, in pieces, wrongly or never.
 */
#ifndef CARREL_TESTS_HTTP_STUB_H
#define CARREL_TESTS_HTTP_STUB_H

#include <stddef.h>
#include <uv.h>

struct http_stub;
struct http_stub_peer; /* one connection; valid until it is cut or the stub is closed */

struct http_stub_request {
    char method[16];
    char path[256];
    char head[4096];  /* the request line and all headers, terminated */
    const char *body; /* terminated */
    size_t body_len;
    unsigned peer_number; /* of the connection, counted from 1 */
    struct http_stub_peer *peer;
};

typedef void http_stub_handler(void *arg, const struct http_stub_request *request);

/* Listens on PATH, which must not exist. */
struct http_stub *http_stub_open(uv_loop_t *loop, const char *path, http_stub_handler *handler, void *arg);
/* Cuts all connections; what is left is freed on the loop's next turns. */
void http_stub_close(struct http_stub *stub);

/* A whole answer of content type application/json; BODY may be NULL. */
void http_stub_answer(struct http_stub_peer *peer, int status, const char *body);
void http_stub_send(struct http_stub_peer *peer, const void *bytes, size_t len); /* any bytes */
void http_stub_cut(struct http_stub_peer *peer); /* once what was sent has left */
unsigned http_stub_peers_now(const struct http_stub *stub);
unsigned http_stub_peers_ever(const struct http_stub *stub);

#endif
