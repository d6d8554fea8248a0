/* An HTTP/1.1 client on the loop: libcurl's multi interface driven by uv polls and one timer, keep-alive,
 * over a unix socket or TLS. One per loop thread; answers come on that thread. JSON in, JSON out.
 */
#ifndef CARREL_HTTP_CLIENT_H
#define CARREL_HTTP_CLIENT_H

#include <jansson.h>
#include <uv.h>

#include <carrel/error.h>

struct http_client;
struct http_call;

/* SOCKET_PATH: the broker's unix socket. */
int http_client_open(struct http_client **ret, uv_loop_t *loop, const char *socket_path) MUST_CHECK;
/* Cancels what is under way (answers come with CE_CANCELLED, from here), closes handles, then closed(). */
void http_client_close(struct http_client *client, void (*closed)(void *arg), void *arg);

/* STATUS: the HTTP status, or a negative enum carrel_error (CE_UNREACHABLE, CE_TIMEOUT, CE_CANCELLED).
 * BODY: the decoded answer, borrowed for the call; NULL where it was empty or no JSON. */
struct http_answer {
    int status;
    json_t *body;
    const char *error; /* words when status is negative */
};

/* Sends BODY (may be NULL; not kept: it is encoded here and the encoded copy is wiped afterwards, as it may
 * hold a password) to METHOD PATH. TIMEOUT_MS covers the whole call. *ret_call (may be NULL) can be
 * cancelled until answered() was called. */
int http_client_call(struct http_client *client, const char *method, const char *path, const json_t *body,
                     uint64_t timeout_ms, void (*answered)(void *arg, const struct http_answer *answer),
                     void *arg, struct http_call **ret_call) MUST_CHECK;
void http_call_cancel(struct http_call *call); /* answered() is not called */

#endif
