/* What has to be looked at when: a binary heap by time over structs that embed a due_entry, so that any number of
 * them needs one timer and costs nothing until the first is due. Pure; one thread.
 */
#ifndef VMPOOL_DUE_HEAP_H
#define VMPOOL_DUE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct due_entry {
    int64_t at_ms;
    size_t place; /* in the heap, from 1; 0: it stands in none */
};

struct due_heap {
    struct due_entry **entries;
    size_t count, room;
};

/* An entry that is due earlier already stays as it is. False without memory. */
bool due_heap_put(struct due_heap *heap, struct due_entry *entry, int64_t at_ms);
void due_heap_remove(struct due_heap *heap, struct due_entry *entry);
struct due_entry *due_heap_first(const struct due_heap *heap); /* NULL: nothing is due ever */
void due_heap_finish(struct due_heap *heap);

#endif
