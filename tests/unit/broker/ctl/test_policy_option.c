#include "ctl/policy_option.h"

#include <string.h>

#include "ctl/args.h"
#include "suite.h"

static json_t *body;

/* What the options of LINE (words at blanks) make of an empty body; the complaints are thrown away. */
static int read_line(const char *line)
{
    static char copy[512], *argv[64];
    static struct ctl ctl;
    static struct ctl_args args;
    int argc = 0;
    snprintf(copy, sizeof copy, "carrelctl pool set office %s", line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    argv[argc] = NULL;
    ctl = (struct ctl){.out = stdout, .err = fopen("/dev/null", "w")};
    args = (struct ctl_args){0};
    int rc = args_parse(&ctl, argc, argv, &args);
    ctl.args = &args;
    json_decref(body);
    body = json_object();
    if (!rc)
        rc = policy_option_read(&ctl, body);
    fclose(ctl.err);
    return rc;
}

static void several_options_make_one_object(void)
{
    CU_ASSERT_EQUAL(read_line("--policy clipboard=off --spare 3 --policy=drives=off --policy usb=default"),
                    CTL_OK);
    json_t *wanted =
        json_pack("{s:{s:s, s:s, s:s}}", "policy", "clipboard", "off", "drives", "off", "usb", "default");
    CU_ASSERT_TRUE(json_equal(body, wanted));
    json_decref(wanted);
}

static void without_the_option_the_body_stays_empty(void)
{
    CU_ASSERT_EQUAL(read_line("--spare 3"), CTL_OK);
    CU_ASSERT_EQUAL(json_object_size(body), 0);
}

static void what_is_no_policy_is_refused_where_it_was_typed(void)
{
    static const char *const wrong[] = {"--policy clipboard", "--policy clipboard=on",
                                        "--policy keyboard=off", "--policy =off", "--policy idle-limit=30"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        CU_ASSERT_EQUAL(read_line(wrong[i]), CTL_USAGE);
}

static void prints_what_is_set_in_the_order_of_the_manual(void)
{
    char text[200];
    json_t *pool = json_pack("{s:{s:s, s:s, s:s}}", "policy", "hours", "Mon 07:00-19:00", "drives", "off",
                             "clipboard", "both");
    policy_option_print(pool, "nothing", text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, "clipboard=both drives=off hours='Mon 07:00-19:00'");
    policy_option_print(pool, "nothing", text, 20);
    CU_ASSERT_STRING_EQUAL(text, "clipboard=both driv");
    json_object_clear(json_object_get(pool, "policy"));
    policy_option_print(pool, "nothing", text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, "nothing");
    json_decref(pool);
    json_decref(body);
    body = NULL;
}

SUITE("policy_option", TEST(several_options_make_one_object), TEST(without_the_option_the_body_stays_empty),
      TEST(what_is_no_policy_is_refused_where_it_was_typed),
      TEST(prints_what_is_set_in_the_order_of_the_manual))
