#include "due_heap.h"

#include <stdlib.h>

static void set(struct due_heap *heap, size_t place, struct due_entry *entry)
{
    heap->entries[place - 1] = entry;
    entry->place = place;
}

static void rise(struct due_heap *heap, struct due_entry *entry)
{
    size_t place = entry->place;
    while (place > 1 && heap->entries[place / 2 - 1]->at_ms > entry->at_ms) {
        set(heap, place, heap->entries[place / 2 - 1]);
        place /= 2;
    }
    set(heap, place, entry);
}

static void sink(struct due_heap *heap, struct due_entry *entry)
{
    size_t place = entry->place;
    for (;;) {
        size_t child = place * 2;
        if (child < heap->count && heap->entries[child]->at_ms < heap->entries[child - 1]->at_ms)
            child++;
        if (child > heap->count || heap->entries[child - 1]->at_ms >= entry->at_ms)
            break;
        set(heap, place, heap->entries[child - 1]);
        place = child;
    }
    set(heap, place, entry);
}

bool due_heap_put(struct due_heap *heap, struct due_entry *entry, int64_t at_ms)
{
    if (entry->place && entry->at_ms <= at_ms)
        return true;
    if (!entry->place) {
        if (heap->count == heap->room) {
            size_t room = heap->room ? heap->room * 2 : 64;
            void *entries = realloc(heap->entries, room * sizeof(struct due_entry *));
            if (!entries)
                return false;
            heap->entries = entries;
            heap->room = room;
        }
        entry->place = ++heap->count;
    }
    entry->at_ms = at_ms;
    rise(heap, entry);
    return true;
}

void due_heap_remove(struct due_heap *heap, struct due_entry *entry)
{
    size_t place = entry->place;
    if (!place)
        return;
    entry->place = 0;
    struct due_entry *last = heap->entries[--heap->count];
    if (last == entry)
        return;
    last->place = place;
    rise(heap, last);
    sink(heap, last);
}

struct due_entry *due_heap_first(const struct due_heap *heap)
{
    return heap->count ? heap->entries[0] : NULL;
}

void due_heap_finish(struct due_heap *heap)
{
    free(heap->entries);
    *heap = (struct due_heap){0};
}
