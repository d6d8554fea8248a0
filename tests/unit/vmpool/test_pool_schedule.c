#include "pool_schedule.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "suite.h"

/* Of UTC: "2025-03-30 01:00". */
static int64_t utc(const char *text)
{
    struct tm tm = {0};
    const char *rest = strptime(text, "%Y-%m-%d %H:%M", &tm);
    CU_ASSERT_PTR_NOT_NULL_FATAL(rest);
    return timegm(&tm);
}

static struct power_rule rule(const char *hours, enum power_mode mode, uint32_t spare)
{
    struct power_rule rule = {.mode = mode, .spare = spare};
    CU_ASSERT_EQUAL_FATAL(power_hours_parse(hours, &rule.window), 0);
    return rule;
}

struct look {
    const char *zone; /* NULL: UTC without a file */
    const struct power_rule *rules;
    unsigned count;
};

static struct schedule_answer look_at(const struct look *look, int64_t now_s)
{
    struct zone zone = {0};
    if (look->zone)
        CU_ASSERT_EQUAL_FATAL(zone_load(&zone, look->zone), 0);
    const struct pool_schedule schedule = {
        .mode = POWER_SPARE, .spare = 2, .rules = look->rules, .count = look->count, .zone = &zone};
    const struct schedule_answer answer = pool_schedule_at(&schedule, now_s);
    zone_unload(&zone);
    return answer;
}

/* What is said at a time of UTC, and until when ("": for ever). */
static void says(const struct look *look, const char *at, uint32_t spare, const char *until)
{
    const struct schedule_answer answer = look_at(look, utc(at));
    CU_ASSERT_EQUAL(answer.spare, spare);
    CU_ASSERT_EQUAL(answer.until_s, *until ? utc(until) : 0);
    if (answer.spare != spare || answer.until_s != (*until ? utc(until) : 0))
        printf("\n    at %s: %u until %lld, not %u until %s\n", at, answer.spare, (long long)answer.until_s,
               spare, until);
}

static void a_rule_holds_from_its_first_minute_to_its_last(void)
{
    const struct power_rule rules[] = {rule("mon-fri 07:30-18:00", POWER_SPARE, 20)};
    const struct look look = {"Europe/Berlin", rules, 1};
    says(&look, "2025-01-15 06:29", 2, "2025-01-15 06:30"); /* a Wednesday, an hour ahead of UTC */
    says(&look, "2025-01-15 06:30", 20, "2025-01-15 17:00");
    says(&look, "2025-01-15 16:59", 20, "2025-01-15 17:00");
    says(&look, "2025-01-15 17:00", 2, "2025-01-16 06:30");
    says(&look, "2025-01-17 17:00", 2, "2025-01-20 06:30");  /* over the weekend */
    says(&look, "2025-07-16 05:30", 20, "2025-07-16 16:00"); /* two hours ahead in summer */
}

static void without_rules_the_pool_itself_counts_for_ever(void)
{
    const struct look look = {"Europe/Berlin", NULL, 0};
    says(&look, "2025-01-15 06:29", 2, "");
}

static void a_rule_that_always_holds_never_changes(void)
{
    const struct power_rule rules[] = {rule("daily 00:00-24:00", POWER_SPARE, 7)};
    const struct look look = {"Europe/Berlin", rules, 1};
    says(&look, "2025-01-15 06:29", 7, "");
    says(&look, "2025-03-30 00:30", 7, ""); /* nor on a day without its third hour */
}

static void behind_midnight_it_goes_on_with_the_day_on_which_it_began(void)
{
    const struct power_rule rules[] = {rule("fri 22:00-06:00", POWER_SPARE, 5)};
    const struct look look = {NULL, rules, 1};
    says(&look, "2025-01-17 21:59", 2, "2025-01-17 22:00");
    says(&look, "2025-01-17 23:59", 5, "2025-01-18 06:00");
    says(&look, "2025-01-18 05:59", 5, "2025-01-18 06:00");
    says(&look, "2025-01-18 06:00", 2, "2025-01-24 22:00");
    says(&look, "2025-01-17 05:00", 2, "2025-01-17 22:00"); /* Thursday's night is none of it */
}

