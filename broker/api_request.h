/* One request of the API, from its headers to its last byte: what a handler sees of HTTP. The server
 * (api_server.c) owns it and frees it when the answer was sent or the client is gone; everything here runs on
 * the loop's thread, except jobs, which have the request to themselves on the store's thread meanwhile.
 *
 *     reading -> running <-> parked
 *                   |          |
 *                   +-> answered -> sending -> (freed)
 *                   +-> streaming ----------> (freed)
 *
 * While a request is running, parked or waiting for stream bytes its connection is suspended, so nothing can
 * free it: a client that goes away meanwhile is noticed, and the request ends at its next step.
 */
#ifndef CARREL_BROKER_API_REQUEST_H
#define CARREL_BROKER_API_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <carrel/store.h>

#include "api_json.h"
#include "broker.h"
#include "list.h"

#define REQUEST_PARAMS_MAX 2
#define REQUEST_TEXT_SIZE 128 /* path and query parameters; longer ones are refused */
#define REQUEST_QUERY_MAX 8   /* query parameters; more are refused */
#define REQUEST_WAIT_MAX_S 25 /* a long poll's longest wait */

struct api_route;
struct MHD_Connection;

enum request_state {
    REQUEST_READING,
    REQUEST_RUNNING,   /* a job or a worker has it; ends with the store's patience */
    REQUEST_PARKED,    /* a long poll; ends at park.deadline_ms */
    REQUEST_ANSWERED,  /* resumed; the HTTP library has not come for the answer yet */
    REQUEST_SENDING,   /* the server's sweep gives it broker.request_timeout */
    REQUEST_STREAMING, /* likewise, counted from the last byte that the client took */
    REQUEST_STATE_COUNT,
};

enum request_wake {
    REQUEST_WAKE_CHANGE,  /* something that it may wait for has changed */
    REQUEST_WAKE_TIMEOUT, /* its wait is over */
    REQUEST_WAKE_GONE,    /* nobody reads the answer any more */
    REQUEST_WAKE_CLOSING, /* the broker stops: answer now */
};

struct request_answer {
    unsigned status;
    json_t *json;     /* owned; NULL: no body */
    const char *text; /* borrowed, static: a body instead of json */
    bool is_problem;
    uint64_t retry_after_s; /* 0: none */
    char allow[64];         /* of 405 */
};

struct request {
    struct list entry; /* the server's list of requests */
    struct broker *broker;
    struct MHD_Connection *connection; /* borrowed; used by api_exchange.c alone */
    int fd;                            /* borrowed: its socket */
    enum request_state state;
    const struct api_route *route;
    uid_t uid;
    unsigned roles;
    bool head_only;
    bool keep_no_body; /* the body is read and dropped: the answer is known already */
    bool gone;         /* the client has closed its socket */
    bool suspended;    /* written by api_exchange.c alone */

    char params[REQUEST_PARAMS_MAX][REQUEST_TEXT_SIZE]; /* what {..} of the path matched */
    struct {
        char name[16];
        char value[REQUEST_TEXT_SIZE];
    } query[REQUEST_QUERY_MAX];
    size_t query_count;

    char *raw; /* the body as it comes; wiped */
    size_t raw_len, raw_capacity, dropped_bytes;
    json_t *body; /* an object; empty where the client sent none */

    struct request_answer answer;
    void *input; /* the handler's own, from request_input() */
    size_t input_size;

    int (*job)(struct db *db, struct request *r);
    void (*job_done)(struct request *r);
    int job_rc;
    void (*left)(struct request *r); /* its client went away while a worker had it; may be NULL */

    struct {
        struct list entry; /* one of the broker's lists */
        uint64_t deadline_ms;
        uint64_t seen; /* broker.wakes when its last job was submitted */
        void (*woken)(struct request *r, enum request_wake wake);
    } park;

    struct {
        char *bytes; /* not yet taken by the client */
        size_t len, at;
        bool ended;
        bool busy;                          /* a job is collecting more: the request must stay */
        void (*drained)(struct request *r); /* everything was taken: more may be written */
    } stream;
};

/* Zeroed memory for what a handler reads from the body; wiped with the request. */
void *request_input(struct request *r, size_t size);

const char *request_query(const struct request *r, const char *name); /* NULL: not given */
/* A query parameter as a number: STANDARD where it is missing. False: a problem was answered. */
bool request_query_number(struct request *r, const char *name, uint64_t standard, uint64_t max,
                          uint64_t *ret);

/* Ends the reading of a body: false when a problem was answered. */
bool request_read_done(struct request *r, struct api_reader *reader);

/* --- answers: set on either thread, sent on the loop's ------------------------------------------- */

void request_set(struct request *r, unsigned status,
                 json_t *json);                           /* takes JSON; NULL there: no memory, 500 */
void request_set_items(struct request *r, json_t *items); /* 200 {"items": ITEMS} */
void request_send(struct request *r);
void request_answer(struct request *r, unsigned status, json_t *json); /* both */

/* Hands the job to the store; request_send() follows with what it set, or a problem for its error. AFTER
 * (may be NULL) runs on the loop instead of request_send() when the job and its commit succeeded. A job may
 * be run more than once (the database was locked): it must set everything that it answers. */
void request_run(struct request *r, enum store_mode mode, int (*job)(struct db *db, struct request *r),
                 void (*after)(struct request *r));

/* --- long polls ---------------------------------------------------------------------------------- */

/* WOKEN is called once, and must answer, run a job or park again. A deadline that was set before stays. */
void request_park(struct request *r, struct list *list, uint64_t wait_ms,
                  void (*woken)(struct request *r, enum request_wake wake));
void request_wake(struct request *r, enum request_wake wake);
/* Wakes all of LIST. */
void request_wake_all(struct list *list, enum request_wake wake);

/* --- streams ------------------------------------------------------------------------------------- */

/* Answers 200 with application/x-ndjson and an open end. */
void request_stream_begin(struct request *r, void (*drained)(struct request *r));
/* Takes BYTES (from api_json memory); false and freed when there is no memory to keep them. */
bool request_stream_write(struct request *r, char *bytes, size_t len);
void request_stream_end(struct request *r);

/* --- for api_server.c ---------------------------------------------------------------------------- */

bool request_set_running(struct request *r);
bool request_set_sending(struct request *r);
void request_destroy(struct request **r);

#endif
