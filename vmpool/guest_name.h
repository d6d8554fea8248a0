/* Names of guests: a pool's pattern ("demo-%d") with the first free number from 1. Pure; any thread. */
#ifndef VMPOOL_GUEST_NAME_H
#define VMPOOL_GUEST_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include <carrel/error.h>
#include <carrel/ids.h>

#define GUEST_NUMBER_MAX 99999 /* beyond it the pattern counts as used up */

/* A pattern has exactly one %d (it may be padded: %03d) and becomes a valid name with any number. */
bool guest_name_pattern_is_valid(const char *pattern);

/* The first name of PATTERN with a number from *FROM on for which taken() says no; *FROM becomes the number behind
 * it. CE_BAD_INPUT for a bad pattern, CE_LIMIT. */
int guest_name_pick(const char *pattern, unsigned *from, bool (*taken)(void *arg, const char *name),
                    void *arg, char ret[NAME_SIZE]) MUST_CHECK;

/* The number that PATTERN gave NAME; 0: it did not. */
unsigned guest_name_number(const char *pattern, const char *name);

#endif
