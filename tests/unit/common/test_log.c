#include "log.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "suite.h"

static char dir[64], path[128], moved[128];
static char text[1 << 20];

static void begin(void)
{
    strcpy(dir, "/tmp/carrel-log.XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/log", dir);
    snprintf(moved, sizeof moved, "%s/log.1", dir);
}

static void end(void)
{
    log_close();
    unlink(path);
    unlink(moved);
    rmdir(dir);
}

static const char *slurp(const char *name)
{
    FILE *f = fopen(name, "r");
    size_t len = f ? fread(text, 1, sizeof text - 1, f) : 0;
    text[len] = '\0';
    if (f)
        fclose(f);
    return text;
}

static void a_line_has_time_level_room_and_sentence(void)
{
    begin();
    CU_ASSERT_EQUAL_FATAL(log_open("carrel-test", path, LOG_LEVEL_INFO, NULL), 0);
    log_warning("The pool is empty. pool=%s spare=%d", "demo", 2);
    const char *line = slurp(path);
    int year, n = 0;
    CU_ASSERT_EQUAL(sscanf(line, "%4d-%*2d-%*2dT%*2d:%*2d:%*2d.%*3dZ %n", &year, &n), 1);
    CU_ASSERT_STRING_EQUAL(line + n, "warning carrel-test: The pool is empty. pool=demo spare=2\n");
    end();
}

static void levels_above_the_chosen_one_are_silent(void)
{
    begin();
    CU_ASSERT_EQUAL_FATAL(log_open("t", path, LOG_LEVEL_WARNING, NULL), 0);
    log_info("Not this.");
    log_debug("Nor this.");
    log_error("But this.");
    slurp(path);
    CU_ASSERT_PTR_NULL(strstr(text, "Not"));
    CU_ASSERT_PTR_NULL(strstr(text, "Nor"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "But this."));
    end();
}

static void a_line_break_in_a_name_forges_no_line(void)
{
    begin();
    CU_ASSERT_EQUAL_FATAL(log_open("t", path, LOG_LEVEL_INFO, NULL), 0);
    log_info("A client came. name=%s", "x\nerror t: forged\x1b[2J\x7f");
    const char *line = slurp(path);
    CU_ASSERT_PTR_EQUAL(strchr(line, '\n'), line + strlen(line) - 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(line, "name=x\\x0aerror t: forged\\x1b[2J\\x7f\n"));
    end();
}

static void a_long_line_is_cut_and_says_so(void)
{
    begin();
    CU_ASSERT_EQUAL_FATAL(log_open("t", path, LOG_LEVEL_INFO, NULL), 0);
    char longer[5000];
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    log_info("%s", longer);
    memset(longer, '\n', sizeof longer - 1);
    log_info("%s", longer);
    const char *first = slurp(path);
    const char *second = strchr(first, '\n') + 1;
    CU_ASSERT_EQUAL(strncmp(second - 4, "...\n", 4), 0);
    CU_ASSERT_STRING_EQUAL(first + strlen(first) - 4, "...\n");
    CU_ASSERT_TRUE(strlen(first) <= 4096);
    end();
}

static void reopening_follows_a_rotated_file(void)
{
    begin();
    CU_ASSERT_EQUAL_FATAL(log_open("t", path, LOG_LEVEL_INFO, NULL), 0);
    log_info("Before.");
    CU_ASSERT_EQUAL(rename(path, moved), 0);
    log_info("Between.");
    CU_ASSERT_EQUAL(log_reopen(), 0);
    log_info("After.");
    CU_ASSERT_PTR_NOT_NULL(strstr(slurp(moved), "Between."));
    CU_ASSERT_PTR_NULL(strstr(text, "After."));
    CU_ASSERT_PTR_NOT_NULL(strstr(slurp(path), "After."));
    end();
}

static void the_file_is_closed_to_others(void)
{
    begin();
    umask(0);
    CU_ASSERT_EQUAL_FATAL(log_open("t", path, LOG_LEVEL_INFO, NULL), 0);
    struct stat st;
    CU_ASSERT_EQUAL(stat(path, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 07777, 0640);
    end();
}

static void a_file_that_cannot_be_opened_is_named(void)
{
    struct error err = {0};
    CU_ASSERT_EQUAL(log_open("t", "/nowhere/at/all", LOG_LEVEL_INFO, &err), CE_IO);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/nowhere/at/all"));
}

static void *write_many(void *arg)
{
    for (int i = 0; i < 500; i++)
        log_info("Thread %s says a sentence that is whole.", (const char *)arg);
    return NULL;
}

static void lines_of_threads_do_not_mix(void)
{
    begin();
    CU_ASSERT_EQUAL_FATAL(log_open("t", path, LOG_LEVEL_INFO, NULL), 0);
    pthread_t threads[4];
    static char names[][2] = {"a", "b", "c", "d"};
    for (int i = 0; i < 4; i++)
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, write_many, names[i]), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    int count = 0;
    slurp(path);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        char name;
        int n = 0;
        if (sscanf(line, "%*s info t: Thread %c says a sentence that is whole.%n", &name, &n) == 1 &&
            !line[n])
            count++;
    }
    CU_ASSERT_EQUAL(count, 2000);
    end();
}

static void the_journal_gets_priorities_and_no_time(void)
{
    begin();
    int saved = dup(STDERR_FILENO);
    CU_ASSERT_PTR_NOT_NULL_FATAL(freopen(path, "w", stderr));
    struct stat st;
    char stream[64];
    fstat(STDERR_FILENO, &st);
    snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    CU_ASSERT_EQUAL(log_open("t", NULL, LOG_LEVEL_DEBUG, NULL), 0);
    log_error("One.");
    log_debug("Two.");
    dup2(saved, STDERR_FILENO);
    close(saved);
    unsetenv("JOURNAL_STREAM");
    CU_ASSERT_STRING_EQUAL(slurp(path), "<3>error t: One.\n<7>debug t: Two.\n");
    end();
}

static void knows_its_levels_by_name(void)
{
    CU_ASSERT_EQUAL(log_level_parse("error"), LOG_LEVEL_ERROR);
    CU_ASSERT_EQUAL(log_level_parse("warning"), LOG_LEVEL_WARNING);
    CU_ASSERT_EQUAL(log_level_parse("info"), LOG_LEVEL_INFO);
    CU_ASSERT_EQUAL(log_level_parse("debug"), LOG_LEVEL_DEBUG);
    CU_ASSERT_EQUAL(log_level_parse("verbose"), -1);
    CU_ASSERT_EQUAL(log_level_parse(NULL), -1);
}

SUITE("log", TEST(a_line_has_time_level_room_and_sentence), TEST(levels_above_the_chosen_one_are_silent),
      TEST(a_line_break_in_a_name_forges_no_line), TEST(a_long_line_is_cut_and_says_so),
      TEST(reopening_follows_a_rotated_file), TEST(the_file_is_closed_to_others),
      TEST(a_file_that_cannot_be_opened_is_named), TEST(lines_of_threads_do_not_mix),
      TEST(the_journal_gets_priorities_and_no_time), TEST(knows_its_levels_by_name))