static void of_overlapping_rules_the_one_that_says_most_counts(void)
{
    const struct power_rule rules[] = {
        rule("daily 08:00-18:00", POWER_SPARE, 4), rule("daily 09:00-12:00", POWER_SPARE, 9),
        rule("daily 11:00-13:00", POWER_OFF, 0), rule("daily 17:00-19:00", POWER_ALWAYS_ON, 0)};
    const struct look look = {NULL, rules, 4};
    says(&look, "2025-01-15 08:00", 4, "2025-01-15 09:00");
    says(&look, "2025-01-15 09:00", 9, "2025-01-15 12:00");
    says(&look, "2025-01-15 12:00", 4, "2025-01-15 17:00"); /* off says less */
    const struct schedule_answer answer = look_at(&look, utc("2025-01-15 17:30"));
    CU_ASSERT_EQUAL(answer.mode, POWER_ALWAYS_ON);
    CU_ASSERT_EQUAL(answer.rule, 3);
    CU_ASSERT_EQUAL(answer.until_s, utc("2025-01-15 19:00"));
}

static void a_rule_may_say_less_than_the_pool(void)
{
    const struct power_rule rules[] = {rule("sat,sun 00:00-24:00", POWER_OFF, 0)};
    const struct look look = {"Europe/Berlin", rules, 1};
    const struct schedule_answer answer = look_at(&look, utc("2025-01-18 12:00"));
    CU_ASSERT_EQUAL(answer.mode, POWER_OFF);
    CU_ASSERT_EQUAL(answer.until_s, utc("2025-01-19 23:00"));
}

static void rules_that_say_the_same_one_after_the_other_are_one_change(void)
{
    const struct power_rule rules[] = {rule("daily 08:00-12:00", POWER_SPARE, 4),
                                       rule("daily 12:00-16:00", POWER_SPARE, 4)};
    const struct look look = {NULL, rules, 2};
    says(&look, "2025-01-15 08:00", 4, "2025-01-15 16:00");
}

static void a_time_that_the_clocks_pass_over_is_the_moment_of_the_change(void)
{
    /* On 2025-03-30 clocks of Berlin go from 02:00 to 03:00 at 01:00 UTC. */
    const struct power_rule rules[] = {rule("sun 02:30-04:00", POWER_SPARE, 5)};
    const struct look begins = {"Europe/Berlin", rules, 1};
    says(&begins, "2025-03-30 00:59", 2, "2025-03-30 01:00");
    says(&begins, "2025-03-30 01:00", 5, "2025-03-30 02:00");
    const struct power_rule ends_there[] = {rule("sat 20:00-02:30", POWER_SPARE, 5)};
    const struct look ends = {"Europe/Berlin", ends_there, 1};
    says(&ends, "2025-03-29 20:00", 5, "2025-03-30 01:00");
    const struct power_rule within[] = {rule("sun 02:10-02:50", POWER_SPARE, 5)};
    const struct look gone = {"Europe/Berlin", within, 1};
    says(&gone, "2025-03-30 00:30", 2, "2025-04-06 00:10"); /* no such time on that day */
}

static void of_a_time_that_clocks_show_twice_the_first_counts(void)
{
    /* On 2025-10-26 clocks of Berlin go from 03:00 to 02:00 at 01:00 UTC. */
    const struct power_rule rules[] = {rule("sun 02:30-04:00", POWER_SPARE, 5)};
    const struct look begins = {"Europe/Berlin", rules, 1};
    says(&begins, "2025-10-26 00:29", 2, "2025-10-26 00:30");
    says(&begins, "2025-10-26 00:30", 5, "2025-10-26 03:00");
    says(&begins, "2025-10-26 01:10", 5, "2025-10-26 03:00"); /* 02:10 again, and it still holds */
    const struct power_rule ends_there[] = {rule("sat 22:00-02:30", POWER_SPARE, 5)};
    const struct look ends = {"Europe/Berlin", ends_there, 1};
    says(&ends, "2025-10-26 00:29", 5, "2025-10-26 00:30");
    says(&ends, "2025-10-26 01:10", 2, "2025-11-01 21:00"); /* and it does not begin again */
}

