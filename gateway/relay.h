/* One direction of a relayed session: bytes that arrived decrypted, framed into PDUs, identifiers mapped in
 * place, and waiting to be encrypted for the other side. No I/O here: pump.c moves the bytes.
 *
 *     buffer  [ sent | whole PDUs, unsent | beginning of a PDU | room ]
 *             0      head                 ready                tail
 *
 * Before the relay begins, the same struct is the output queue of the connection sequences. Embedded in the
 * session, used on its thread.
 */
#ifndef CARREL_GATEWAY_RELAY_H
#define CARREL_GATEWAY_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

#include "moderation.h"
#include "pool.h"
#include "rdp_pdu.h"
#include "share_caps.h"

struct banner_click;
struct policy_filter;

enum {
    RELAY_DRAIN_BYTES = 64 * 1024, /* read at most so much before it is written on */
    /* Back-pressure: with so much unsent the source is not read any more, ... */
    RELAY_HIGH_WATER_BYTES = 64 * 1024,
    RELAY_LOW_WATER_BYTES = 16 * 1024, /* ... until only so much is left. */
    RELAY_RESERVE_BYTES = 512,         /* kept free for a refusal behind the last whole PDU */
};

/* Whether the newest fast-path PDU towards the client ended within an update in fragments. Looked at only while
 * somebody wants to put something in: UNKNOWN until the first PDU after that. */
enum relay_output { OUTPUT_UNWATCHED, OUTPUT_UNKNOWN, OUTPUT_TORN, OUTPUT_WHOLE };

/* What both directions together know about the session. */
struct relay_facts {
    struct id_map map;
    uint32_t share_id;
    uint32_t seen_by_client; /* enum rdp_seen: what has gone to the client so far */
    uint32_t seen_by_guest;
    uint32_t error_info; /* of the guest's last Set Error Info */
    uint32_t dropped;    /* PDUs that were not passed on */
    uint32_t inputs;     /* PDUs by which the client told of keys and the mouse; it may wrap */
    uint32_t watched;    /* bit N: channel RDP_IO_CHANNEL + N of the client goes through the filter */
    struct policy_filter *filter; /* NULL while nothing is watched */
    struct share_facts share;
    bool active; /* the client has its Font Map, and was not told to deactivate since */
    enum relay_output output;
    struct banner_click *click; /* NULL while no banner is up; borrowed from it */
    bool confirm_due; /* the client was switched: what it says before its Confirm Active was for another */
};

struct relay_dir {
    uint8_t *buffer; /* from the pool; NULL while nothing is held */
    uint32_t head, ready, tail;
    uint32_t high; /* the buffer is untouched from here on */
    enum rdp_direction direction;
    bool blocked;     /* the destination's socket is full */
    bool paused;      /* above high water: the source is not read */
    bool secret;      /* a password went through: the buffer is wiped before it goes back to the pool */
    uint32_t reserve; /* kept free by reads, for what a filter puts in */
    uint64_t bytes;
    struct moderation moderation;
};

static inline size_t relay_unsent(const struct relay_dir *dir)
{
    return dir->ready - dir->head;
}

static inline const uint8_t *relay_output(const struct relay_dir *dir)
{
    return dir->buffer + dir->head;
}

/* Where the next bytes of the source go; 0 bytes of room: wait until something was sent. CE_NOMEM. */
int relay_room(struct relay_dir *dir, struct pool *pool, uint8_t **ret_at, size_t *ret_room) MUST_CHECK;

/* N bytes were put there: frames and maps them. CE_BAD_INPUT: the stream cannot go on; whole PDUs before the
 * bad one are ready all the same. */
int relay_arrived(struct relay_dir *dir, size_t n, struct relay_facts *facts) MUST_CHECK;

/* Appends bytes of the gateway's own behind the last whole PDU; the beginning of another one, which can then
 * never be completed, is thrown away. CE_NOMEM, CE_LIMIT. */
int relay_say(struct relay_dir *dir, struct pool *pool, const uint8_t *bytes, size_t len) MUST_CHECK;

/* Puts a PDU of the gateway's own between the last whole PDU and the beginning of the next one. CE_NOMEM;
 * CE_LIMIT: there is no room now, try again when something was sent. */
int relay_insert(struct relay_dir *dir, struct pool *pool, const uint8_t *bytes, size_t len) MUST_CHECK;

/* N bytes of the output left. Gives the buffer back when it is empty. */
void relay_sent(struct relay_dir *dir, struct pool *pool, size_t n);

void relay_finish(struct relay_dir *dir, struct pool *pool);

#endif
