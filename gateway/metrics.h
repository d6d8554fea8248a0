/* The gateway for Prometheus and balancers, over HTTP on an address of its own: /metrics (text format 0.0.4),
 * /healthz (the process answers), /readyz (it takes connections and its broker answers; else 503). A thread of
 * libmicrohttpd's own serves it and reads what the other threads count.
 */
#ifndef CARREL_GATEWAY_METRICS_H
#define CARREL_GATEWAY_METRICS_H

#include <stdio.h>

#include <carrel/error.h>

struct gateway;
struct metrics;

enum {
    METRICS_CONNECTIONS_MAX = 16, /* more are closed at once */
    METRICS_TIMEOUT_S = 10,       /* a connection that is silent for longer is closed */
};

/* ADDRESS is like 127.0.0.1:9389. A process that this one replaces may have it still. */
int metrics_listen(const char *address, int *ret_fd, struct error *err) MUST_CHECK;
/* Serves on a socket of metrics_listen(), which is its own from here on, whatever comes of it. */
int metrics_open(struct metrics **ret, struct gateway *gateway, int fd, struct error *err) MUST_CHECK;
void metrics_close(struct metrics **metrics); /* joins the thread; safe on NULL */

/* Writes the text. */
void metrics_print(struct gateway *gateway, FILE *out);

#endif
