#include <carrel/fail.h>

#include <ctype.h>
#include <string.h>

#include "suite.h"

static void every_code_is_found_by_its_text(void)
{
    for (unsigned f = 0; f < FAIL_COUNT; f++)
        CU_ASSERT_EQUAL(fail_parse(fail_code((enum fail)f)), f);
}

static void unknown_texts_and_numbers_are_internal(void)
{
    CU_ASSERT_EQUAL(fail_parse("no-such-code"), FAIL_INTERNAL);
    CU_ASSERT_EQUAL(fail_parse(""), FAIL_INTERNAL);
    CU_ASSERT_EQUAL(fail_parse(NULL), FAIL_INTERNAL);
    CU_ASSERT_STRING_EQUAL(fail_code((enum fail)FAIL_COUNT), "internal");
    CU_ASSERT_STRING_EQUAL(fail_code((enum fail) - 1), "internal");
    CU_ASSERT_EQUAL(fail_http_status((enum fail)4711), 500);
}

static void every_sentence_is_whole(void)
{
    for (unsigned f = FAIL_NONE + 1; f < FAIL_COUNT; f++) {
        const char *sentence = fail_sentence((enum fail)f);
        size_t len = strlen(sentence);
        CU_ASSERT_TRUE(len > 10);
        CU_ASSERT_TRUE(isupper((unsigned char)sentence[0]));
        CU_ASSERT_EQUAL(sentence[len - 1], '.');
        CU_ASSERT_PTR_NULL(strchr(sentence, '%'));
    }
}

static void every_status_is_one_of_http(void)
{
    for (unsigned f = 0; f < FAIL_COUNT; f++) {
        unsigned status = fail_http_status((enum fail)f);
        CU_ASSERT_TRUE(status == 200 || (status >= 400 && status < 600));
    }
}

/* MS-RDPBCGR 2.2.5.1.1: the codes that clients have words for. */
static void every_rdp_error_is_in_a_range_that_clients_know(void)
{
    for (unsigned f = 0; f < FAIL_COUNT; f++) {
        uint32_t rdp = fail_rdp_error((enum fail)f);
        CU_ASSERT_TRUE(rdp <= 0x1a || (rdp >= 0x100 && rdp <= 0x10a) || (rdp >= 0x400 && rdp <= 0x412) ||
                       (rdp >= 0x10c9 && rdp <= 0x1195));
    }
}

/* What a refused person needs to be told apart from. */
static void a_wrong_password_and_a_missing_right_differ(void)
{
    CU_ASSERT_EQUAL(fail_http_status(FAIL_WRONG_PASSWORD), 401);
    CU_ASSERT_EQUAL(fail_http_status(FAIL_NOT_ENTITLED), 403);
    CU_ASSERT_NOT_EQUAL(fail_rdp_error(FAIL_WRONG_PASSWORD), fail_rdp_error(FAIL_NOT_ENTITLED));
    CU_ASSERT_EQUAL(fail_rdp_error(FAIL_NO_DESKTOP), 0x408);
}

SUITE("fail", TEST(every_code_is_found_by_its_text), TEST(unknown_texts_and_numbers_are_internal),
      TEST(every_sentence_is_whole), TEST(every_status_is_one_of_http),
      TEST(every_rdp_error_is_in_a_range_that_clients_know),
      TEST(a_wrong_password_and_a_missing_right_differ))
