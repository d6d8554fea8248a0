#include "list.h"

#include "suite.h"

struct item {
    int number;
    struct list entry;
};

static int sum_in_order(struct list *head)
{
    int sum = 0;
    list_for_each (at, head)
        sum = sum * 10 + list_entry(at, struct item, entry)->number;
    return sum;
}

static void keeps_the_order_of_appending(void)
{
    struct list head;
    struct item items[] = {{.number = 1}, {.number = 2}, {.number = 3}};
    list_init(&head);
    CU_ASSERT_TRUE(list_is_empty(&head));
    for (int i = 0; i < 3; i++)
        list_append(&head, &items[i].entry);
    CU_ASSERT_FALSE(list_is_empty(&head));
    CU_ASSERT_EQUAL(sum_in_order(&head), 123);
}

static void an_entry_can_be_removed_twice_and_moved(void)
{
    struct list a, b;
    struct item one = {.number = 1}, two = {.number = 2};
    list_init(&a);
    list_init(&b);
    list_append(&a, &one.entry);
    list_append(&a, &two.entry);
    list_remove(&one.entry);
    CU_ASSERT_FALSE(list_is_linked(&one.entry));
    list_remove(&one.entry);
    CU_ASSERT_EQUAL(sum_in_order(&a), 2);
    list_append(&b, &one.entry);
    CU_ASSERT_TRUE(list_is_linked(&one.entry));
    CU_ASSERT_EQUAL(sum_in_order(&b), 1);
    list_remove(&two.entry);
    CU_ASSERT_TRUE(list_is_empty(&a));
}

static void a_zeroed_entry_stands_on_no_list(void)
{
    struct item item = {0};
    CU_ASSERT_FALSE(list_is_linked(&item.entry));
}

static void the_body_of_a_safe_loop_may_remove_its_entry(void)
{
    struct list head;
    struct item items[] = {{.number = 1}, {.number = 2}, {.number = 3}, {.number = 4}};
    list_init(&head);
    for (int i = 0; i < 4; i++)
        list_append(&head, &items[i].entry);
    int visited = 0;
    list_for_each_safe (at, &head) {
        visited++;
        if (list_entry(at, struct item, entry)->number % 2)
            list_remove(at);
    }
    CU_ASSERT_EQUAL(visited, 4);
    CU_ASSERT_EQUAL(sum_in_order(&head), 24);
    int seen = 0;
    list_for_each (at, &head)
        seen += list_entry(at, struct item, entry)->number;
    CU_ASSERT_EQUAL(seen, 6);
}

static void all_entries_move_in_their_order(void)
{
    struct list from, to;
    struct item items[] = {{.number = 1}, {.number = 2}, {.number = 3}};
    list_init(&from);
    for (int i = 0; i < 3; i++)
        list_append(&from, &items[i].entry);
    list_take_all(&from, &to);
    CU_ASSERT_TRUE(list_is_empty(&from));
    CU_ASSERT_EQUAL(sum_in_order(&to), 123);
    list_take_all(&from, &to);
    CU_ASSERT_TRUE(list_is_empty(&to));
}

SUITE("list", TEST(all_entries_move_in_their_order), TEST(keeps_the_order_of_appending),
      TEST(an_entry_can_be_removed_twice_and_moved), TEST(a_zeroed_entry_stands_on_no_list),
      TEST(the_body_of_a_safe_loop_may_remove_its_entry))
