/* A client under load: RDP's connection sequence in TLS mode up to the Font Map, or TLS alone (for proxies
 * that know no RDP), then fast-path PDUs whose numbers it checks. Allocated by client_open(), freed after its
 * `gone` event; on the kit's thread.
 */
#ifndef CARREL_LOAD_CLIENT_H
#define CARREL_LOAD_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include <carrel/error.h>

#include "player.h"
#include "recording.h"
#include "wire.h"

enum client_step {
    CLIENT_CONNECT,
    CLIENT_CONFIRM, /* X.224 */
    CLIENT_TLS,
    CLIENT_RESPONSE, /* MCS Connect-Response */
    CLIENT_ATTACH,
    CLIENT_JOIN,
    CLIENT_DEMAND, /* Client Info is sent */
    CLIENT_FONT_MAP,
    CLIENT_ECHO, /* TLS alone: until an answer shows that the guest is reached */
    CLIENT_ACTIVE,
};

enum {
    CLIENT_IN_FLIGHT_MAX = 64, /* inputs without an answer; then no more are sent */
    CLIENT_WHY_SIZE = 96,
    CLIENT_NUMBERS = 10000000,
    CLIENT_NAME_SIZE = 16, /* of 15 letters, as CS_CORE has room for */
};

#define CLIENT_NAME_FORMAT "l%07u%07u"

struct client;

struct client_events {
    void (*active)(struct client *c);
    void (*output)(struct client *c, size_t len);             /* a whole and right one */
    void (*answer)(struct client *c, uint64_t round_trip_ns); /* output that answers an input */
    void (*gone)(struct client *c);                           /* c->why says how; freed afterwards */
};

struct client_config {
    struct wire_loop *shared;
    struct ssl_ctx_st *tls;
    const struct sockaddr *address; /* borrowed */
    socklen_t address_len;
    bool rdp;     /* else TLS from the first byte and PDUs at once */
    bool joins;   /* joins each channel by itself, as clients without "skip channel join" do */
    bool lenient; /* output need not be the kit's own: the guest is a real one */
    uint32_t channels;
    const struct recording *recording; /* NULL, or what is played; its channels are asked for */
    double speed;
    uint32_t rounds;
    const struct client_events *events;
};

struct client {
    struct wire wire;
    const struct client_config *config; /* borrowed */
    void *owner;                        /* of the run */
    const char *user, *password;        /* borrowed */
    uint32_t number, visit;             /* which session of the run, and which of its connections */
    enum client_step step;
    uint16_t user_id, io_channel, next_join, last_join;
    uint32_t outputs, inputs, answered; /* how many so far */
    uint32_t error_info;                /* of a Set Error Info */
    struct recording_ids ids;           /* of what is played */
    struct player player;
    uint64_t began_ns, secured_ns, desktop_ns, active_ns;
    uint64_t sent_ns[CLIENT_IN_FLIGHT_MAX]; /* by tag */
    char why[CLIENT_WHY_SIZE];              /* empty while nothing is wrong */
    bool ended_by_us;
    bool farewell; /* the other side said that it ends the session */
};

/* CE_LIMIT: no descriptor left. */
int client_open(struct client **ret, const struct client_config *config, void *owner, const char *user,
                const char *password, uint32_t number, uint32_t visit) MUST_CHECK;

/* False: too many are unanswered, or the socket is full. */
bool client_input(struct client *c);

/* Plays what of the recording is due PASSED_NS after its beginning; how many PDUs were sent. */
unsigned client_play(struct client *c, uint64_t passed_ns);

/* CUT: by a reset, as a lost network would. The `gone` event follows. */
void client_end(struct client *c, bool cut);

#endif
