#include "due_heap.h"

#include "suite.h"

#define MANY 1000

static void gives_them_in_the_order_of_their_times(void)
{
    static struct due_entry entries[MANY];
    struct due_heap heap = {0};
    CU_ASSERT_PTR_NULL(due_heap_first(&heap));
    for (size_t i = 0; i < MANY; i++)
        CU_ASSERT_TRUE(due_heap_put(&heap, &entries[i], (int64_t)(i * 7919 % MANY)));
    for (size_t i = 0; i < MANY; i += 3)
        due_heap_remove(&heap, &entries[i]);
    int64_t last = -1;
    size_t count = 0;
    for (struct due_entry *first; (first = due_heap_first(&heap)); count++) {
        CU_ASSERT_TRUE(first->at_ms >= last);
        CU_ASSERT_NOT_EQUAL((size_t)(first - entries) % 3, 0);
        last = first->at_ms;
        due_heap_remove(&heap, first);
        CU_ASSERT_EQUAL(first->place, 0);
    }
    CU_ASSERT_EQUAL(count, MANY - (MANY + 2) / 3);
    due_heap_finish(&heap);
}

static void the_earliest_of_several_times_holds(void)
{
    struct due_entry a = {0}, b = {0};
    struct due_heap heap = {0};
    CU_ASSERT_TRUE(due_heap_put(&heap, &a, 50));
    CU_ASSERT_TRUE(due_heap_put(&heap, &b, 40));
    CU_ASSERT_TRUE(due_heap_put(&heap, &a, 60));
    CU_ASSERT_EQUAL(a.at_ms, 50);
    CU_ASSERT_TRUE(due_heap_put(&heap, &a, 10));
    CU_ASSERT_PTR_EQUAL(due_heap_first(&heap), &a);
    CU_ASSERT_EQUAL(heap.count, 2);
    due_heap_finish(&heap);
}

SUITE("due_heap", TEST(gives_them_in_the_order_of_their_times), TEST(the_earliest_of_several_times_holds))
