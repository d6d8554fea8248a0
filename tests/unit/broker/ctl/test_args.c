#include "ctl/args.h"

#include <string.h>

#include "suite.h"

static struct ctl ctl;
static struct ctl_args args;
static char *complaint;
static size_t complaint_len;

/* Parses LINE (words at blanks) and leaves the complaint in COMPLAINT. getopt wants memory that it may
 * permute. */
static int parse(const char *line)
{
    static char copy[512], *argv[128];
    int argc = 0;
    snprintf(copy, sizeof copy, "carrelctl %s", line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    argv[argc] = NULL;
    free(complaint);
    complaint = NULL;
    ctl = (struct ctl){.out = stdout, .err = open_memstream(&complaint, &complaint_len)};
    args = (struct ctl_args){0};
    int rc = args_parse(&ctl, argc, argv, &args);
    ctl.args = &args;
    fflush(ctl.err);
    return rc;
}

static int number(const char *line, long *ret)
{
    CU_ASSERT_EQUAL_FATAL(parse(line), CTL_OK);
    int rc = args_number(&ctl, "spare", 0, 100, ret);
    fclose(ctl.err);
    return rc;
}

static void finds_command_words_and_options_in_any_order(void)
{
    CU_ASSERT_EQUAL(parse("--json pool -y create --image debian demo --spare=3 --no-headings --wait"),
                    CTL_OK);
    fclose(ctl.err);
    CU_ASSERT_STRING_EQUAL(args.command->verb, "create");
    CU_ASSERT_STRING_EQUAL(args_word(&ctl, 0), "demo");
    CU_ASSERT_PTR_NULL(args_word(&ctl, 1));
    CU_ASSERT_STRING_EQUAL(args_value(&ctl, "image"), "debian");
    CU_ASSERT_STRING_EQUAL(args_value(&ctl, "spare"), "3");
    CU_ASSERT_PTR_NULL(args_value(&ctl, "max"));
    CU_ASSERT_TRUE(args_given(&ctl, "wait"));
    CU_ASSERT_FALSE(args_given(&ctl, "disabled"));
    CU_ASSERT_TRUE(ctl.json && ctl.yes && ctl.no_headings);
}

static void the_last_of_two_values_counts(void)
{
    CU_ASSERT_EQUAL(parse("pool list --socket /a --socket /b"), CTL_OK);
    fclose(ctl.err);
    CU_ASSERT_STRING_EQUAL(args_value(&ctl, "socket"), "/b");
}

static void words_behind_two_hyphens_are_no_options(void)
{
    CU_ASSERT_EQUAL(parse("pool show -- --json"), CTL_OK);
    fclose(ctl.err);
    CU_ASSERT_STRING_EQUAL(args_word(&ctl, 0), "--json");
    CU_ASSERT_FALSE(ctl.json);
}

static void help_and_version_need_nothing_else(void)
{
    CU_ASSERT_EQUAL(parse("--socket /x help pool create"), CTL_OK);
    fclose(ctl.err);
    CU_ASSERT_TRUE(args.help);
    CU_ASSERT_STRING_EQUAL(args.command->verb, "create");
    CU_ASSERT_EQUAL(parse("pool create --help"), CTL_OK);
    fclose(ctl.err);
    CU_ASSERT_TRUE(args.help);
    CU_ASSERT_EQUAL(parse("pool"), CTL_OK);
    fclose(ctl.err);
    CU_ASSERT_PTR_NOT_NULL(args.noun);
    CU_ASSERT_PTR_NULL(args.command);
    CU_ASSERT_EQUAL(parse(""), CTL_OK);
    fclose(ctl.err);
    CU_ASSERT_PTR_NULL(args.noun);
}

static void refusals_are_usage_errors_with_one_sentence(void)
{
    static const char *const lines[][2] = {
        {"pol", "did you mean 'pool'?"},
        {"pool lst", "did you mean 'pool list'?"},
        {"pool list --jsn", "did you mean --json?"},
        {"pool list -q", "no option -q"},
        {"pool list --columns", "--columns needs a value"},
        {"pool list --yes=no", "--yes takes no value"},
        {"pool list x", "does not take 'x'"},
        {"pool create x --image a --kind none", "one of floating, dedicated, static, not 'none'"},
        {"pool create x --image a --kind float", "not 'float'"},
        {"pool show .", "is not a name"},
        {"status now", "does not take 'now'"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        CU_ASSERT_EQUAL(parse(lines[i][0]), CTL_USAGE);
        fclose(ctl.err);
        CU_ASSERT_PTR_NOT_NULL(strstr(complaint, lines[i][1]));
        CU_ASSERT_EQUAL(strncmp(complaint, "carrelctl: ", 11), 0);
        CU_ASSERT_PTR_EQUAL(strchr(complaint, '\n'), complaint + strlen(complaint) - 1);
    }
}

static void too_many_options_are_refused(void)
{
    char line[512] = "pool list";
    for (int i = 0; i <= ARGS_OPTIONS_MAX; i++)
        strcat(line, " --socket a");
    CU_ASSERT_EQUAL(parse(line), CTL_USAGE);
    fclose(ctl.err);
}

static void numbers_are_whole_and_in_range(void)
{
    long n = 7;
    CU_ASSERT_EQUAL(number("pool set x --max 3", &n), CTL_OK);
    CU_ASSERT_EQUAL(n, 7); /* not given: untouched */
    CU_ASSERT_EQUAL(number("pool set x --spare 100", &n), CTL_OK);
    CU_ASSERT_EQUAL(n, 100);
    static const char *const bad[] = {"101", "-1", "+1", "x", "1x", "0x10", "1.5", "9223372036854775808"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char line[80];
        snprintf(line, sizeof line, "pool set x --spare %s", bad[i]);
        CU_ASSERT_EQUAL(number(line, &n), CTL_USAGE);
        CU_ASSERT_EQUAL(n, 100);
    }
}

static void sizes_and_times_have_units(void)
{
    long mib = 0;
    uint64_t seconds = 0;
    CU_ASSERT_EQUAL(parse("pool create x --image a --memory 2GiB --timeout 10min"), CTL_OK);
    CU_ASSERT_EQUAL(args_mib(&ctl, "memory", 64, 1 << 20, &mib), CTL_OK);
    CU_ASSERT_EQUAL(mib, 2048);
    CU_ASSERT_EQUAL(args_seconds(&ctl, "timeout", &seconds), CTL_OK);
    CU_ASSERT_EQUAL(seconds, 600);
    fclose(ctl.err);
    CU_ASSERT_EQUAL(parse("pool create x --image a --memory 9007199254740993GiB --timeout 0"), CTL_OK);
    CU_ASSERT_EQUAL(args_mib(&ctl, "memory", 64, 1 << 20, &mib), CTL_USAGE);
    CU_ASSERT_EQUAL(args_seconds(&ctl, "timeout", &seconds), CTL_USAGE);
    CU_ASSERT_EQUAL(mib, 2048);
    CU_ASSERT_EQUAL(seconds, 600);
    fclose(ctl.err);
    free(complaint);
    complaint = NULL;
}

SUITE("ctl/args", TEST(finds_command_words_and_options_in_any_order), TEST(the_last_of_two_values_counts),
      TEST(words_behind_two_hyphens_are_no_options), TEST(help_and_version_need_nothing_else),
      TEST(refusals_are_usage_errors_with_one_sentence), TEST(too_many_options_are_refused),
      TEST(numbers_are_whole_and_in_range), TEST(sizes_and_times_have_units))
