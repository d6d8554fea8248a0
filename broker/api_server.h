/* The HTTP server of the API: libmicrohttpd's epoll descriptor on the loop, connections accepted here so that
 * their number and their peers are known, slow answers as suspended connections. Its two .c files alone see
 * libmicrohttpd. Owned by main.c, on the loop's thread.
 */
#ifndef CARREL_BROKER_API_SERVER_H
#define CARREL_BROKER_API_SERVER_H

#include <carrel/error.h>

#include "broker.h"

struct request;
struct api_server;

/* Connections of users without any role, all together: health checks need few. More are closed. */
#define API_STRANGERS_MAX 32

int api_server_open(struct api_server **ret, struct broker *broker, struct error *err) MUST_CHECK;

/* First half of the end: nothing new is accepted, parked requests are answered, streams end; idle()
 * is called once when no request is with the store or a worker any more. */
void api_server_drain(struct api_server *server, void (*idle)(void *arg), void *arg);

/* Second half: answers get DRAIN_MS to leave, then everything is closed; closed() is called last. */
void api_server_close(struct api_server *server, void (*closed)(void *arg), void *arg);

/* --- for api_request.c --------------------------------------------------------------------------- */

void api_server_resume(struct request *r); /* an answer is set, or stream bytes are there */
void api_server_watch(struct request *r);  /* suspended: when its client goes away, r->gone tells */

#endif
