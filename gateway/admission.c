#include "admission.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

enum { BUCKETS = 4096 }; /* a power of two */

struct entry {
    struct entry *next;
    struct admission_address address;
    uint64_t count;
};

struct admission {
    pthread_mutex_t lock;
    uint64_t max_connections, max_per_address, max_logins;
    struct admission_figures now;
    struct entry *buckets[BUCKETS];
};

static struct admission_address address_of(const struct sockaddr_storage *peer)
{
    struct admission_address a = {.family = (uint8_t)peer->ss_family};
    if (peer->ss_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, peer, sizeof in6);
        memcpy(a.bytes, in6.sin6_addr.s6_addr, 8);
    } else if (peer->ss_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, peer, sizeof in);
        memcpy(a.bytes, &in.sin_addr, 4);
    }
    return a;
}

/* FNV-1a. Who can choose enough addresses to make a chain long has already passed max_connections. */
static unsigned bucket_of(const struct admission_address *a)
{
    uint32_t h = 2166136261u;
    for (unsigned i = 0; i < sizeof a->bytes; i++)
        h = (h ^ a->bytes[i]) * 16777619u;
    return (h ^ h >> 16) & (BUCKETS - 1);
}

static bool address_equal(const struct admission_address *a, const struct admission_address *b)
{
    return a->family == b->family && !memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

static struct entry **entry_find(struct admission *admission, const struct admission_address *a)
{
    struct entry **at = &admission->buckets[bucket_of(a)];
    while (*at && !address_equal(&(*at)->address, a))
        at = &(*at)->next;
    return at;
}

struct admission *admission_create(const struct config *config)
{
    struct admission *admission = calloc(1, sizeof *admission);
    if (!admission)
        return NULL;
    pthread_mutex_init(&admission->lock, NULL);
    admission_configure(admission, config);
    return admission;
}

void admission_destroy(struct admission **admission)
{
    if (!*admission)
        return;
    for (unsigned i = 0; i < BUCKETS; i++) {
        while ((*admission)->buckets[i]) {
            struct entry *e = (*admission)->buckets[i];
            (*admission)->buckets[i] = e->next;
            free(e);
        }
    }
    pthread_mutex_destroy(&(*admission)->lock);
    free(*admission);
    *admission = NULL;
}

void admission_configure(struct admission *admission, const struct config *config)
{
    pthread_mutex_lock(&admission->lock);
    admission->max_connections = config->gateway_max_connections;
    admission->max_per_address = config->gateway_max_per_address;
    admission->max_logins = config->gateway_max_logins;
    pthread_mutex_unlock(&admission->lock);
}

static const char *count_locked(struct admission *admission, const struct admission_address *address)
{
    struct entry **at = entry_find(admission, address);
    if (address->family != AF_UNSPEC && *at && (*at)->count >= admission->max_per_address)
        return "max_per_address";
    if (!*at) {
        *at = calloc(1, sizeof **at);
        if (!*at)
            return "memory";
        (*at)->address = *address;
        admission->now.addresses++;
    }
    (*at)->count++;
    return NULL;
}

static void uncount_locked(struct admission *admission, const struct admission_address *address)
{
    struct entry **at = entry_find(admission, address);
    if (!*at || --(*at)->count)
        return;
    struct entry *e = *at;
    *at = e->next;
    free(e);
    admission->now.addresses--;
}

static const char *enter_locked(struct admission *admission, const struct admission_address *address)
{
    if (admission->now.connections >= admission->max_connections)
        return "max_connections";
    if (admission->now.logins >= admission->max_logins)
        return "max_logins";
    const char *hit = count_locked(admission, address);
    if (hit)
        return hit;
    admission->now.connections++;
    admission->now.logins++;
    return NULL;
}

const char *admission_enter(struct admission *admission, const struct sockaddr_storage *peer,
                            struct admission_hold *hold)
{
    static const struct sockaddr_storage balancer = {.ss_family = AF_UNSPEC};
    struct admission_address address = address_of(peer ? peer : &balancer);
    pthread_mutex_lock(&admission->lock);
    const char *hit = enter_locked(admission, &address);
    pthread_mutex_unlock(&admission->lock);
    *hold = (struct admission_hold){.address = address, .counted = !hit, .login = !hit};
    return hit;
}

const char *admission_rename(struct admission *admission, struct admission_hold *hold,
                             const struct sockaddr_storage *client)
{
    struct admission_address address = address_of(client);
    pthread_mutex_lock(&admission->lock);
    const char *hit = count_locked(admission, &address);
    if (!hit)
        uncount_locked(admission, &hold->address);
    pthread_mutex_unlock(&admission->lock);
    if (!hit)
        hold->address = address;
    return hit;
}

void admission_logged_in(struct admission *admission, struct admission_hold *hold)
{
    if (!hold->login)
        return;
    pthread_mutex_lock(&admission->lock);
    admission->now.logins--;
    pthread_mutex_unlock(&admission->lock);
    hold->login = false;
}

void admission_leave(struct admission *admission, struct admission_hold *hold)
{
    admission_logged_in(admission, hold);
    if (!hold->counted)
        return;
    pthread_mutex_lock(&admission->lock);
    uncount_locked(admission, &hold->address);
    admission->now.connections--;
    pthread_mutex_unlock(&admission->lock);
    hold->counted = false;
}

struct admission_figures admission_figures(struct admission *admission)
{
    pthread_mutex_lock(&admission->lock);
    struct admission_figures figures = admission->now;
    pthread_mutex_unlock(&admission->lock);
    return figures;
}
