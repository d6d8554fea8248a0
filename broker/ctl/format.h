/* Numbers and times as people read them. Pure functions; each writes at most SIZE bytes and returns TEXT.
 */
#ifndef CARREL_CTL_FORMAT_H
#define CARREL_CTL_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FORMAT_SIZE 64

/* "0 B", "512 KiB", "1.4 GiB" */
const char *format_bytes(char *text, size_t size, uint64_t bytes);
/* "now", "12 s", "3 min", "5 h", "2 days" */
const char *format_age(char *text, size_t size, int64_t age_s);
/* An RFC 3339 time of the API as seconds since 1970; false when it is not one. */
bool format_parse_time(const char *text, int64_t *ret_s);
/* "2025-01-01 12:00:00" in the time zone of this terminal. */
const char *format_local_time(char *text, size_t size, int64_t at_s);
/* Copies WORDS with control characters (and escape sequences' beginnings) as '?'; what is UTF-8 stays. */
const char *format_clean(char *text, size_t size, const char *words);

#endif
