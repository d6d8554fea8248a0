/* The clipboard (MS-RDPECLIP): what a filter of its directions and of files has to know.
 * Pure functions, any thread. Messages are what stands behind the channel's header.
 */
#ifndef CARREL_CLIPRDR_H
#define CARREL_CLIPRDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

#include "writer.h"

enum {
    CLIPRDR_HEADER_LEN = 8,
    CLIPRDR_FILE_FORMATS_MAX = 8, /* of one list that are remembered; a list with more is refused */
    CLIPRDR_ANSWER_MAX_LEN = 12,
};

/* msgType, 2.2.1 */
enum cliprdr_type {
    CLIPRDR_MONITOR_READY = 1,
    CLIPRDR_FORMAT_LIST = 2,
    CLIPRDR_FORMAT_LIST_RESPONSE = 3,
    CLIPRDR_DATA_REQUEST = 4,
    CLIPRDR_DATA_RESPONSE = 5,
    CLIPRDR_TEMP_DIRECTORY = 6,
    CLIPRDR_CAPS = 7,
    CLIPRDR_FILE_REQUEST = 8,
    CLIPRDR_FILE_RESPONSE = 9,
    CLIPRDR_LOCK = 10,
    CLIPRDR_UNLOCK = 11,
};

enum cliprdr_flag { CLIPRDR_OK = 1, CLIPRDR_FAIL = 2, CLIPRDR_ASCII_NAMES = 4 };

/* generalFlags of the general capability set, 2.2.2.1.1.1 */
enum cliprdr_caps {
    CLIPRDR_LONG_NAMES = 0x02,
    CLIPRDR_CAPS_OF_FILES = 0x04 | 0x08 | 0x10 | 0x20, /* stream, no paths, locking, huge files */
};

struct cliprdr_header {
    uint16_t type; /* enum cliprdr_type, or one that is not known */
    uint16_t flags;
    uint32_t data_len;
    uint32_t
        number; /* the first four bytes behind the header: formatId, streamId; 0 where they are missing */
};

/* MESSAGE needs only begin here. */
int cliprdr_parse(const uint8_t *message, size_t len, struct cliprdr_header *ret) MUST_CHECK;

/* Reads the general flags of a CLIPRDR_CAPS and clears CLEAR in them, in place; *ret_flags is what they were.
 * CE_NOT_FOUND: it has none. */
int cliprdr_caps_change(uint8_t *message, size_t len, uint32_t clear, uint32_t *ret_flags) MUST_CHECK;

struct cliprdr_formats {
    unsigned count;
    uint32_t ids[CLIPRDR_FILE_FORMATS_MAX];
};

/* Takes the formats of files out of a whole CLIPRDR_FORMAT_LIST, in place; *len shrinks, *ret_removed has their
 * ids. LONG_NAMES: both sides can do those, 2.2.3.1.2. CE_BAD_INPUT where the list is not whole, CE_LIMIT where
 * it has too many of them; it may be changed then. */
int cliprdr_remove_files(uint8_t *message, size_t *len, bool long_names,
                         struct cliprdr_formats *ret_removed) MUST_CHECK;

/* A message without contents: an empty format list, or an answer. */
void cliprdr_write(struct writer *w, enum cliprdr_type type, uint16_t flags);
/* 'no' to a CLIPRDR_FILE_REQUEST. */
void cliprdr_write_no_file(struct writer *w, uint32_t stream_id);

#endif
