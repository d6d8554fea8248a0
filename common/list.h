/* An intrusive doubly linked list with a sentinel. An entry that stands on no list points to itself, so
 * list_remove() is always safe and list_is_linked() can be asked. */
#ifndef CARREL_LIST_H
#define CARREL_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}

static inline bool list_is_empty(const struct list *l)
{
    return l->next == l;
}

static inline bool list_is_linked(const struct list *entry)
{
    return entry->next && entry->next != entry;
}

static inline void list_append(struct list *l, struct list *entry)
{
    entry->prev = l->prev;
    entry->next = l;
    l->prev->next = entry;
    l->prev = entry;
}

static inline void list_remove(struct list *entry)
{
    entry->prev->next = entry->next;
    entry->next->prev = entry->prev;
    list_init(entry);
}

/* All entries move to TO, which is made empty before. */
static inline void list_take_all(struct list *from, struct list *to)
{
    list_init(to);
    while (!list_is_empty(from)) {
        struct list *first = from->next;
        list_remove(first);
        list_append(to, first);
    }
}

#define list_entry(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define list_for_each(pos, head) for (struct list *pos = (head)->next; pos != (head); pos = pos->next)
/* The body may remove POS. */
#define list_for_each_safe(pos, head)                                                                        \
    for (struct list *pos = (head)->next, *pos##_next = pos->next; pos != (head);                            \
         pos = pos##_next, pos##_next = pos->next)

#endif
