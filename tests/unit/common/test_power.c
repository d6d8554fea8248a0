#include <carrel/power.h>

#include <string.h>

#include "suite.h"

static void hours_are_read_and_printed(void)
{
    struct policy_window window;
    char text[POWER_RULE_TEXT_SIZE];
    static const char *const cases[][2] = {{"mon-fri 07:30-18:00", "Mon-Fri 07:30-18:00"},
                                           {"Sat,sun 22:00-06:00", "Sat,Sun 22:00-06:00"},
                                           {"DAILY 00:00-24:00", "daily 00:00-24:00"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CU_ASSERT_EQUAL(power_hours_parse(cases[i][0], &window), 0);
        power_hours_print(&window, text);
        CU_ASSERT_STRING_EQUAL(text, cases[i][1]);
    }
}

static void what_is_no_rule_is_refused(void)
{
    struct policy_window window;
    static const char *const cases[] = {"",
                                        "any",
                                        "mon",
                                        "mon 07:30",
                                        "mon 07:30-25:00",
                                        "mon 7:30-18:00",
                                        "mon-fri 07:30-18:00 Europe/Berlin",
                                        "mon 07:30-08:00; tue 07:30-08:00",
                                        "mon 08:00-08:00",
                                        "someday 07:30-18:00"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        CU_ASSERT_EQUAL(power_hours_parse(cases[i], &window), CE_BAD_INPUT);
}

static void the_longest_rule_fits_its_text(void)
{
    struct policy_window window;
    char text[POWER_RULE_TEXT_SIZE];
    CU_ASSERT_EQUAL(power_hours_parse("mon,wed,fri,sun 00:00-24:00", &window), 0);
    power_hours_print(&window, text);
    CU_ASSERT_STRING_EQUAL(text, "Mon,Wed,Fri,Sun 00:00-24:00");
}

static uint32_t wanted(enum power_mode mode, uint32_t spare, uint32_t demand, uint32_t lent)
{
    const struct power_row row = {.now_mode = mode, .now_spare = spare, .now_demand = demand};
    const struct pool_row pool = {.max = 20, .spare = 1};
    return power_wanted(&row, &pool, lent);
}

static void the_calendar_or_what_is_usual_says_how_many(void)
{
    CU_ASSERT_EQUAL(wanted(POWER_SPARE, 10, 0, 3), 10);
    CU_ASSERT_EQUAL(wanted(POWER_SPARE, 10, 12, 0), 12);
    CU_ASSERT_EQUAL(wanted(POWER_SPARE, 10, 12, 5), 10);
    CU_ASSERT_EQUAL(wanted(POWER_SPARE, 2, 12, 5), 7); /* five of the usual twelve have come */
    CU_ASSERT_EQUAL(wanted(POWER_SPARE, 2, 12, 15), 2);
    CU_ASSERT_EQUAL(wanted(POWER_ON_CONNECT, 0, 6, 1), 5);
}

static void it_never_is_more_than_the_pool_may_have(void)
{
    CU_ASSERT_EQUAL(wanted(POWER_SPARE, 30, 0, 0), 20);
    CU_ASSERT_EQUAL(wanted(POWER_SPARE, 1, 50, 3), 20);
    CU_ASSERT_EQUAL(wanted(POWER_ALWAYS_ON, 0, 0, 0), 20);
    CU_ASSERT_EQUAL(wanted(POWER_ALWAYS_ON, 0, 0, 3), 17);
    const struct power_row row = {.now_mode = POWER_ALWAYS_ON};
    const struct pool_row kept = {.kind = POOL_DEDICATED, .max = 20, .spare = 1};
    CU_ASSERT_EQUAL(power_wanted(&row, &kept, 3), 1); /* owners have theirs */
}

static void off_is_off_whatever_is_usual(void)
{
    CU_ASSERT_EQUAL(wanted(POWER_OFF, 0, 12, 0), 0);
    CU_ASSERT_EQUAL(wanted(POWER_ON_CONNECT, 0, 0, 0), 0);
}

SUITE("power", TEST(hours_are_read_and_printed), TEST(what_is_no_rule_is_refused),
      TEST(the_longest_rule_fits_its_text), TEST(the_calendar_or_what_is_usual_says_how_many),
      TEST(it_never_is_more_than_the_pool_may_have), TEST(off_is_off_whatever_is_usual))
