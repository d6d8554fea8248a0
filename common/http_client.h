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

/* STATUS: the HTTP status, or a negative enum carrel_error (CE_UNREACHABLE, CE_TIMEOUT, CE_CANCELLED;
 * CE_LIMIT for an answer over 8 MiB, CE_BAD_INPUT for one that is no HTTP).
 * BODY: the decoded answer, borrowed for the call; NULL where it was empty or no JSON. */
struct http_answer {
    int status;
    json_t *body;
    const char *error; /* words when status is negative */
};

/* Sends BODY (may be NULL; not kept: it is encoded here and the encoded copy is wiped afterwards, as it may
 * hold a password) to METHOD PATH. 256 calls are under way at once; more wait in order, up to 8192, and the
 * next one is refused here with CE_LIMIT. TIMEOUT_MS covers the whole call, the wait too. *ret_call (may be
 * NULL) can be cancelled until answered() was called. */
int http_client_call(struct http_client *client, const char *method, const char *path, const json_t *body,
                     uint64_t timeout_ms, void (*answered)(void *arg, const struct http_answer *answer),
                     void *arg, struct http_call **ret_call) MUST_CHECK;

/* GET PATH for an answer that goes on (application/x-ndjson): LINE is called with each line of a 200 answer,
 * without its end and not terminated; empty lines (keep-alives) are left out. Lines longer than
 * HTTP_LINE_MAX_BYTES end the call with CE_LIMIT. answered() comes at the end, with BODY only for another
 * status than 200. SILENCE_MS: CE_TIMEOUT when no byte came for so long. LINE must not cancel the call. */
#define HTTP_LINE_MAX_BYTES (64 * 1024)
int http_client_follow(struct http_client *client, const char *path, uint64_t silence_ms,
                       void (*line)(void *arg, const char *line, size_t len),
                       void (*answered)(void *arg, const struct http_answer *answer), void *arg,
                       struct http_call **ret_call) MUST_CHECK;
void http_call_cancel(struct http_call *call); /* answered() is not called */

#endif
