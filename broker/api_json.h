/* JSON of the API, in and out. Request bodies are read strictly: a member of the wrong type, a missing
 * one and one that nobody asked for are each refused with a sentence that names it. All memory that jansson
 * allocates in this process is wiped when it is freed, because bodies and answers hold passwords.
 * Pure functions on the caller's memory; any thread.
 */
#ifndef CARREL_BROKER_API_JSON_H
#define CARREL_BROKER_API_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

#include "secret.h"

void api_json_init(void); /* once, before the first value is made */

/* Encodes VALUE as one line with a line feed; freed with api_json_free(). NULL: no memory. */
char *api_json_encode(const json_t *value, size_t *ret_len);
/* An empty line, in the same kind of memory. */
char *api_json_line(size_t *ret_len);
void api_json_free(void *bytes);

/* "2025-01-01T12:00:00.000Z", or null for 0. */
json_t *api_json_time(int64_t ms);
/* The other way; CE_BAD_INPUT when it is no UTC time of RFC 3339. */
int api_json_time_parse(const char *text, int64_t *ret_ms) MUST_CHECK;
/* TEXT, with bytes that are no UTF-8 replaced: answers never fail over what a guest or a disk said. */
json_t *api_json_text(const char *text);

/* --- reading an object --------------------------------------------------------------------------- */

#define API_READER_MEMBERS_MAX 48

enum api_presence { API_OPTIONAL, API_REQUIRED };

/* The first failure sticks, as in struct cursor: ask for all members, then api_reader_finish() once. The
 * functions return whether the member was there and good; the value is untouched otherwise. */
struct api_reader {
    const json_t *object;
    const char *where; /* "" or "client.": how members are named in sentences */
    const char *asked[API_READER_MEMBERS_MAX];
    size_t asked_count;
    struct error err;
};

void api_reader_init(struct api_reader *reader, const json_t *object, const char *where);

/* Text of at most SIZE - 1 bytes, without control characters. */
bool api_reader_text(struct api_reader *reader, const char *name, enum api_presence presence, char *ret,
                     size_t size);
bool api_reader_secret(struct api_reader *reader, const char *name, enum api_presence presence,
                       struct secret *ret);
bool api_reader_u64(struct api_reader *reader, const char *name, enum api_presence presence, uint64_t min,
                    uint64_t max, uint64_t *ret);
bool api_reader_u32(struct api_reader *reader, const char *name, enum api_presence presence, uint32_t min,
                    uint32_t max, uint32_t *ret);
bool api_reader_flag(struct api_reader *reader, const char *name, enum api_presence presence, bool *ret);
/* One of the names that PARSE knows (it returns -1 for others); CHOICES are listed in the sentence. */
bool api_reader_choice(struct api_reader *reader, const char *name, enum api_presence presence,
                       int (*parse)(const char *name), const char *choices, int *ret);
bool api_reader_array(struct api_reader *reader, const char *name, enum api_presence presence,
                      const json_t **ret);
bool api_reader_object(struct api_reader *reader, const char *name, enum api_presence presence,
                       const json_t **ret);
bool api_reader_has(const struct api_reader *reader, const char *name);

/* Refuses with a sentence about member NAME, unless something was refused before. */
void api_reader_refuse(struct api_reader *reader, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* 0, or CE_BAD_INPUT with the sentence in reader->err; members that were not asked for are refused here. */
int api_reader_finish(struct api_reader *reader) MUST_CHECK;

#endif
