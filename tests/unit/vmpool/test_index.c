#include "index.h"

#include <stdio.h>
#include <string.h>

#include "suite.h"

struct thing {
    struct index_entry entry;
    char name[16];
};

static struct thing *find(const struct index *index, const char *name)
{
    for (struct index_entry *e = index_first(index, name); e; e = index_next(e)) {
        struct thing *thing = index_of(e, struct thing, entry);
        if (!strcmp(thing->name, name))
            return thing;
    }
    return NULL;
}

static void finds_each_of_many_and_none_that_was_removed(void)
{
    static struct thing things[5000];
    struct index index = {0};
    CU_ASSERT_PTR_NULL(find(&index, "t-1"));
    for (size_t i = 0; i < 5000; i++) {
        snprintf(things[i].name, sizeof things[i].name, "t-%zu", i);
        CU_ASSERT_TRUE(index_add(&index, &things[i].entry, things[i].name));
    }
    for (size_t i = 0; i < 5000; i += 2)
        index_remove(&index, &things[i].entry);
    CU_ASSERT_EQUAL(index.count, 2500);
    for (size_t i = 0; i < 5000; i++)
        CU_ASSERT_PTR_EQUAL(find(&index, things[i].name), i % 2 ? &things[i] : NULL);
    index_remove(&index, &things[0].entry); /* once more does nothing */
    CU_ASSERT_EQUAL(index.count, 2500);
    index_finish(&index);
}

/* The rows behind a slot stay short whatever the number: that is what lookups cost. */
static void rows_stay_short(void)
{
    static struct thing things[20000];
    struct index index = {0};
    for (size_t i = 0; i < 20000; i++) {
        snprintf(things[i].name, sizeof things[i].name, "dsk_%zx", i * 2654435761u % 1000000007u);
        CU_ASSERT_TRUE(index_add(&index, &things[i].entry, things[i].name));
    }
    size_t longest = 0;
    for (size_t s = 0; s < index.slot_count; s++) {
        size_t len = 0;
        for (const struct index_entry *e = index.slots[s]; e; e = e->next)
            len++;
        longest = len > longest ? len : longest;
    }
    CU_ASSERT_TRUE(longest < 16);
    index_finish(&index);
}

static void keeps_entries_of_one_text_apart(void)
{
    struct thing a = {.name = "same"}, b = {.name = "same"};
    struct index index = {0};
    CU_ASSERT_TRUE(index_add(&index, &a.entry, a.name));
    CU_ASSERT_TRUE(index_add(&index, &b.entry, b.name));
    index_remove(&index, &b.entry);
    CU_ASSERT_PTR_EQUAL(find(&index, "same"), &a);
    index_finish(&index);
}

SUITE("index", TEST(finds_each_of_many_and_none_that_was_removed), TEST(rows_stay_short),
      TEST(keeps_entries_of_one_text_apart))
