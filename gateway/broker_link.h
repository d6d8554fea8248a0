/* The gateway's standing with the broker, on the main thread's loop: the heartbeat that lists live sessions,
 * the long poll for orders, and the reports of connections. Reports come from any thread into a bounded queue
 * and are repeated until the broker took them, so that a lost broker costs no bookkeeping and ends no
 * session.
 */
#ifndef CARREL_GATEWAY_BROKER_LINK_H
#define CARREL_GATEWAY_BROKER_LINK_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include <carrel/error.h>
#include <carrel/fail.h>
#include <carrel/ids.h>

#include "config.h"

enum {
    /* Reports that wait for the broker; then the oldest is dropped and counted: the heartbeat tells the
     * broker in the end which sessions live. */
    BROKER_REPORTS_MAX = 20000,
    /* Between two requests with reports, so that those of a log-in storm go together. */
    BROKER_REPORTS_REST_MS = 20,
    BROKER_RETRY_MS = 500,
    BROKER_CALL_MS = 10000,
    BROKER_ORDERS_WAIT_S = 25,
    /* At the end the last reports have so long to leave. */
    BROKER_FAREWELL_MS = 3000,
};

struct gateway;
struct broker_link;

/* An order to show a message. */
struct broker_message {
    char session[ID_SIZE];
    int64_t connection;
    int64_t order; /* its number, for the report */
    char text[MESSAGE_TEXT_SIZE];
    uint32_t show_s;
};

struct broker_report {
    const char *session;
    int64_t connection;
    bool noted;                    /* only what was denied meanwhile */
    bool closed;                   /* else: connected */
    const char *reconnect;         /* of connected: what proves the cookie; "" or NULL: there is none */
    const char *guest_fingerprint; /* of connected, when the ticket named none; "" or NULL otherwise */
    enum fail fail;                /* of closed */
    const char *detail;
    uint64_t bytes_in, bytes_out;
    int64_t message;    /* an order's number: only what became of the message; 0: another report */
    bool message_shown; /* of message; else detail says why it was not */
    const char *denied; /* what the policy kept from it, words with blanks between them; NULL: nothing */
};

/* CLOSE_SESSION is called on the main thread for each connection that the broker wants closed. */
int broker_link_open(struct broker_link **ret, uv_loop_t *loop, struct gateway *gateway,
                     const struct config *config, const char *address,
                     void (*close_session)(void *arg, const char *session, int64_t connection,
                                           enum fail fail),
                     void *arg, struct error *err) MUST_CHECK;
void broker_link_start(struct broker_link *link);
/* DRAIN is called with each heartbeat's answer, with close_session's ARG: is this gateway to take nobody in? */
void broker_link_on_drain(struct broker_link *link, void (*drain)(void *arg, bool draining));
/* SHOW is called on the main thread for each message, with close_session's ARG. */
void broker_link_on_message(struct broker_link *link,
                            void (*show)(void *arg, const struct broker_message *message));
/* The gateway takes nobody in: it is not ready, whatever the broker says. */
void broker_link_set_idle(struct broker_link *link, bool idle);
void broker_link_set_fingerprint(struct broker_link *link, const char *fingerprint);

/* From any thread; copies. */
void broker_link_report(struct broker_link *link, const struct broker_report *report);

/* Sends what is queued if the broker answers in time, closes the handles, frees, then calls CLOSED. */
void broker_link_close(struct broker_link *link, void (*closed)(void *arg), void *arg);

#endif
