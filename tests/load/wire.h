/* One connection of the load kit: a non-blocking socket on libuv, in clear until wire_secure(), with TLS
 * behind it, read PDU by PDU. The gateway's own tls_io does the TLS.
 *
 * Embedded in a client or a guest's peer; on the one thread of the kit. The owner hears of everything through
 * its table of events, may call wire_end() inside each of them, and may free the memory in `closed`.
 */
#ifndef CARREL_LOAD_WIRE_H
#define CARREL_LOAD_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

#include "list.h"
#include "tls_io.h"

struct wire;

struct wire_events {
    void (*connected)(struct wire *w); /* TCP stands; only of wire_connect() */
    void (*secured)(struct wire *w);   /* TLS stands */
    /* One whole PDU, in the kit's own memory until the call returns. */
    void (*pdu)(struct wire *w, const uint8_t *bytes, size_t len);
    void (*drained)(
        struct wire *w); /* what could not be sent at once has left, or as wire_want_drained() asked */
    void (*ended)(struct wire *w, const char *why); /* by the peer or by an error; then wire_end() is due */
    void (*closed)(struct wire *w);                 /* the last event */
};

/* What all wires of a loop share. */
struct wire_loop {
    uv_loop_t *loop;
    struct list eager; /* wires that hold bytes which no poll tells of */
    uv_idle_t idle;
    bool idle_runs;
};

struct wire {
    uv_poll_t poll;
    struct list eager_link;
    struct wire_loop *shared; /* borrowed */
    const struct wire_events *events;
    void *data; /* of the owner */
    struct tls_io tls;
    uint8_t *held; /* the beginning of a PDU */
    uint8_t *out;  /* what the socket did not take */
    size_t held_len, out_len, out_size;
    int fd;
    int watched;
    bool connecting, handshaking, secure;
    bool handshake_writes;
    bool wants_drained;
    bool paused;         /* nothing is read: the kernel's buffers fill up */
    bool over;           /* wire_end() was called */
    bool ended_in_order; /* by a close_notify */
    bool mute; /* the peer takes nothing any more; what it said before is still read, up to its end */
    uint64_t in_bytes, out_bytes; /* of PDUs, without TLS */
};

void wire_loop_init(struct wire_loop *shared, uv_loop_t *loop);

int wire_connect(struct wire *w, struct wire_loop *shared, const struct sockaddr *to, socklen_t len,
                 const struct wire_events *events) MUST_CHECK;
/* Takes FD, an accepted socket, in any case. */
int wire_adopt(struct wire *w, struct wire_loop *shared, int fd, const struct wire_events *events) MUST_CHECK;

void wire_secure(struct wire *w, struct ssl_ctx_st *ctx, bool server);

/* Sends, and keeps what the socket does not take now. */
void wire_send(struct wire *w, const void *bytes, size_t len);
/* Whether wire_send() would only make the queue longer. */
static inline bool wire_is_full(const struct wire *w)
{
    return w->out_len != 0;
}

/* The drained event comes as soon as the socket takes more, even if nothing waits to be sent. */
void wire_want_drained(struct wire *w, bool wanted);

void wire_pause(struct wire *w, bool paused);

/* Says that nothing more comes, and goes on reading until the peer ends: what was sent then arrives whole. Only where
 * wire_is_full() is false. */
void wire_farewell(struct wire *w);

/* Closes: with TLS's farewell and FIN, or (CUT) with a reset. Harmless the second time. */
void wire_end(struct wire *w, bool cut);

#endif
