/* A hash table of texts to structs that embed an index_entry. The owner of the structs keeps the texts; entries with
 * equal hashes stand in a row and are told apart by whoever looks:
 *
 *     for (struct index_entry *e = index_first(&index, id); e; e = index_next(e))
 *         if (!strcmp(index_of(e, struct thing, by_id)->id, id)) ...
 *
 * Pure; one thread.
 */
#ifndef VMPOOL_INDEX_H
#define VMPOOL_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct index_entry {
    struct index_entry *next;
    uint64_t hash;
    bool stands; /* in an index */
};

struct index {
    struct index_entry **slots;
    size_t slot_count; /* a power of two, or 0 before the first entry */
    size_t count;
};

/* False without memory for the first slots; later on the rows just get longer. */
bool index_add(struct index *index, struct index_entry *entry, const char *key);
void index_remove(struct index *index, struct index_entry *entry); /* one that stands nowhere is left alone */
struct index_entry *index_first(const struct index *index, const char *key);
struct index_entry *index_next(const struct index_entry *entry);
void index_finish(struct index *index); /* the entries are the owner's */

#define index_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
