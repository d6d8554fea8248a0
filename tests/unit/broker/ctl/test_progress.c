#include "ctl/progress.h"

#include <string.h>

#include "suite.h"

static char *text;
static size_t text_len;
static struct ctl ctl;
static struct progress progress;

static void begin(bool tty)
{
    ctl = (struct ctl){.err = open_memstream(&text, &text_len), .err_tty = tty};
    progress_begin(&progress, &ctl, "Pool %s", "x\x1b");
}

static void finish(void)
{
    fclose(ctl.err);
    free(text);
    text = NULL;
}

static void a_terminal_gets_one_line_that_changes(void)
{
    begin(true);
    progress_update(&progress, 0, "begun");
    CU_ASSERT_STRING_EQUAL(text, "\rPool x? [........................]   0 %  begun\x1b[K");
    size_t len = text_len;
    progress_update(&progress, 0, "begun");
    CU_ASSERT_EQUAL(text_len, len);
    progress_update(&progress, 150, "done \n");
    CU_ASSERT_STRING_EQUAL(text + len, "\rPool x? [########################] 100 %  done ?\x1b[K");
    progress_end(&progress);
    fflush(ctl.err);
    CU_ASSERT_EQUAL(text[strlen(text) - 1], '\n');
    finish();
}

static void a_file_gets_a_line_for_new_words_or_ten_percent(void)
{
    begin(false);
    progress_update(&progress, 1, "copying");
    progress_update(&progress, 2, "copying");
    progress_update(&progress, 9, "copying");
    progress_update(&progress, 11, "copying");
    progress_update(&progress, 12, "checking");
    progress_end(&progress);
    fflush(ctl.err);
    CU_ASSERT_STRING_EQUAL(text, "Pool x?: 1 %, copying\nPool x?: 11 %, copying\nPool x?: 12 %, checking\n");
    finish();
}

static void nothing_begun_ends_with_nothing(void)
{
    begin(true);
    progress_end(&progress);
    fflush(ctl.err);
    CU_ASSERT_EQUAL(text_len, 0);
    finish();
}

SUITE("ctl/progress", TEST(a_terminal_gets_one_line_that_changes),
      TEST(a_file_gets_a_line_for_new_words_or_ten_percent), TEST(nothing_begun_ends_with_nothing))
