#include "message.h"

#include <string.h>

#include "suite.h"

static const char *words(int64_t left_s)
{
    static char ret[MESSAGE_WORDS_SIZE];
    message_time_words(left_s, ret);
    return ret;
}

static void time_is_told_as_people_tell_it(void)
{
    CU_ASSERT_STRING_EQUAL(words(300), "5 minutes");
    CU_ASSERT_STRING_EQUAL(words(299), "5 minutes");
    CU_ASSERT_STRING_EQUAL(words(269), "4 minutes");
    CU_ASSERT_STRING_EQUAL(words(89), "1 minute");
    CU_ASSERT_STRING_EQUAL(words(59), "1 minute");
    CU_ASSERT_STRING_EQUAL(words(55), "1 minute");
    CU_ASSERT_STRING_EQUAL(words(54), "54 seconds");
    CU_ASSERT_STRING_EQUAL(words(1), "1 second");
}

SUITE("message", TEST(time_is_told_as_people_tell_it))
