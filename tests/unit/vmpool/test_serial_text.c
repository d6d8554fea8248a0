#include "serial_text.h"

#include <string.h>

#include "suite.h"

static const char *clean(const char *text, size_t len)
{
    static char bytes[256];
    memcpy(bytes, text, len);
    bytes[serial_text_clean(bytes, len)] = '\0';
    return bytes;
}
#define CLEAN(text) clean(text, sizeof(text) - 1)

static void lines_stay_and_escape_sequences_go(void)
{
    CU_ASSERT_STRING_EQUAL(CLEAN("one\r\n\ttwo\n"), "one\n\ttwo\n");
    CU_ASSERT_STRING_EQUAL(CLEAN("\x1b[1;31mred\x1b[0m \x1b[2J\x1b[Hhome"), "red home");
    CU_ASSERT_STRING_EQUAL(CLEAN("\x1b]0;title\x07"
                                 "a\x1b]52;c;AAAA\x1b\\b\x1bP1$r\x1b\\c"),
                           "abc");
    CU_ASSERT_STRING_EQUAL(CLEAN("\x1b(Bplain\x1b"
                                 "c!"),
                           "plain!");
    CU_ASSERT_STRING_EQUAL(CLEAN("an end in the middle \x1b["), "an end in the middle ");
    CU_ASSERT_STRING_EQUAL(CLEAN("\x1b]8;never ended\nnext line\x1b"), "next line");
}

static void control_characters_go(void)
{
    CU_ASSERT_STRING_EQUAL(CLEAN("a\0b\x07"
                                 "c\x08"
                                 "d\x7f"
                                 "e\x0e\x0f"),
                           "abcde");
    CU_ASSERT_STRING_EQUAL(CLEAN("\xc2\x9b"
                                 "31m"),
                           "?\?31m"); /* CSI of C1, as UTF-8 */
}

static void only_utf8_is_left(void)
{
    CU_ASSERT_STRING_EQUAL(CLEAN("Gr\xc3\xbc\xc3\x9f"
                                 "e \xe2\x82\xac \xf0\x9f\x90\xa7"),
                           "Gr\xc3\xbc\xc3\x9f"
                           "e \xe2\x82\xac \xf0\x9f\x90\xa7");
    CU_ASSERT_STRING_EQUAL(CLEAN("\xff\xc3x\xe2\x82"), "?\?x?\?");
    CU_ASSERT_STRING_EQUAL(CLEAN("\xc0\x80 \xed\xa0\x80 \xf4\x90\x80\x80"), "?? ??? ????");
}

SUITE("serial_text", TEST(lines_stay_and_escape_sequences_go), TEST(control_characters_go),
      TEST(only_utf8_is_left))
