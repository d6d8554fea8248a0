#include <carrel/labels.h>

#include <stdio.h>
#include <string.h>

#include "suite.h"

static void words_and_values_are_labels(void)
{
    CU_ASSERT_TRUE(labels_are_valid(""));
    CU_ASSERT_TRUE(labels_are_valid("ssd"));
    CU_ASSERT_TRUE(labels_are_valid("ssd rack=a-1 gpu.count=2"));
    CU_ASSERT_FALSE(labels_are_valid("!ssd"));
    CU_ASSERT_TRUE(labels_wanted_are_valid("ssd !rack=a"));
}

static void refuses_what_could_be_read_in_two_ways(void)
{
    static const char *const bad[] = {" ",     "ssd ",  " ssd", "a  b", "a,b", "=a",
                                      "rack=", "a=b=c", "-a",   "a\tb", "!",   "!!a"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CU_ASSERT_FALSE(labels_are_valid(bad[i]));
        CU_ASSERT_FALSE(labels_wanted_are_valid(bad[i]));
    }
    char longest[LABELS_SIZE + 1];
    memset(longest, 'a', sizeof longest);
    for (size_t i = 8; i < sizeof longest; i += 8)
        longest[i] = ' ';
    longest[LABELS_SIZE] = 0;
    CU_ASSERT_FALSE(labels_are_valid(longest));
    longest[LABELS_SIZE - 1] = 0;
    CU_ASSERT_TRUE(labels_are_valid(longest));
}

static void all_words_are_wanted_and_none_of_the_refused(void)
{
    CU_ASSERT_TRUE(labels_match("", ""));
    CU_ASSERT_TRUE(labels_match("ssd rack=a", ""));
    CU_ASSERT_TRUE(labels_match("ssd rack=a", "rack=a ssd"));
    CU_ASSERT_FALSE(labels_match("ssd rack=a", "rack=b"));
    CU_ASSERT_FALSE(labels_match("ssd", "ssd gpu"));
    CU_ASSERT_FALSE(labels_match("ssds", "ssd"));
    CU_ASSERT_TRUE(labels_match("ssd", "!gpu"));
    CU_ASSERT_FALSE(labels_match("ssd gpu", "ssd !gpu"));
}

static void a_key_has_its_value(void)
{
    char value[NAME_SIZE];
    CU_ASSERT_TRUE(labels_value("ssd rack=a zone=north", "rack", value));
    CU_ASSERT_STRING_EQUAL(value, "a");
    CU_ASSERT_TRUE(labels_value("ssd rack=a zone=north", "zone", value));
    CU_ASSERT_STRING_EQUAL(value, "north");
    CU_ASSERT_FALSE(labels_value("ssd rack=a", "ssd", value));
    CU_ASSERT_FALSE(labels_value("racks=a", "rack", value));
    CU_ASSERT_STRING_EQUAL(value, "");
}

SUITE("labels", TEST(words_and_values_are_labels), TEST(refuses_what_could_be_read_in_two_ways),
      TEST(all_words_are_wanted_and_none_of_the_refused), TEST(a_key_has_its_value))
