/* What the threads of one gateway process share. Made by main.c before the workers start and freed after they
 * ended; the members guard themselves.
 */
#ifndef CARREL_GATEWAY_GATEWAY_H
#define CARREL_GATEWAY_GATEWAY_H

#include <stdatomic.h>

#include <carrel/ids.h>

#include "counters.h"
#include "registry.h"

struct admission;
struct broker_link;
struct lobby_link;

struct gateway {
    char name[NAME_SIZE];
    char boot_id[ID_SIZE];  /* this process */
    char succeeds[ID_SIZE]; /* the process that it replaced; empty: none */
    struct counters counters;
    struct registry registry;
    struct admission *admission;
    struct broker_link *link;
    struct lobby_link *lobby; /* NULL: none is shown */
    atomic_bool broker_nla;   /* the broker's last word on whether it can end NLA */
    atomic_uint next_number;  /* of the next connection, for the log */
    atomic_bool ready;        /* takes connections, and its broker answers */
};

#endif
