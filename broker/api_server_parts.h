/* What the API's server is made of, for its two files: api_server.c (connections, the loop, start and end) and
 * api_exchange.c (one request and its answer). They are the only ones that see libmicrohttpd. The loop's thread.
 */
#ifndef CARREL_BROKER_API_SERVER_PARTS_H
#define CARREL_BROKER_API_SERVER_PARTS_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "broker.h"
#include "list.h"

enum conn_phase {
    CONN_READING, /* a request, or the pause before one: broker.request_timeout in all */
    CONN_WORKING, /* it is with us */
    CONN_SENDING, /* broker.request_timeout in all; streams: since the client last took bytes */
};

struct conn {
    struct list entry;
    int fd; /* borrowed from MHD */
    uid_t uid;
    bool stranger; /* has no role */
    enum conn_phase phase;
    uint64_t since_ms;
};

struct api_server {
    struct broker *broker;
    struct MHD_Daemon *daemon;
    int listen_fd;
    int spare_fd;  /* given up for a moment to accept and close when no descriptor is left */
    int gone_epfd; /* suspended sockets whose hang-up matters */
    char path[CONFIG_TEXT_SIZE];
    uv_poll_t listen_poll, mhd_poll, gone_poll;
    uv_timer_t mhd_timer, sweep_timer, park_timer;
    unsigned handles; /* of the six above, not closed */
    struct list conns, requests;
    size_t conn_count, stranger_count;
    bool draining, closing;
    uint64_t cut_ms; /* closing: when the rest is cut */
    void (*idle)(void *arg);
    void *idle_arg;
    void (*closed)(void *arg);
    void *closed_arg;
};

/* --- api_server.c -------------------------------------------------------------------------------- */

uint64_t server_now_ms(const struct api_server *server);
void server_kick(struct api_server *server);       /* lets MHD work soon */
void server_check_idle(struct api_server *server); /* draining: was that the last request? */
void server_arm_park_timer(struct api_server *server, uint64_t deadline_ms);
struct conn *conn_of(struct MHD_Connection *connection); /* NULL when it could not be made */
void conn_set_phase(struct api_server *server, struct conn *conn, enum conn_phase phase);

/* --- api_exchange.c: what MHD calls -------------------------------------------------------------- */

enum MHD_Result exchange_request(void *cls, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *upload_data,
                                 size_t *upload_data_size, void **con_cls);
void exchange_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                        enum MHD_RequestTerminationCode how);
size_t exchange_unescape(void *cls, struct MHD_Connection *connection, char *text);
/* A watched socket was hung up. */
void exchange_gone(struct request *r);

#endif
