/* The sessions that hold a ticket of the broker: what the heartbeat lists and where an order finds its
 * session. Workers add and remove their own entries, the main thread walks them; one lock, taken rarely. The
 * byte counters are written by the session's thread without it.
 */
#ifndef CARREL_GATEWAY_REGISTRY_H
#define CARREL_GATEWAY_REGISTRY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include <carrel/ids.h>

#include "list.h"

struct worker;

/* Embedded in the session. */
struct registry_entry {
    struct list link;
    char session[ID_SIZE]; /* empty: not registered */
    int64_t connection;
    struct worker *worker; /* borrowed; outlives the entry */
    atomic_ullong bytes_in, bytes_out;
};

struct registry {
    pthread_mutex_t lock;
    struct list entries;
};

void registry_init(struct registry *registry);
void registry_finish(struct registry *registry);

void registry_add(struct registry *registry, struct registry_entry *entry);
void registry_remove(struct registry *registry, struct registry_entry *entry); /* safe when it is not in */

/* EACH must not call the registry. */
void registry_walk(struct registry *registry, void (*each)(void *arg, const struct registry_entry *entry),
                   void *arg);

/* The worker that has it, or NULL. */
struct worker *registry_find(struct registry *registry, const char *session, int64_t connection);

#endif
