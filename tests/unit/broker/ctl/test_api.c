#include "ctl/api.h"

#include <string.h>

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
      TEST(members_of_another_type_read_as_absent))
