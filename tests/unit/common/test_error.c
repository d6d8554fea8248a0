#include <carrel/error.h>

#include <string.h>

#include "suite.h"

static void fills_code_and_words_and_returns_the_code(void)
{
    struct error err = {0};
    CU_ASSERT_EQUAL(error_set(&err, CE_NOT_FOUND, "pool '%s' of %d", "demo", 3), CE_NOT_FOUND);
    CU_ASSERT_EQUAL(err.code, CE_NOT_FOUND);
    CU_ASSERT_STRING_EQUAL(err.text, "pool 'demo' of 3");
}

static void a_caller_without_a_place_still_gets_the_code(void)
{
    CU_ASSERT_EQUAL(error_set(NULL, CE_IO, "nobody %s", "reads this"), CE_IO);
}

static void a_long_sentence_is_cut_at_the_end(void)
{
    struct error err;
    char longer[1000];
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    CU_ASSERT_EQUAL(error_set(&err, CE_IO, "%s", longer), CE_IO);
    CU_ASSERT_EQUAL(strlen(err.text), sizeof err.text - 1);
}

static void every_code_has_a_name_of_its_own(void)
{
    for (int a = 0; a >= CE_NEED_MORE; a--) {
        CU_ASSERT_STRING_NOT_EQUAL(error_name(a), "unknown error");
        for (int b = a - 1; b >= CE_NEED_MORE; b--)
            CU_ASSERT_STRING_NOT_EQUAL(error_name(a), error_name(b));
    }
}

static void other_numbers_are_unknown(void)
{
    CU_ASSERT_STRING_EQUAL(error_name(1), "unknown error");
    CU_ASSERT_STRING_EQUAL(error_name(CE_NEED_MORE - 1), "unknown error");
    CU_ASSERT_STRING_EQUAL(error_name(-2147483647 - 1), "unknown error");
}

SUITE("error", TEST(fills_code_and_words_and_returns_the_code),
      TEST(a_caller_without_a_place_still_gets_the_code), TEST(a_long_sentence_is_cut_at_the_end),
      TEST(every_code_has_a_name_of_its_own), TEST(other_numbers_are_unknown))
