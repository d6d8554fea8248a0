/* A recorded RDP session: what guest and client said to each other once the session was active, PDU by PDU, with the
 * times. Pure functions on the caller's bytes; files are recording_file.c's.
 *
 * A file is a few lines of text, an empty line, and one zstd frame with a checksum:
 *
 *     carrel-recording 1
 *     channels rdpdr rdpsnd cliprdr drdynvc        names of the static channels, in the client's order; may be none
 *
 *     (zstd) events, each:
 *         u32 little endian   microseconds since the event before
 *         u8                  kind (enum recording_kind), and 0x80 where the guest said it
 *         u8                  number of the channel, of RECORDING_CHANNEL; else 0
 *         u16 little endian   how many bytes follow
 *         ...                 the bytes
 *
 * What is kept of a PDU is what means the same in another connection: no identifiers of users, channels and shares.
 * Nothing before the Font Map is in a recording, so no Client Info, no certificate and no licence; neither are the Save
 * Session Info (its cookie lets somebody in) and the Server Redirection PDU (a password). What was typed is in it, and
 * what the clipboard carried.
 */
#ifndef CARREL_LOAD_RECORDING_H
#define CARREL_LOAD_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

#include "gcc_client.h"
#include "writer.h"

#define RECORDING_MAGIC "carrel-recording 1\n"

enum recording_kind {
    RECORDING_FAST_PATH, /* the whole PDU */
    RECORDING_SHARE, /* a Share Data PDU of the I/O channel from its streamId on (MS-RDPBCGR 2.2.8.1.1.1.2) */
    RECORDING_CHANNEL, /* of a static virtual channel: its header and data (2.2.6.1) */
    RECORDING_KIND_COUNT,
};

enum {
    RECORDING_EVENT_HEADER_LEN = 8,
    RECORDING_BYTES_MAX = 0x7f00,    /* of one event: what a Send Data PDU has room for behind its headers */
    RECORDING_EVENTS_MAX = 10000000, /* more are refused */
    RECORDING_HEADER_MAX_LEN = 512,  /* of the text */
};

struct recording_event {
    uint64_t at_us; /* since the first one */
    const uint8_t *bytes;
    uint16_t len;
    uint8_t kind; /* enum recording_kind */
    uint8_t channel;
};

/* One direction. */
struct recording_side {
    struct recording_event *events;
    uint32_t count;
    uint64_t bytes;
};

struct recording {
    uint8_t *bytes;                 /* owned; what the events point into */
    struct recording_side sides[2]; /* [true]: what the guest said */
    uint64_t length_us;             /* from the first event to the last one's end, never 0 */
    uint32_t channel_count;
    char channels[GCC_CHANNELS_MAX][GCC_CHANNEL_NAME_MAX + 1];
};

/* How PDUs of one connection are addressed. */
struct recording_ids {
    uint16_t user_id; /* of who speaks; only of what is written */
    uint16_t io_channel;
    uint32_t share_id;
    uint32_t channel_count;
    uint16_t channels[GCC_CHANNELS_MAX];
};

/* The text in front of the zstd frame, with its empty line. CE_NEED_MORE: it does not end in LEN bytes. */
int recording_parse_header(const char *text, size_t len, struct recording *ret, size_t *ret_len) MUST_CHECK;
void recording_write_header(struct writer *w, const struct recording *recording);

/* BYTES, from malloc(), are RET's from now on, also where this fails. RET has its channels already. CE_BAD_INPUT,
 * CE_NOMEM, CE_LIMIT. */
int recording_parse(uint8_t *bytes, size_t len, struct recording *ret) MUST_CHECK;
void recording_finish(struct recording *recording);

/* An event as it stands in a file. */
void recording_write_event(struct writer *w, const struct recording_event *event, bool of_guest,
                           uint64_t since_last_us);

/* What of a whole PDU is played again; RET's bytes are borrowed from it. CE_NOT_FOUND: nothing. CE_BAD_INPUT: it is no
 * PDU of an active session. */
int recording_strip(const uint8_t *pdu, size_t len, const struct recording_ids *ids,
                    struct recording_event *ret) MUST_CHECK;

/* The PDU for another connection. */
void recording_write_pdu(struct writer *w, const struct recording_event *event,
                         const struct recording_ids *ids, bool of_guest);

#endif
