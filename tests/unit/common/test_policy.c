#include <carrel/policy.h>

#include <stdio.h>
#include <string.h>

#include "suite.h"

static struct policy parsed(const char *text)
{
    struct policy policy = {0};
    struct error err = {0};
    if (policy_parse(text, &policy, &err))
        CU_FAIL_FATAL("a policy of a test is wrong");
    return policy;
}

static const char *printed(const struct policy *policy)
{
    static char text[POLICY_TEXT_SIZE];
    policy_print(policy, text);
    return text;
}

static int set(const char *key, const char *value)
{
    struct policy policy = {0};
    struct error err = {0};
    int rc = policy_set(&policy, key, value, &err);
    CU_ASSERT_EQUAL(rc, err.code);
    CU_ASSERT_TRUE(!rc || err.text[0]);
    CU_ASSERT_TRUE(!rc || policy.set == 0);
    return rc;
}

static void what_nobody_has_set_is_allowed(void)
{
    struct policy policy = parsed("");
    CU_ASSERT_EQUAL(policy_number(&policy, POLICY_CLIPBOARD), POLICY_TO_GUEST | POLICY_FROM_GUEST);
    CU_ASSERT_EQUAL(policy_number(&policy, POLICY_FILES), POLICY_TO_GUEST | POLICY_FROM_GUEST);
    for (int key = POLICY_DRIVES; key <= POLICY_MULTI_MONITOR; key++)
        CU_ASSERT_EQUAL(policy_number(&policy, (enum policy_key)key), 1);
    CU_ASSERT_EQUAL(policy_number(&policy, POLICY_IDLE_LIMIT), 0);
    CU_ASSERT_EQUAL(policy_number(&policy, POLICY_SESSION_WARNING), 300);
    CU_ASSERT_TRUE(policy_allows_address(&policy, "203.0.113.9"));
    CU_ASSERT_FALSE(policy_denies_channel(&policy, "cliprdr"));
    CU_ASSERT_STRING_EQUAL(printed(&policy), "");
}

static void what_is_printed_reads_the_same(void)
{
    static const char text[] = "clipboard=to-guest\n"
                               "files=off\n"
                               "drives=off\n"
                               "audio-in=on\n"
                               "multi-monitor=off\n"
                               "idle-limit=30min\n"
                               "disconnect-limit=7d\n"
                               "session-limit=10h\n"
                               "session-warning=90s\n"
                               "deny-channels=rail,Microsoft::Windows::RDS::Geometry::v08.01\n"
                               "hours=Mon-Fri 07:00-19:00 Europe/Berlin; Sat,Sun 22:00-06:00\n"
                               "networks=10.0.0.0/8,2001:db8::/32\n";
    struct policy policy = parsed(text);
    CU_ASSERT_STRING_EQUAL(printed(&policy), text);
    CU_ASSERT_EQUAL(policy_number(&policy, POLICY_IDLE_LIMIT), 1800);
    CU_ASSERT_EQUAL(policy_number(&policy, POLICY_CLIPBOARD), POLICY_TO_GUEST);
}

static void no_limit_and_no_list_are_values_of_their_own(void)
{
    static const char text[] = "session-limit=none\ndeny-channels=none\nhours=any\nnetworks=any\n";
    struct policy policy = parsed(text);
    CU_ASSERT_STRING_EQUAL(printed(&policy), text);
}

static void default_takes_a_key_back(void)
{
    struct policy policy = parsed("drives=off\n");
    struct error err;
    CU_ASSERT_EQUAL(policy_set(&policy, "drives", "default", &err), 0);
    CU_ASSERT_EQUAL(policy_number(&policy, POLICY_DRIVES), 1);
    CU_ASSERT_STRING_EQUAL(printed(&policy), "");
}

