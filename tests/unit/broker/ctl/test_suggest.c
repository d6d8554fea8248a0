#include "ctl/suggest.h"

#include <string.h>

#include "suite.h"

static const char *nearest(const char *word)
{
    struct suggest s;
    suggest_begin(&s, word);
    suggest_offer(&s, "pool");
    suggest_offer(&s, "desktop");
    suggest_offer(&s, "entitlement");
    return suggest_result(&s);
}

static void counts_slips_of_every_kind(void)
{
    CU_ASSERT_EQUAL(suggest_distance("pool", "pool"), 0);
    CU_ASSERT_EQUAL(suggest_distance("pool", "pol"), 1);
    CU_ASSERT_EQUAL(suggest_distance("pool", "poool"), 1);
    CU_ASSERT_EQUAL(suggest_distance("pool", "pook"), 1);
    CU_ASSERT_EQUAL(suggest_distance("pool", "opol"), 1);
    CU_ASSERT_EQUAL(suggest_distance("", "abc"), 3);
    CU_ASSERT_EQUAL(suggest_distance("abc", ""), 3);
    CU_ASSERT_EQUAL(suggest_distance("kitten", "sitting"), 3);
}

static void a_word_of_any_length_is_safe(void)
{
    char longest[SUGGEST_MAX_LEN + 1], longer[1000];
    memset(longest, 'x', SUGGEST_MAX_LEN);
    longest[SUGGEST_MAX_LEN] = '\0';
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    CU_ASSERT_EQUAL(suggest_distance(longest, longest), 0);
    CU_ASSERT_EQUAL(suggest_distance(longest, "x"), SUGGEST_MAX_LEN - 1);
    CU_ASSERT_EQUAL(suggest_distance("x", longer), 999);
    CU_ASSERT_PTR_NULL(nearest(longer));
}

static void offers_what_is_near_and_nothing_else(void)
{
    CU_ASSERT_STRING_EQUAL(nearest("polo"), "pool");
    CU_ASSERT_STRING_EQUAL(nearest("ent"), "entitlement");
    CU_ASSERT_STRING_EQUAL(nearest("dekstop"), "desktop");
    CU_ASSERT_PTR_NULL(nearest("xyzzy"));
    CU_ASSERT_PTR_NULL(nearest("a"));
    CU_ASSERT_PTR_NULL(nearest(""));
}

SUITE("ctl/suggest", TEST(counts_slips_of_every_kind), TEST(a_word_of_any_length_is_safe),
      TEST(offers_what_is_near_and_nothing_else))
