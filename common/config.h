/* The configuration: one INI file for all daemons (config/carrel.conf is the commented default), read once
 * at start and again on SIGHUP. Every key stands in config_keys.h with its type, default and one line of
 * documentation; an unknown section or key, a bad value or a missing suffix is an error that names file,
 * line and what was expected. Lists are comma separated.
 */
#ifndef CARREL_CONFIG_H
#define CARREL_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include <carrel/error.h>

#define CONFIG_TEXT_SIZE 512

/* How a value is written, and the member that it becomes:
 *   TEXT      char[CONFIG_TEXT_SIZE]
 *   NUMBER    uint64_t       "5"
 *   DURATION  uint64_t (ms)  "250ms" "15s" "10min" "2h" "30d"
 *   BYTES     uint64_t       "64KiB" "512MiB" "2GiB"
 *   FLAG      bool           "on" "off"
 */
#define CONFIG_MEMBER_TEXT(name) char name[CONFIG_TEXT_SIZE];
#define CONFIG_MEMBER_NUMBER(name) uint64_t name;
#define CONFIG_MEMBER_DURATION(name) uint64_t name##_ms;
#define CONFIG_MEMBER_BYTES(name) uint64_t name##_bytes;
#define CONFIG_MEMBER_FLAG(name) bool name;

#include "config_keys.h"

struct config {
#define X(section, key, TYPE, standard, doc) CONFIG_MEMBER_##TYPE(section##_##key)
    CONFIG_KEYS(X)
#undef X
};

void config_init(struct config *ret); /* the defaults */

/* Reads PATH over the defaults. On failure *ret is untouched and ERR says "PATH:LINE: ...". */
int config_load(struct config *ret, const char *path, struct error *err) MUST_CHECK;

/* Calls EACH for the comma-separated items of LIST, trimmed; stops at the first non-zero and returns it. */
int config_list_each(const char *list, int (*each)(void *arg, const char *item), void *arg);

#endif
