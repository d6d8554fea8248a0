/* What pools have at the log-off and at most: options, and fields of pool show. */
#ifndef CARREL_CTL_POOL_LIMITS_H
#define CARREL_CTL_POOL_LIMITS_H

#include <jansson.h>

#include "command.h"

#define POOL_LIMITS_OPTIONS                                                                                  \
    {.name = "logoff",                                                                                       \
     .value = "WHAT",                                                                                        \
     .words = WORDS_CHOICE,                                                                                  \
     .choices = "recycle,keep,delete",                                                                       \
     .help = "after the log-off: recycle, keep or delete (floating: recycle)"},                              \
        {.name = "logoff-after",                                                                             \
         .value = "TIME",                                                                                    \
         .help = "... so long later, unless the user comes back (0)"},                                       \
        {.name = "sessions", .value = "N", .help = "sessions at once, at most (0: any number)"},             \
        {.name = "data-disk",                                                                                \
         .value = "SIZE",                                                                                    \
         .help = "a disk for each user that is kept: 10GiB; or 'none' (none)"},                              \
        {.name = "data-disk-mount",                                                                          \
         .value = "PATH",                                                                                    \
         .help = "where it is in the guest: home, or a folder (home)"},                                      \
        {.name = "queue", .value = "N", .help = "users who wait for a desktop, at most (0: any number)"},    \
    {                                                                                                        \
        .name = "host-max", .value = "N", .help = "its desktops on one host, at most (0: any number)"        \
    }

#define POOL_LIMITS_FIELDS                                                                                   \
    {.name = "logoff",                                                                                       \
     .title = "After the log-off",                                                                           \
     .key = "",                                                                                              \
     .text = pool_limits_put_logoff,                                                                         \
     .place = FIELD_HIDDEN},                                                                                 \
        {.name = "sessions-max",                                                                             \
         .title = "Sessions at most",                                                                        \
         .key = "sessions_max",                                                                              \
         .place = FIELD_NOT_ZERO | FIELD_HIDDEN | FIELD_RIGHT},                                              \
        {.name = "data-disk",                                                                                \
         .title = "Data disk of each user",                                                                  \
         .key = "",                                                                                          \
         .text = pool_limits_put_data_disk,                                                                  \
         .place = FIELD_HIDDEN},                                                                             \
        {.name = "queue-max",                                                                                \
         .title = "Users waiting at most",                                                                   \
         .key = "waiting_max",                                                                               \
         .place = FIELD_NOT_ZERO | FIELD_HIDDEN | FIELD_RIGHT},                                              \
    {                                                                                                        \
        .name = "host-max", .title = "On one host at most", .key = "host_max",                               \
        .place = FIELD_NOT_ZERO | FIELD_HIDDEN | FIELD_RIGHT                                                 \
    }

void pool_limits_put_data_disk(const json_t *pool, char *text, size_t size);
void pool_limits_put_logoff(const json_t *pool, char *text, size_t size);

/* The options that were given, as members of BODY. */
int pool_limits_read(struct ctl *ctl, json_t *body) MUST_CHECK;

#endif
