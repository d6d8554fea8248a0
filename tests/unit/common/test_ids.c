#include <carrel/ids.h>

#include <stdlib.h>
#include <string.h>

#include "suite.h"

static void an_id_has_its_letter_and_sixteen_characters(void)
{
    char id[ID_SIZE];
    id_make(ID_SESSION, id);
    CU_ASSERT_EQUAL(strlen(id), 18);
    CU_ASSERT_EQUAL(strncmp(id, "s-", 2), 0);
    CU_ASSERT_EQUAL(strspn(id + 2, "0123456789abcdefghjkmnpqrstvwxyz"), 16);
    id_make(ID_DESKTOP, id);
    CU_ASSERT_EQUAL(strncmp(id, "d-", 2), 0);
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void ten_thousand_ids_differ(void)
{
    enum { COUNT = 10000 };
    static char ids[COUNT][ID_SIZE];
    for (size_t i = 0; i < COUNT; i++)
        id_make(ID_USER, ids[i]);
    qsort(ids, COUNT, ID_SIZE, compare);
    for (size_t i = 1; i < COUNT; i++) {
        if (!strcmp(ids[i - 1], ids[i]))
            CU_FAIL("two ids are the same");
    }
}

static void every_letter_of_the_alphabet_comes(void)
{
    char seen[33] = "", id[ID_SIZE];
    for (int i = 0; i < 1000; i++) {
        id_make(ID_POOL, id);
        for (const char *c = id + 2; *c; c++) {
            size_t len = strlen(seen);
            if (!strchr(seen, *c) && len < 32)
                seen[len] = *c;
        }
    }
    CU_ASSERT_EQUAL(strlen(seen), 32);
}

static void takes_ordinary_names(void)
{
    CU_ASSERT_EQUAL(name_is_valid("a"), 1);
    CU_ASSERT_EQUAL(name_is_valid("Office-7.main_x"), 1);
    CU_ASSERT_EQUAL(name_is_valid("0"), 1);
    CU_ASSERT_EQUAL(user_name_is_valid("anna.k@example.org"), 1);
}

static void refuses_other_characters(void)
{
    static const char *const bad[] = {"",    ".a",   "-a",     "_a",  "a b",      "a/b", "a\nb",
                                      "a'b", "a\"b", "../etc", "a:b", "\xc3\xa4", "a%s", "a;b",
                                      " a",  "a ",   "a\177b", "<a>", "a&b",      "a\\b"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CU_ASSERT_EQUAL(name_is_valid(bad[i]), 0);
        CU_ASSERT_EQUAL(user_name_is_valid(bad[i]), 0);
    }
    CU_ASSERT_EQUAL(name_is_valid(NULL), 0);
    CU_ASSERT_EQUAL(name_is_valid("a@b"), 0);
    CU_ASSERT_EQUAL(user_name_is_valid("@b"), 0);
}

static void refuses_the_sixty_fifth_byte(void)
{
    char name[80];
    memset(name, 'n', sizeof name);
    name[64] = '\0';
    CU_ASSERT_EQUAL(name_is_valid(name), 1);
    name[64] = 'n';
    name[65] = '\0';
    CU_ASSERT_EQUAL(name_is_valid(name), 0);
    CU_ASSERT_EQUAL(user_name_is_valid(name), 0);
}

SUITE("ids", TEST(an_id_has_its_letter_and_sixteen_characters), TEST(ten_thousand_ids_differ),
      TEST(every_letter_of_the_alphabet_comes), TEST(takes_ordinary_names), TEST(refuses_other_characters),
      TEST(refuses_the_sixty_fifth_byte))
