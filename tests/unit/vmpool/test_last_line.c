#include "last_line.h"

#include <string.h>

#include "suite.h"

static const char *last(const char *text, size_t size)
{
    static char line[64];
    last_line(text, line, size);
    return line;
}

static void takes_the_last_one_that_says_something(void)
{
    CU_ASSERT_STRING_EQUAL(last("one\ntwo\n", 64), "two");
    CU_ASSERT_STRING_EQUAL(last("one\n  two words \t\r\n\n \n", 64), "two words");
    CU_ASSERT_STRING_EQUAL(last("only", 64), "only");
}

static void nothing_is_an_empty_text(void)
{
    CU_ASSERT_STRING_EQUAL(last("", 64), "");
    CU_ASSERT_STRING_EQUAL(last(" \n\t\n", 64), "");
}

static void control_characters_do_not_reach_a_terminal(void)
{
    CU_ASSERT_STRING_EQUAL(last("a\x1b[31mb\x7f.", 64), "a [31mb .");
    CU_ASSERT_STRING_EQUAL(last("gr\xc3\xbcn", 64), "gr\xc3\xbcn");
}

static void what_does_not_fit_is_cut_off(void)
{
    CU_ASSERT_STRING_EQUAL(last("12345", 4), "123");
}

static void a_guest_s_words_are_plain(void)
{
    static const struct {
        const char *said, *words;
        size_t len;
    } cases[] = {
        {"", "", 0},
        {"\r\n\n", "", 3},
        {"one\nno \033[31mroom\r\n\n", "no ?[31mroom", 19},
        {"caf\xc3\xa9", "caf??", 5},
        {"all of it\nand more", "all of it", 10}, /* what stands behind LEN is not read */
        {"a line that is too long", "a line that is ", 23},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char words[16] = "x";
        last_line_plain(cases[i].said, cases[i].len, words, sizeof words);
        CU_ASSERT_STRING_EQUAL(words, cases[i].words);
    }
}

SUITE("last_line", TEST(takes_the_last_one_that_says_something), TEST(nothing_is_an_empty_text),
      TEST(control_characters_do_not_reach_a_terminal), TEST(what_does_not_fit_is_cut_off),
      TEST(a_guest_s_words_are_plain))
