#include "policy_login.h"

#include "suite.h"

enum { TUESDAY_NOON_S = 1782820800 }; /* 2026-06-30 12:00 UTC, 14:00 in Berlin */

static enum fail refusal(const char *policy_text, const char *address, int64_t at_s)
{
    struct policy policy;
    struct error err, detail = {0};
    CU_ASSERT_EQUAL_FATAL(policy_parse(policy_text, &policy, &err), 0);
    enum fail fail = policy_login_refusal(&policy, address, at_s * 1000, &detail);
    CU_ASSERT_EQUAL(fail != FAIL_NONE, detail.text[0] != '\0');
    return fail;
}

static void without_a_word_everybody_gets_in(void)
{
    CU_ASSERT_EQUAL(refusal("", "", TUESDAY_NOON_S), FAIL_NONE);
    CU_ASSERT_EQUAL(refusal("hours=any\nnetworks=any\n", "192.0.2.1", TUESDAY_NOON_S), FAIL_NONE);
}

static void hours_count_in_their_own_time_zone(void)
{
    CU_ASSERT_EQUAL(refusal("hours=Tue 14:00-15:00 Europe/Berlin\n", "", TUESDAY_NOON_S), FAIL_NONE);
    CU_ASSERT_EQUAL(refusal("hours=Tue 14:00-15:00 Europe/Berlin\n", "", TUESDAY_NOON_S - 1),
                    FAIL_OUTSIDE_HOURS);
    CU_ASSERT_EQUAL(refusal("hours=Tue 12:00-12:01 UTC\n", "", TUESDAY_NOON_S + 59), FAIL_NONE);
    CU_ASSERT_EQUAL(refusal("hours=Tue 12:00-12:01 UTC\n", "", TUESDAY_NOON_S + 60), FAIL_OUTSIDE_HOURS);
    /* It is Wednesday already there. */
    CU_ASSERT_EQUAL(refusal("hours=Wed 00:00-06:00 Pacific/Auckland\n", "", TUESDAY_NOON_S), FAIL_NONE);
}

static void one_window_of_several_is_enough(void)
{
    CU_ASSERT_EQUAL(refusal("hours=Mon 00:00-24:00 UTC; Tue 11:00-13:00 UTC\n", "", TUESDAY_NOON_S),
                    FAIL_NONE);
    CU_ASSERT_EQUAL(refusal("hours=Mon 00:00-24:00 UTC; Wed 11:00-13:00 UTC\n", "", TUESDAY_NOON_S),
                    FAIL_OUTSIDE_HOURS);
}

static void a_zone_that_cannot_be_read_is_closed(void)
{
    CU_ASSERT_EQUAL(refusal("hours=daily 00:00-24:00 Atlantis/Capital\n", "", TUESDAY_NOON_S),
                    FAIL_OUTSIDE_HOURS);
}

static void networks_come_first(void)
{
    CU_ASSERT_EQUAL(refusal("networks=10.0.0.0/8\n", "10.1.2.3", TUESDAY_NOON_S), FAIL_NONE);
    CU_ASSERT_EQUAL(refusal("networks=10.0.0.0/8\n", "192.0.2.1", TUESDAY_NOON_S), FAIL_OUTSIDE_NETWORKS);
    CU_ASSERT_EQUAL(refusal("networks=10.0.0.0/8\n", "", TUESDAY_NOON_S), FAIL_OUTSIDE_NETWORKS);
}

static void an_unknown_zone_is_told(void)
{
    struct policy policy;
    struct error err;
    CU_ASSERT_EQUAL_FATAL(
        policy_parse("hours=Mon 08:00-09:00 UTC; Tue 08:00-09:00 Mars/Base\n", &policy, &err), 0);
    CU_ASSERT_EQUAL(policy_zones_check(&policy, &err), CE_BAD_INPUT);
    policy.window_count = 1;
    CU_ASSERT_EQUAL(policy_zones_check(&policy, &err), 0);
}

SUITE("policy_login", TEST(without_a_word_everybody_gets_in), TEST(hours_count_in_their_own_time_zone),
      TEST(one_window_of_several_is_enough), TEST(a_zone_that_cannot_be_read_is_closed),
      TEST(networks_come_first), TEST(an_unknown_zone_is_told))
