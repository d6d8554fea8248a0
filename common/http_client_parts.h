/* What the parts of the HTTP client share and nobody else calls. http_client.c has the calls' order, their deadlines and
 * what their callers are told; http_call.c what one call sends and gets; http_client_loop.c libcurl's sockets and
 * its timer on the loop.
 */
#ifndef CARREL_HTTP_CLIENT_PARTS_H
#define CARREL_HTTP_CLIENT_PARTS_H

#include <curl/curl.h>
#include <stdbool.h>

#include "http_client.h"
#include "list.h"

struct http_client {
    uv_loop_t *loop;
    CURLM *multi;
    uv_timer_t curl_timer; /* when libcurl wants to be called without an event */
    uv_timer_t wait_timer; /* the nearest deadline of the calls that wait and of the streams */
    struct list active;    /* struct http_call */
    struct list waiting;   /* struct http_call, oldest first */
    struct list sockets;   /* struct http_socket */
    unsigned active_count, waiting_count, open_handles;
    bool closing;
    char *socket_path;
    void (*closed)(void *arg);
    void *closed_arg;
};

struct http_call {
    struct list entry; /* on active or waiting */
    struct http_client *client;
    CURL *easy;
    struct curl_slist *headers;
    uint64_t deadline_ms; /* on the loop's clock */
    void (*answered)(void *arg, const struct http_answer *answer);
    void (*line)(void *arg, const char *line, size_t len); /* of a stream; else NULL */
    uint64_t silence_ms, silent_at_ms; /* of a stream: the deadline moves with every byte */
    void *arg;
    char *sent; /* the encoded body */
    size_t sent_len;
    char *got;
    size_t got_len, got_size;
    char words[CURL_ERROR_SIZE];
};

/* ---- http_call.c ---- */

/* Makes the easy handle of a call whose client, line() and arguments are set. */
int http_call_prepare(struct http_call *call, const char *method, const char *path,
                      const json_t *body) MUST_CHECK;
/* Of a call that libcurl and the lists know no more; what it sent and got is wiped. */
void http_call_destroy(struct http_call **call);
/* The error of this project for one of libcurl's. */
int http_call_error(CURLcode code);

/* ---- http_client_loop.c ---- */

void http_loop_open(struct http_client *client);
/* Of a client that is closing and whose calls are gone; frees it when its handles are closed. */
void http_loop_close(struct http_client *client);
/* CURLOPT_CLOSESOCKETFUNCTION; its argument is the client. */
int http_loop_close_socket(void *arg, curl_socket_t fd);

/* ---- http_client.c ---- */

/* libcurl has done something: finishes the calls that are done and starts those that wait. */
void http_client_collect(struct http_client *client);

#endif
