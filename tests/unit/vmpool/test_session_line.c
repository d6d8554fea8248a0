#include "session_line.h"

#include <stdio.h>
#include <string.h>

#include "suite.h"

static char seen[4096];

static void note(void *arg, const struct session_line *line)
{
    size_t len = strlen(seen);
    snprintf(seen + len, sizeof seen - len, "%s:%s;", line->kind == SESSION_LINE_OPEN ? "open" : "close",
             line->user);
}

static void feed(struct session_lines *lines, const char *text)
{
    session_lines_feed(lines, text, strlen(text), note, NULL);
}

static void reads_lines_from_any_pieces(void)
{
    struct session_lines lines = {0};
    seen[0] = 0;
    for (const char *p = "open demo\nclose demo\r\nopen DOM\\jane.doe@x\n"; *p; p++)
        session_lines_feed(&lines, p, 1, note, NULL);
    CU_ASSERT_STRING_EQUAL(seen, "open:demo;close:demo;open:DOM\\jane.doe@x;");
    CU_ASSERT_EQUAL(lines.bad, 0);
}

static void drops_what_is_not_a_line_of_the_hook(void)
{
    struct session_lines lines = {0};
    seen[0] = 0;
    feed(&lines, "\nopen\nclose \nopen a b\nOPEN x\nreboot x\nopen \x1b[2J\nclose \xc3\xa4\nclose ok\n");
    CU_ASSERT_STRING_EQUAL(seen, "close:ok;");
    CU_ASSERT_EQUAL(lines.bad, 8);
}

static void a_line_that_is_too_long_is_skipped_to_its_end(void)
{
    struct session_lines lines = {0};
    char text[5000];
    seen[0] = 0;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    feed(&lines, "open ");
    feed(&lines, text);
    feed(&lines, "close y\nclose z\n");
    CU_ASSERT_STRING_EQUAL(seen, "close:z;");
    CU_ASSERT_EQUAL(lines.bad, 1);
}

static void a_nul_byte_ends_no_line_early(void)
{
    struct session_lines lines = {0};
    seen[0] = 0;
    session_lines_feed(&lines, "close a\0b\nopen c\n", 17, note, NULL);
    CU_ASSERT_STRING_EQUAL(seen, "close:a?b;open:c;");
}

static void the_longest_line_fits(void)
{
    struct session_lines lines = {0};
    char text[SESSION_LINE_MAX + 2];
    seen[0] = 0;
    memset(text, 'u', sizeof text);
    memcpy(text, "open ", 5);
    text[SESSION_LINE_MAX - 1] = '\n';
    session_lines_feed(&lines, text, SESSION_LINE_MAX, note, NULL);
    CU_ASSERT_EQUAL(strlen(seen), 5 + SESSION_LINE_MAX - 6 + 1);
}

SUITE("session_line", TEST(reads_lines_from_any_pieces), TEST(drops_what_is_not_a_line_of_the_hook),
      TEST(a_line_that_is_too_long_is_skipped_to_its_end), TEST(a_nul_byte_ends_no_line_early),
      TEST(the_longest_line_fits))