static void zones_of_half_hours_and_of_the_south_count_as_well(void)
{
    /* On 2025-04-06 clocks of Lord Howe go half an hour back at 15:00 UTC of the day before. */
    const struct power_rule rules[] = {rule("sun 08:00-09:00", POWER_SPARE, 5)};
    const struct look look = {"Australia/Lord_Howe", rules, 1};
    says(&look, "2025-04-05 21:29", 2, "2025-04-05 21:30");
    says(&look, "2025-03-29 21:00", 5, "2025-03-29 22:00");
    const struct look kolkata = {"Asia/Kolkata", rules, 1};
    says(&kolkata, "2025-01-19 02:30", 5, "2025-01-19 03:30");
    const struct look far = {"Pacific/Kiritimati", rules, 1}; /* 14 hours ahead */
    says(&far, "2025-01-18 18:00", 5, "2025-01-18 19:00");
}

static void quarters_of_the_week_follow_the_clocks(void)
{
    struct zone zone = {0};
    uint32_t slot;
    int64_t week, later;
    CU_ASSERT_EQUAL_FATAL(zone_load(&zone, "Europe/Berlin"), 0);
    pool_schedule_slot(&zone, utc("2025-01-12 23:00"), &slot, &week); /* Monday 00:00 there */
    CU_ASSERT_EQUAL(slot, 0);
    pool_schedule_slot(&zone, utc("2025-01-19 22:59"), &slot, &later);
    CU_ASSERT_EQUAL(slot, POWER_SLOTS - 1);
    CU_ASSERT_EQUAL(later, week);
    pool_schedule_slot(&zone, utc("2025-07-16 06:15"), &slot, &later);
    CU_ASSERT_EQUAL(slot, (2 * 24 + 8) * 4 + 1);
    CU_ASSERT_EQUAL(pool_schedule_next_slot(&zone, utc("2025-07-16 06:15")), utc("2025-07-16 06:30"));
    CU_ASSERT_EQUAL(pool_schedule_next_slot(&zone, utc("2025-07-16 06:29") + 59), utc("2025-07-16 06:30"));
    zone_unload(&zone);
}

static void words(const struct pool_schedule *schedule, const char *at, const char *wanted)
{
    char text[POWER_WHY_SIZE];
    const struct schedule_answer answer = pool_schedule_at(schedule, utc(at));
    pool_schedule_words(schedule, &answer, text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, wanted);
}

static void it_says_why(void)
{
    const struct zone zone = {0};
    const struct power_rule rules[] = {rule("mon-fri 07:30-18:00", POWER_SPARE, 10),
                                       rule("sat 07:30-18:00", POWER_ON_CONNECT, 0)};
    const struct pool_schedule schedule = {.mode = POWER_OFF, .rules = rules, .count = 2, .zone = &zone};
    words(&schedule, "2025-01-15 08:00", "schedule Mon-Fri 07:30-18:00 says 10");
    words(&schedule, "2025-01-18 08:00", "schedule Sat 07:30-18:00 says on-connect");
    words(&schedule, "2025-01-19 08:00", "outside of its schedule the pool says off");
    const struct pool_schedule bare = {.mode = POWER_SPARE, .spare = 3, .zone = &zone};
    words(&bare, "2025-01-15 08:00", "the pool itself says 3");
}

SUITE("pool_schedule", TEST(a_rule_holds_from_its_first_minute_to_its_last),
      TEST(without_rules_the_pool_itself_counts_for_ever), TEST(a_rule_that_always_holds_never_changes),
      TEST(behind_midnight_it_goes_on_with_the_day_on_which_it_began),
      TEST(of_overlapping_rules_the_one_that_says_most_counts), TEST(a_rule_may_say_less_than_the_pool),
      TEST(rules_that_say_the_same_one_after_the_other_are_one_change),
      TEST(a_time_that_the_clocks_pass_over_is_the_moment_of_the_change),
      TEST(of_a_time_that_clocks_show_twice_the_first_counts),
      TEST(zones_of_half_hours_and_of_the_south_count_as_well), TEST(quarters_of_the_week_follow_the_clocks),
      TEST(it_says_why))
