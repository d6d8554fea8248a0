#include "index.h"

#include <stdlib.h>

#define SLOTS_FIRST 64

/* FNV-1a: the texts are ids of our own and names that administrators chose, nobody's who wants collisions. */
static uint64_t hash_of(const char *key)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (const char *p = key; *p; p++)
        hash = (hash ^ (unsigned char)*p) * 0x100000001b3u;
    return hash ^ (hash >> 32);
}

static void put(struct index_entry **slots, size_t slot_count, struct index_entry *entry)
{
    struct index_entry **slot = &slots[entry->hash & (slot_count - 1)];
    entry->next = *slot;
    *slot = entry;
}

static void grow(struct index *index)
{
    size_t slot_count = index->slot_count ? index->slot_count * 2 : SLOTS_FIRST;
    struct index_entry **slots = calloc(slot_count, sizeof(struct index_entry *));
    if (!slots)
        return;
    for (size_t i = 0; i < index->slot_count; i++) {
        for (struct index_entry *e = index->slots[i], *next; e; e = next) {
            next = e->next;
            put(slots, slot_count, e);
        }
    }
    free(index->slots);
    index->slots = slots;
    index->slot_count = slot_count;
}

bool index_add(struct index *index, struct index_entry *entry, const char *key)
{
    if (index->count >= index->slot_count)
        grow(index);
    if (!index->slot_count)
        return false;
    entry->hash = hash_of(key);
    entry->stands = true;
    put(index->slots, index->slot_count, entry);
    index->count++;
    return true;
}

void index_remove(struct index *index, struct index_entry *entry)
{
    if (!entry->stands)
        return;
    struct index_entry **p = &index->slots[entry->hash & (index->slot_count - 1)];
    while (*p != entry)
        p = &(*p)->next;
    *p = entry->next;
    entry->next = NULL;
    entry->stands = false;
    index->count--;
}

static struct index_entry *with_hash(struct index_entry *entry, uint64_t hash)
{
    while (entry && entry->hash != hash)
        entry = entry->next;
    return entry;
}

struct index_entry *index_first(const struct index *index, const char *key)
{
    uint64_t hash = hash_of(key);
    return index->slot_count ? with_hash(index->slots[hash & (index->slot_count - 1)], hash) : NULL;
}

struct index_entry *index_next(const struct index_entry *entry)
{
    return with_hash(entry->next, entry->hash);
}

void index_finish(struct index *index)
{
    free(index->slots);
    *index = (struct index){0};
}
