#include "guest_name.h"

#include <string.h>

#include "suite.h"

static bool is_one_of(void *arg, const char *name)
{
    for (const char *const *p = arg; *p; p++) {
        if (!strcmp(*p, name))
            return true;
    }
    return false;
}

static bool always(void *arg, const char *name)
{
    return true;
}

static void takes_the_first_free_number(void)
{
    const char *const taken[] = {"demo-1", "demo-2", "demo-4", NULL};
    char name[NAME_SIZE];
    unsigned from = 1;
    CU_ASSERT_EQUAL(guest_name_pick("demo-%d", &from, is_one_of, (void *)(uintptr_t)taken, name), 0);
    CU_ASSERT_STRING_EQUAL(name, "demo-3");
}

static void pads_with_zeros_and_keeps_what_follows(void)
{
    const char *const taken[] = {"w001.lab", NULL};
    char name[NAME_SIZE];
    unsigned from = 1;
    CU_ASSERT_EQUAL(guest_name_pick("w%03d.lab", &from, is_one_of, (void *)(uintptr_t)taken, name), 0);
    CU_ASSERT_STRING_EQUAL(name, "w002.lab");
}

static void refuses_patterns_that_are_format_strings(void)
{
    static const char *const bad[] = {"demo", "",      "demo-%s", "%n%d", "a%d%d", "a%dd%%",
                                      "-%d",  "a b%d", "a%09d",   "a%0d", "a%1d",  "%"};
    char name[NAME_SIZE] = "untouched";
    unsigned from = 1;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CU_ASSERT_FALSE(guest_name_pattern_is_valid(bad[i]));
        CU_ASSERT_EQUAL(guest_name_pick(bad[i], &from, always, NULL, name), CE_BAD_INPUT);
    }
    CU_ASSERT_STRING_EQUAL(name, "untouched");
}

static void refuses_a_pattern_whose_names_get_too_long(void)
{
    char pattern[NAME_SIZE];
    memset(pattern, 'a', sizeof pattern);
    memcpy(pattern + sizeof pattern - 5, "%d", 3);
    CU_ASSERT_FALSE(guest_name_pattern_is_valid(pattern));
}

static void says_when_all_numbers_are_taken(void)
{
    char name[NAME_SIZE];
    unsigned from = 1;
    CU_ASSERT_EQUAL(guest_name_pick("a-%d", &from, always, NULL, name), CE_LIMIT);
}

static void goes_on_behind_the_numbers_that_are_known_to_be_taken(void)
{
    const char *const taken[] = {"demo-7", NULL};
    char name[NAME_SIZE];
    unsigned from = 7;
    CU_ASSERT_EQUAL(guest_name_pick("demo-%d", &from, is_one_of, (void *)(uintptr_t)taken, name), 0);
    CU_ASSERT_STRING_EQUAL(name, "demo-8");
    CU_ASSERT_EQUAL(from, 9);
}

static void knows_its_numbers_again(void)
{
    CU_ASSERT_EQUAL(guest_name_number("demo-%d", "demo-17"), 17);
    CU_ASSERT_EQUAL(guest_name_number("w%03d.lab", "w002.lab"), 2);
    CU_ASSERT_EQUAL(guest_name_number("w%03d.lab", "w2.lab"), 0);
    CU_ASSERT_EQUAL(guest_name_number("demo-%d", "other-17"), 0);
    CU_ASSERT_EQUAL(guest_name_number("demo-%d", "demo-"), 0);
    CU_ASSERT_EQUAL(guest_name_number("demo-%d", "demo-99999999999999999999"), 0);
    CU_ASSERT_EQUAL(guest_name_number("demo", "demo"), 0);
}

SUITE("guest_name", TEST(takes_the_first_free_number),
      TEST(goes_on_behind_the_numbers_that_are_known_to_be_taken), TEST(knows_its_numbers_again),
      TEST(pads_with_zeros_and_keeps_what_follows), TEST(refuses_patterns_that_are_format_strings),
      TEST(refuses_a_pattern_whose_names_get_too_long), TEST(says_when_all_numbers_are_taken))
