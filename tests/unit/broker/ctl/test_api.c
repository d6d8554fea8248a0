#include "ctl/api.h"

#include <string.h>

#include "ctl/command.h"
#include "suite.h"

static void paths_keep_a_name_in_one_piece(void)
{
    char *path = api_path("/v1/groups/%s/members/%s", "a/b?c#d%", "anna@x.org");
    CU_ASSERT_STRING_EQUAL(path, "/v1/groups/a%2Fb%3Fc%23d%25/members/anna@x.org");
    free(path);
    path = api_path("/v1/users/%s", "gr\xc3\xbc\xc3\x9f e");
    CU_ASSERT_STRING_EQUAL(path, "/v1/users/gr%C3%BC%C3%9F%20e");
    free(path);
    path = api_path("/v1/users");
    CU_ASSERT_STRING_EQUAL(path, "/v1/users");
    free(path);
}

static void statuses_become_exit_statuses(void)
{
    CU_ASSERT_EQUAL(api_exit_status(400), CTL_USAGE);
    CU_ASSERT_EQUAL(api_exit_status(404), CTL_NOT_FOUND);
    CU_ASSERT_EQUAL(api_exit_status(403), CTL_REFUSED);
    CU_ASSERT_EQUAL(api_exit_status(409), CTL_REFUSED);
    CU_ASSERT_EQUAL(api_exit_status(500), CTL_FAILED);
    CU_ASSERT_EQUAL(api_exit_status(302), CTL_FAILED);
}

static const char *complaint(const char *detail)
{
    static const struct ctl_option options[] = {{.name = "spare", .value = "N"},
                                                {.name = "memory", .value = "SIZE"},
                                                {.name = "host-labels", .value = "TEXT"},
                                                {0}};
    static char words[200];
    api_put_complaint(options, detail, words, sizeof words);
    return words;
}

static void members_are_called_by_the_option_that_sets_them(void)
{
    CU_ASSERT_STRING_EQUAL(complaint("The member \"spare\" (5) must not be more than \"max\" (2)."),
                           "--spare (5) must not be more than \"max\" (2)");
    CU_ASSERT_STRING_EQUAL(complaint("The member \"memory_mib\" must be a whole number."),
                           "--memory must be a whole number");
    CU_ASSERT_STRING_EQUAL(complaint("The member \"host_labels\" is wrong. Why is a long story."),
                           "--host-labels is wrong. Why is a long story.");
    CU_ASSERT_STRING_EQUAL(complaint("The member \"name\" is longer than 64 bytes."),
                           "the name is longer than 64 bytes");
    CU_ASSERT_STRING_EQUAL(complaint("The member \"spar\" is not known here."), "the spar is not known here");
    CU_ASSERT_STRING_EQUAL(complaint("The member \"spare"), "the member \"spare");
    CU_ASSERT_STRING_EQUAL(complaint("There is no pool \"x\"."), "there is no pool \"x\"");
    CU_ASSERT_STRING_EQUAL(complaint("NLA is off."), "NLA is off");
    CU_ASSERT_STRING_EQUAL(complaint(""), "");
    api_put_complaint(NULL, "The member \"spare\" is missing.", (char[40]){0}, 40);
}

static void members_of_another_type_read_as_absent(void)
{
    json_t *object = json_pack("{s:i, s:s, s:b, s:f}", "n", 5, "t", "x", "f", 1, "r", 2.9);
    CU_ASSERT_EQUAL(api_number(object, "n"), 5);
    CU_ASSERT_EQUAL(api_number(object, "r"), 2);
    CU_ASSERT_EQUAL(api_number(object, "t"), 0);
    CU_ASSERT_STRING_EQUAL(api_text(object, "t"), "x");
    CU_ASSERT_STRING_EQUAL(api_text(object, "n"), "");
    CU_ASSERT_TRUE(api_flag(object, "f"));
    CU_ASSERT_FALSE(api_flag(object, "t"));
    CU_ASSERT_STRING_EQUAL(api_text(NULL, "t"), "");
    CU_ASSERT_EQUAL(api_number(NULL, "n"), 0);
    json_decref(object);
}

SUITE("ctl/api", TEST(paths_keep_a_name_in_one_piece), TEST(statuses_become_exit_statuses),
      TEST(members_are_called_by_the_option_that_sets_them), TEST(members_of_another_type_read_as_absent))