static void refuses_what_is_no_value_of_the_key(void)
{
    static const char *const wrong[][2] = {
        {"clipbord", "off"},
        {"clipboard", "on"},
        {"clipboard", ""},
        {"drives", "both"},
        {"idle-limit", "0min"},
        {"idle-limit", "30"},
        {"idle-limit", "30m"},
        {"idle-limit", "-5min"},
        {"idle-limit", "366d"},
        {"idle-limit", "99999999999999999999s"},
        {"deny-channels", ""},
        {"deny-channels", "a,,b"},
        {"deny-channels", "a,"},
        {"deny-channels", "a b"},
        {"deny-channels", "a=b"},
        {"deny-channels", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17"},
        {"deny-channels", "0123456789012345678901234567890123456789012345678901234567890123"},
        {"hours", "Mon"},
        {"hours", "Mon 7:00-19:00"},
        {"hours", "Mon 07:00"},
        {"hours", "Mon 07:00-07:00"},
        {"hours", "Mon 24:00-08:00"},
        {"hours", "Mon 07:60-08:00"},
        {"hours", "Mon 07:00-24:01"},
        {"hours", "Mon-Fry 07:00-19:00"},
        {"hours", "Mon 07:00-19:00 ../../etc/passwd"},
        {"hours", "Mon 07:00-19:00 Europe/Berlin UTC"},
        {"hours", "Mon 07:00-19:00;"},
        {"networks", "10.0.0.0/33"},
        {"networks", "10.0.0/8"},
        {"networks", "10.0.0.0/"},
        {"networks", "::1/129"},
        {"networks", "10.0.0.0/8, "},
        {"networks", "example.org"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (set(wrong[i][0], wrong[i][1]) != CE_BAD_INPUT)
            fprintf(stderr, "%s=%s was taken\n", wrong[i][0], wrong[i][1]);
        CU_ASSERT_EQUAL(set(wrong[i][0], wrong[i][1]), CE_BAD_INPUT);
    }
    CU_ASSERT_EQUAL(set("hours", "daily 00:00-24:00"), 0);
    CU_ASSERT_EQUAL(set("idle-limit", "365d"), 0);
}

static void a_value_that_is_refused_changes_nothing(void)
{
    static const char text[] = "hours=Mon 07:00-19:00\nnetworks=10.0.0.0/8\n";
    struct policy policy = parsed(text);
    struct error err;
    CU_ASSERT_EQUAL(policy_set(&policy, "networks", "192.0.2.0/24,nonsense", &err), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(policy_set(&policy, "hours", "Tue 07:00-19:00;nonsense", &err), CE_BAD_INPUT);
    CU_ASSERT_STRING_EQUAL(printed(&policy), text);
}

static void an_entitlement_replaces_what_it_names(void)
{
    struct policy pool = parsed("clipboard=off\ndrives=off\nnetworks=10.0.0.0/8\nidle-limit=15min\n");
    struct policy top = parsed("clipboard=both\nprinters=off\nnetworks=any\nidle-limit=none\n");
    policy_over(&pool, &top);
    CU_ASSERT_STRING_EQUAL(printed(&pool),
                           "clipboard=both\ndrives=off\nprinters=off\nidle-limit=none\nnetworks=any\n");
    CU_ASSERT_TRUE(policy_allows_address(&pool, "192.0.2.1"));
}

static void rights_of_several_groups_add_up(void)
{
    struct policy sum =
        parsed("clipboard=to-guest\ndrives=off\nidle-limit=15min\nsession-limit=8h\nsession-warning=5min\n"
               "deny-channels=rail,tsmf\nhours=Mon-Fri 08:00-18:00\nnetworks=10.0.0.0/8\n");
    struct policy other =
        parsed("clipboard=from-guest\ndrives=on\nusb=off\nidle-limit=1h\nsession-limit=none\n"
               "session-warning=10min\ndeny-channels=TSMF,echo\nhours=Sat 10:00-12:00\nnetworks=::1/128\n");
    policy_join(&sum, &other);
    CU_ASSERT_STRING_EQUAL(printed(&sum),
                           "clipboard=both\ndrives=on\nusb=off\nidle-limit=1h\nsession-limit=none\n"
                           "session-warning=10min\ndeny-channels=tsmf\n"
                           "hours=Mon-Fri 08:00-18:00; Sat 10:00-12:00\nnetworks=10.0.0.0/8,::1/128\n");
    struct policy any = parsed("hours=any\nnetworks=any\n");
    policy_join(&sum, &any);
    CU_ASSERT_EQUAL(sum.window_count, 0);
    CU_ASSERT_EQUAL(sum.network_count, 0);
    struct policy night = parsed("hours=daily 22:00-06:00\n");
    policy_join(&sum, &night);
    CU_ASSERT_EQUAL(sum.window_count, 0);
}

static void a_joined_list_that_is_full_grants_no_more(void)
{
    struct policy sum = parsed("hours=Mon 01:00-02:00\n"), other = parsed("hours=Tue 01:00-02:00\n");
    for (int i = 0; i < 2 * POLICY_WINDOWS_MAX; i++)
        policy_join(&sum, &other);
    CU_ASSERT_EQUAL(sum.window_count, POLICY_WINDOWS_MAX);
}

static void addresses_are_in_networks_or_not(void)
{
    struct policy policy = parsed("networks=10.20.0.0/15,192.0.2.7,2001:db8:8000::/33\n");
    CU_ASSERT_TRUE(policy_allows_address(&policy, "10.20.1.2"));
    CU_ASSERT_TRUE(policy_allows_address(&policy, "10.21.255.255"));
    CU_ASSERT_FALSE(policy_allows_address(&policy, "10.22.0.0"));
    CU_ASSERT_TRUE(policy_allows_address(&policy, "192.0.2.7"));
    CU_ASSERT_FALSE(policy_allows_address(&policy, "192.0.2.6"));
    CU_ASSERT_TRUE(policy_allows_address(&policy, "::ffff:192.0.2.7"));
    CU_ASSERT_TRUE(policy_allows_address(&policy, "2001:db8:ffff::1"));
    CU_ASSERT_FALSE(policy_allows_address(&policy, "2001:db8:7fff::1"));
    CU_ASSERT_FALSE(policy_allows_address(&policy, ""));
    CU_ASSERT_FALSE(policy_allows_address(&policy, "localhost"));
    struct policy all_v4 = parsed("networks=0.0.0.0/0\n");
    CU_ASSERT_TRUE(policy_allows_address(&all_v4, "203.0.113.1"));
    CU_ASSERT_FALSE(policy_allows_address(&all_v4, "::1"));
    struct policy host_bits = parsed("networks=10.1.2.3/8\n");
    CU_ASSERT_STRING_EQUAL(printed(&host_bits), "networks=10.0.0.0/8\n");
}

static void windows_may_reach_into_the_next_day(void)
{
    struct policy policy = parsed("hours=Mon-Fri 07:00-19:00; Sun 22:00-06:00; Sat 00:00-24:00\n");
    const struct policy_window *day = &policy.windows[0], *night = &policy.windows[1],
                               *whole = &policy.windows[2];
    CU_ASSERT_FALSE(policy_window_has(day, 0, 7 * 60 - 1));
    CU_ASSERT_TRUE(policy_window_has(day, 0, 7 * 60));
    CU_ASSERT_TRUE(policy_window_has(day, 4, 19 * 60 - 1));
    CU_ASSERT_FALSE(policy_window_has(day, 4, 19 * 60));
    CU_ASSERT_FALSE(policy_window_has(day, 5, 12 * 60));
    CU_ASSERT_TRUE(policy_window_has(night, 6, 23 * 60));
    CU_ASSERT_TRUE(policy_window_has(night, 0, 5 * 60));
    CU_ASSERT_FALSE(policy_window_has(night, 0, 6 * 60));
    CU_ASSERT_FALSE(policy_window_has(night, 6, 5 * 60));
    CU_ASSERT_TRUE(policy_window_has(whole, 5, 0));
    CU_ASSERT_TRUE(policy_window_has(whole, 5, 24 * 60 - 1));
    CU_ASSERT_FALSE(policy_window_has(whole, 6, 0));
}

static void channels_are_denied_without_regard_to_case(void)
{
    struct policy policy = parsed("deny-channels=rail,ECHO\n");
    CU_ASSERT_TRUE(policy_denies_channel(&policy, "RAIL"));
    CU_ASSERT_TRUE(policy_denies_channel(&policy, "echo"));
    CU_ASSERT_FALSE(policy_denies_channel(&policy, "rai"));
}

static void the_longest_lists_have_room(void)
{
    struct policy policy = {0}, again;
    struct error err;
    char text[POLICY_TEXT_SIZE], text_again[POLICY_TEXT_SIZE];
    for (int i = 0; i < POLICY_NUMBER_COUNT; i++)
        policy.set |= 1U << i;
    policy.set |= 1U << POLICY_DENY_CHANNELS | 1U << POLICY_HOURS | 1U << POLICY_NETWORKS;
    policy.channel_count = POLICY_CHANNELS_MAX;
    policy.window_count = POLICY_WINDOWS_MAX;
    policy.network_count = POLICY_NETWORKS_MAX;
    for (unsigned i = 0; i < POLICY_CHANNELS_MAX; i++)
        memset(policy.channels[i], 'c', POLICY_CHANNEL_SIZE - 1);
    for (unsigned i = 0; i < POLICY_WINDOWS_MAX; i++) {
        policy.windows[i] = (struct policy_window){.days = 0x55, .from_min = 601, .to_min = 599};
        memset(policy.windows[i].zone, 'Z', POLICY_ZONE_SIZE - 1);
    }
    for (unsigned i = 0; i < POLICY_NETWORKS_MAX; i++) {
        policy.networks[i] = (struct policy_network){.is_v6 = true, .bits = 128};
        memset(policy.networks[i].address, 0xfe, 16);
    }
    policy_print(&policy, text);
    CU_ASSERT_EQUAL_FATAL(policy_parse(text, &again, &err), 0);
    policy_print(&again, text_again);
    CU_ASSERT_STRING_EQUAL(text_again, text);
    CU_ASSERT_EQUAL(again.channel_count + again.window_count + again.network_count,
                    POLICY_CHANNELS_MAX + POLICY_WINDOWS_MAX + POLICY_NETWORKS_MAX);
}

SUITE("policy", TEST(what_nobody_has_set_is_allowed), TEST(what_is_printed_reads_the_same),
      TEST(no_limit_and_no_list_are_values_of_their_own), TEST(default_takes_a_key_back),
      TEST(refuses_what_is_no_value_of_the_key), TEST(a_value_that_is_refused_changes_nothing),
      TEST(an_entitlement_replaces_what_it_names), TEST(rights_of_several_groups_add_up),
      TEST(a_joined_list_that_is_full_grants_no_more), TEST(addresses_are_in_networks_or_not),
      TEST(windows_may_reach_into_the_next_day), TEST(channels_are_denied_without_regard_to_case),
      TEST(the_longest_lists_have_room))
