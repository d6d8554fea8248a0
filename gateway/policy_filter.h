/* What a policy lets through of one session's channels: looks into the few of them of which a part is denied,
 * PDU by PDU, and changes, drops or replaces what must not pass. Owned by its session and used on its thread;
 * no I/O, no logging. Sessions whose policy denies nothing have none.
 *
 *   drdynvc   names of denied dynamic channels are overwritten in the guest's requests to open them
 *   cliprdr   policy_clipboard.c: directions and files
 *   rdpdr     policy_devices.c: kinds of devices
 *   io        channel compression is taken out of the capabilities, as a compressed channel cannot be read
 *
 * A message that has to be known as a whole is held back until its last chunk, up to FILTER_HELD_MAX; a longer
 * one is dropped. All other messages pass chunk by chunk.
 */
#ifndef CARREL_POLICY_FILTER_H
#define CARREL_POLICY_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>
#include <carrel/policy.h>

#include "cliprdr.h"
#include "gcc_client.h"
#include "rdp_pdu.h"
#include "vchannel.h"

enum {
    FILTER_HELD_MAX = 12 * 1024,
    /* A held message in chunks again. */
    FILTER_OUT_MAX = FILTER_HELD_MAX + (FILTER_HELD_MAX / VCHANNEL_CHUNK_LEN + 1) * VCHANNEL_CHUNK_COST,
    /* A relay buffer keeps so much free for messages that were held from earlier drains: one of each of the two
     * channels that hold. */
    FILTER_RESERVE_BYTES = 2 * FILTER_OUT_MAX,
    /* Answers that wait for room towards one side; what does not fit is not answered. */
    FILTER_ANSWERS_MAX = 512,
    FILTER_DEVICES_MAX = 64, /* allowed devices of one session; those beyond do not reach the guest */
};

enum filter_verdict {
    FILTER_PASS, /* perhaps changed in place */
    FILTER_DROP,
    FILTER_REPLACE, /* by filter->out */
};

enum filter_kind { FILTER_NONE, FILTER_DYNAMIC, FILTER_CLIPBOARD, FILTER_DEVICES, FILTER_KIND_COUNT };

/* What becomes of the rest of the message whose first chunk was seen. */
enum filter_mode { FILTER_IDLE, FILTER_PASSING, FILTER_DROPPING, FILTER_HOLDING };

/* One direction of a channel that is looked into. */
struct filter_stream {
    enum filter_mode mode;
    uint8_t *held; /* FILTER_HELD_MAX while something is held, else NULL */
    size_t held_len;
};

struct filter_channel {
    uint16_t client, guest;          /* ids; 0: there is none */
    uint32_t flags;                  /* VCHANNEL_SHOW_PROTOCOL, where the client asked for it */
    struct filter_stream streams[2]; /* by enum rdp_direction */
};

struct policy_filter {
    struct policy policy;
    uint16_t guest_user, client_user;
    uint32_t denied; /* enum policy_denial, a set */
    struct filter_channel channels[FILTER_KIND_COUNT];
    /* cliprdr */
    uint32_t long_names;                    /* bit of each direction whose sender can do them */
    bool list_passed;                       /* the guest got a first format list, be it empty */
    struct cliprdr_formats file_formats[2]; /* taken out of the last list in this direction */
    /* rdpdr: what the guest may use */
    unsigned device_count;
    uint32_t device_ids[FILTER_DEVICES_MAX];
    /* towards each side, by enum rdp_direction */
    struct {
        size_t len;
        uint8_t bytes[FILTER_ANSWERS_MAX];
    } answers[2];
    uint8_t *out; /* with FILTER_REPLACE, until policy_filter_out_taken() */
    size_t out_len;
};

/* NULL in *ret where POLICY denies nothing. */
int policy_filter_create(struct policy_filter **ret, const struct policy *policy) MUST_CHECK;
void policy_filter_destroy(struct policy_filter **filter);

/* What the guest is to be told of the client's settings. */
void policy_filter_gcc(struct policy_filter *filter, const struct gcc_client *client,
                       struct gcc_guest_rules *rules);

/* The relay begins: the ids are known. Returns the watched channels, bit N for the client's id RDP_IO_CHANNEL + N. */
uint32_t policy_filter_begin(struct policy_filter *filter, const struct gcc_client *client,
                             const struct id_map *map, const uint16_t *client_channels,
                             const uint16_t *guest_channels, size_t channel_count);

/* PDU is a whole slow-path PDU whose ids are mapped already, SEEN what it is. CE_BAD_INPUT: it breaks a rule
 * without which nothing can be filtered (compressed, or no chunk); CE_NOMEM. */
int policy_filter_pdu(struct policy_filter *filter, enum rdp_direction direction, uint8_t *pdu,
                      const struct rdp_seen_pdu *seen, enum filter_verdict *ret_verdict) MUST_CHECK;

/* What filter->out has was copied. */
void policy_filter_out_taken(struct policy_filter *filter);

/* ---- for policy_clipboard.c and policy_devices.c ---- */

/* One chunk of a message, and what is decided. Where it begins a message, data is its beginning. */
struct filter_chunk {
    enum rdp_direction direction;
    uint8_t *data; /* may be changed in place */
    size_t len;
    bool is_last;
};

/* The first chunk of a message: how it goes on. PASSING, DROPPING or HOLDING; IDLE: filter->out replaces it and
 * the rest is dropped. */
enum filter_mode policy_clipboard_first(struct policy_filter *filter, const struct filter_chunk *chunk);
enum filter_mode policy_devices_first(struct policy_filter *filter, const struct filter_chunk *chunk);

/* A whole message that was held, to be changed in place; *len may shrink. False: it is dropped. */
bool policy_clipboard_held(struct policy_filter *filter, enum rdp_direction direction, uint8_t *message,
                           size_t *len);
/* A held format list became too long, so it is dropped. */
void policy_clipboard_too_long(struct policy_filter *filter, enum rdp_direction direction);
bool policy_devices_held(struct policy_filter *filter, uint8_t *message, size_t *len);

/* Puts MESSAGE as chunks of channel KIND that travel in DIRECTION into filter->out. */
void policy_filter_out(struct policy_filter *filter, enum filter_kind kind, enum rdp_direction direction,
                       const uint8_t *message, size_t len);
/* The same behind the answers that wait. */
void policy_filter_answer(struct policy_filter *filter, enum filter_kind kind, enum rdp_direction direction,
                          const uint8_t *message, size_t len);

static inline enum rdp_direction rdp_opposite(enum rdp_direction direction)
{
    return direction == RDP_TO_GUEST ? RDP_TO_CLIENT : RDP_TO_GUEST;
}

#endif
