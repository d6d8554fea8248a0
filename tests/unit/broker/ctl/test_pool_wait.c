#include "ctl/pool_wait.h"

#include <string.h>

#include "ctl/api.h"
#include "suite.h"

static const json_t *busy;
static char busy_name[32];

static unsigned percent(const char *json, size_t wanted)
{
    json_t *desktops = json_loads(json, 0, NULL);
    unsigned result = pool_wait_percent(desktops, wanted, &busy);
    snprintf(busy_name, sizeof busy_name, "%s", busy ? api_text(busy, "name") : "");
    json_decref(desktops);
    return result;
}

static void the_best_of_those_on_their_way_count(void)
{
    CU_ASSERT_EQUAL(
        percent("[{\"state\":\"ready\"},{\"name\":\"b\",\"state\":\"booting\",\"percent\":50}]", 2), 75);
    CU_ASSERT_STRING_EQUAL(busy_name, "b");
    CU_ASSERT_EQUAL(percent("[{\"state\":\"cloning\",\"percent\":5},{\"state\":\"ready\"}]", 1), 100);
    CU_ASSERT_EQUAL(percent("[{\"state\":\"ready\"},{\"state\":\"ready\"}]", 4), 50);
}

static void lent_and_failed_ones_do_not(void)
{
    CU_ASSERT_EQUAL(
        percent("[{\"state\":\"in_use\",\"percent\":100},{\"state\":\"failed\",\"percent\":90}]", 1), 0);
    CU_ASSERT_STRING_EQUAL(busy_name, "");
}

static void strange_numbers_stay_in_their_bounds(void)
{
    CU_ASSERT_EQUAL(percent("[{\"state\":\"booting\",\"percent\":900}]", 1), 99);
    CU_ASSERT_EQUAL(percent("[{\"state\":\"booting\",\"percent\":-9}]", 1), 0);
    CU_ASSERT_EQUAL(percent("[7,{}]", 1), 0);
    CU_ASSERT_EQUAL(percent("{}", 1), 0);
    CU_ASSERT_EQUAL(percent("[]", 0), 100);
}

SUITE("ctl/pool_wait", TEST(the_best_of_those_on_their_way_count), TEST(lent_and_failed_ones_do_not),
      TEST(strange_numbers_stay_in_their_bounds))
