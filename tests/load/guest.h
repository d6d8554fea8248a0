/* A fake guest: listens, conducts the server's side of RDP's connection sequence in TLS mode with a self-signed
 * certificate (or TLS alone), answers tagged input with tagged output, and pours out PDUs. Any user is
 * welcome. On the kit's thread.
 */
#ifndef CARREL_LOAD_GUEST_H
#define CARREL_LOAD_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include <carrel/error.h>

#include "hist.h"
#include "list.h"
#include "player.h"
#include "wire.h"

enum guest_step {
    GUEST_REQUEST,
    GUEST_TLS,
    GUEST_INITIAL,
    GUEST_DOMAIN, /* Erect Domain, Attach User, joins, Client Info */
    GUEST_CONFIRM,
    GUEST_ACTIVE,
};

enum { GUEST_STRANGER = UINT32_MAX };

struct guest;

struct guest_peer {
    struct wire wire;
    struct list link; /* on guest->peers */
    struct guest *guest;
    enum guest_step step;
    uint16_t user_id;
    uint32_t number, visit; /* of the kit's client at the other end; GUEST_STRANGER where it is none */
    bool leaving;           /* guest_leave() was called: it sends no more */
    struct recording_ids ids;
    struct player player;
    uint32_t inputs, outputs;
};

struct guest_config {
    struct wire_loop *shared;
    struct ssl_ctx_st *tls;
    bool rdp;
    bool lenient;                      /* input need not be the kit's own: any client is served */
    uint32_t answer_len;               /* of the output that answers an input, in bytes */
    const struct recording *recording; /* NULL, or what each peer plays */
    double speed;
    uint32_t rounds;
    struct hist *late; /* how much later than recorded PDUs left; borrowed */
};

struct guest {
    struct guest_config config;
    uv_poll_t listening;
    int fd;
    uint16_t port;
    struct list peers;
    unsigned active; /* peers that are past their activation */
    uint64_t accepted, resumed;
    uint64_t broken; /* peers that sent what they must not; guest->why has the last one's words */
    uint64_t inputs, input_bytes; /* checked ones */
    uint64_t outputs;             /* PDUs sent, of all peers */
    uint32_t pour_len;   /* bytes of a PDU that each active peer pours out as fast as it can; 0: none */
    uint32_t pour_every; /* only one session in so many does; 0: all */
    bool closed;
    char why[96];
};

/* ADDRESS "HOST:PORT", port 0 for any. */
int guest_open(struct guest *g, const struct guest_config *config, const struct sockaddr *address,
               socklen_t len, struct error *err) MUST_CHECK;

/* Sends one PDU; false where the socket is full. */
bool guest_output(struct guest_peer *p, uint32_t len, uint32_t tag);

/* Plays what of the recording is due PASSED_NS after its beginning. */
void guest_play(struct guest_peer *p, uint64_t passed_ns);

/* Sets guest->pour_len and starts (or, with 0, stops) all active peers. */
void guest_pour(struct guest *g, uint32_t len);

/* The guest ends this session after all that it has sent; that must not be waiting here (wire_is_full()). */
void guest_leave(struct guest_peer *p);

/* Stops listening and ends all peers. */
void guest_close(struct guest *g);

#endif
