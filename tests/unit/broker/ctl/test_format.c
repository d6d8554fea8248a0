#include "ctl/format.h"

#include <string.h>
#include <time.h>

#include "suite.h"

static char text[FORMAT_SIZE];

static void sizes_have_the_unit_that_people_use(void)
{
    CU_ASSERT_STRING_EQUAL(format_bytes(text, sizeof text, 0), "0 B");
    CU_ASSERT_STRING_EQUAL(format_bytes(text, sizeof text, 1023), "1023 B");
    CU_ASSERT_STRING_EQUAL(format_bytes(text, sizeof text, 1024), "1 KiB");
    CU_ASSERT_STRING_EQUAL(format_bytes(text, sizeof text, 1536), "1.5 KiB");
    CU_ASSERT_STRING_EQUAL(format_bytes(text, sizeof text, 1503238553), "1.4 GiB");
    CU_ASSERT_STRING_EQUAL(format_bytes(text, sizeof text, 12u << 20), "12 MiB");
    CU_ASSERT_STRING_EQUAL(format_bytes(text, sizeof text, (1024u << 20) - 1), "1 GiB");
    CU_ASSERT_STRING_EQUAL(format_bytes(text, sizeof text, UINT64_MAX), "16 EiB");
}

static void ages_have_one_unit(void)
{
    CU_ASSERT_STRING_EQUAL(format_age(text, sizeof text, -5), "now");
    CU_ASSERT_STRING_EQUAL(format_age(text, sizeof text, 0), "now");
    CU_ASSERT_STRING_EQUAL(format_age(text, sizeof text, 59), "59 s");
    CU_ASSERT_STRING_EQUAL(format_age(text, sizeof text, 60), "1 min");
    CU_ASSERT_STRING_EQUAL(format_age(text, sizeof text, 3599), "59 min");
    CU_ASSERT_STRING_EQUAL(format_age(text, sizeof text, 47 * 3600 + 3599), "47 h");
    CU_ASSERT_STRING_EQUAL(format_age(text, sizeof text, 48 * 3600), "2 days");
}

static void reads_the_times_of_the_api_and_no_others(void)
{
    int64_t at_s = 7;
    CU_ASSERT_TRUE(format_parse_time("2025-01-01T12:00:00.000Z", &at_s));
    CU_ASSERT_EQUAL(at_s, 1735732800);
    CU_ASSERT_TRUE(format_parse_time("2025-01-01T12:00:01Z", &at_s));
    CU_ASSERT_EQUAL(at_s, 1735732801);
    static const char *const bad[] = {"",
                                      "now",
                                      "2025-01-01",
                                      "2025-01-01T12:00:00",
                                      "2025-01-01T12:00:00+01:00",
                                      "2025-13-01T12:00:00Z",
                                      "2025-01-01T12:00:00.1Zx"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CU_ASSERT_FALSE(format_parse_time(bad[i], &at_s));
    CU_ASSERT_EQUAL(at_s, 1735732801);
}

static void control_characters_become_question_marks(void)
{
    CU_ASSERT_STRING_EQUAL(format_clean(text, sizeof text, "a\x1b[2Jb\nc\x7f"), "a?[2Jb?c?");
    CU_ASSERT_STRING_EQUAL(format_clean(text, sizeof text,
                                        "gr\xc3\xbc\xc3\x9f \xc2\x9b"
                                        "31m \xc2\xa0"),
                           "gr\xc3\xbc\xc3\x9f ?31m \xc2\xa0");
    /* A lead byte at the very end has no successor to look at. */
    CU_ASSERT_STRING_EQUAL(format_clean(text, sizeof text, "x\xc2"), "x\xc2");
}

static void cleaning_never_writes_past_the_end(void)
{
    char small[4] = "zzz";
    CU_ASSERT_STRING_EQUAL(format_clean(small, sizeof small, "abcdef"), "abc");
    CU_ASSERT_STRING_EQUAL(format_clean(small, 1, "abcdef"), "");
}

SUITE("ctl/format", TEST(sizes_have_the_unit_that_people_use), TEST(ages_have_one_unit),
      TEST(reads_the_times_of_the_api_and_no_others), TEST(control_characters_become_question_marks),
      TEST(cleaning_never_writes_past_the_end))
