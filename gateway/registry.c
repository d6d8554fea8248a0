#include "registry.h"

#include <string.h>

void registry_init(struct registry *registry)
{
    pthread_mutex_init(&registry->lock, NULL);
    list_init(&registry->entries);
}

void registry_finish(struct registry *registry)
{
    pthread_mutex_destroy(&registry->lock);
}

void registry_add(struct registry *registry, struct registry_entry *entry)
{
    pthread_mutex_lock(&registry->lock);
    list_append(&registry->entries, &entry->link);
    pthread_mutex_unlock(&registry->lock);
}

void registry_remove(struct registry *registry, struct registry_entry *entry)
{
    pthread_mutex_lock(&registry->lock);
    if (list_is_linked(&entry->link))
        list_remove(&entry->link);
    pthread_mutex_unlock(&registry->lock);
}

void registry_walk(struct registry *registry, void (*each)(void *arg, const struct registry_entry *entry),
                   void *arg)
{
    pthread_mutex_lock(&registry->lock);
    list_for_each (at, &registry->entries)
        each(arg, list_entry(at, struct registry_entry, link));
    pthread_mutex_unlock(&registry->lock);
}

struct worker *registry_find(struct registry *registry, const char *session, int64_t connection)
{
    struct worker *found = NULL;
    pthread_mutex_lock(&registry->lock);
    list_for_each (at, &registry->entries) {
        struct registry_entry *entry = list_entry(at, struct registry_entry, link);
        if (entry->connection == connection && !strcmp(entry->session, session))
            found = entry->worker;
    }
    pthread_mutex_unlock(&registry->lock);
    return found;
}
