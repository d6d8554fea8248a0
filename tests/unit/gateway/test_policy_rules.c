#include "policy_rules.h"

#include <string.h>

#include "rdpdr.h"
#include "suite.h"

static struct policy policy_of(const char *text)
{
    struct policy policy = {0};
    struct error err;
    if (policy_parse(text, &policy, &err))
        CU_FAIL_FATAL("a policy of a test is wrong");
    return policy;
}

static uint32_t dynamic(const char *text, const char *name)
{
    struct policy policy = policy_of(text);
    return policy_dynamic_denial(&policy, name, strlen(name));
}

static uint32_t fixed(const char *text, const char *name)
{
    struct policy policy = policy_of(text);
    return policy_static_denial(&policy, name);
}

static void a_key_denies_its_channels_both_static_and_dynamic(void)
{
    CU_ASSERT_EQUAL(fixed("audio-out=off\n", "rdpsnd"), DENIED_AUDIO_OUT);
    CU_ASSERT_EQUAL(dynamic("audio-out=off\n", "AUDIO_PLAYBACK_DVC"), DENIED_AUDIO_OUT);
    CU_ASSERT_EQUAL(dynamic("audio-out=off\n", "AUDIO_PLAYBACK_LOSSY_DVC"), DENIED_AUDIO_OUT);
    CU_ASSERT_EQUAL(dynamic("audio-in=off\n", "AUDIO_INPUT"), DENIED_AUDIO_IN);
    CU_ASSERT_EQUAL(dynamic("usb=off\n", "URBDRC"), DENIED_USB);
    CU_ASSERT_EQUAL(dynamic("cameras=off\n", "RDCamera_Device_Enumerator"), DENIED_CAMERAS);
    CU_ASSERT_EQUAL(dynamic("cameras=off\n", "RDCamera_Device_0"), DENIED_CAMERAS);
    CU_ASSERT_EQUAL(dynamic("multi-monitor=off\n", "Microsoft::Windows::RDS::DisplayControl"),
                    DENIED_MULTI_MONITOR);
    CU_ASSERT_EQUAL(fixed("clipboard=off\n", "CLIPRDR"),
                    DENIED_CLIPBOARD_TO_GUEST | DENIED_CLIPBOARD_FROM_GUEST);
}

static void nothing_is_denied_without_a_word(void)
{
    static const char *const names[] = {"cliprdr",
                                        "rdpdr",
                                        "rdpsnd",
                                        "drdynvc",
                                        "AUDIO_INPUT",
                                        "URBDRC",
                                        "Microsoft::Windows::RDS::Graphics"};
    struct policy policy = policy_of("idle-limit=5min\nhours=Mon 08:00-09:00\n");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        CU_ASSERT_EQUAL(fixed("", names[i]), 0);
        CU_ASSERT_EQUAL(dynamic("", names[i]), 0);
    }
    CU_ASSERT_FALSE(policy_denies_anything(&policy));
}

static void rdpdr_goes_only_with_its_last_kind_of_device(void)
{
    struct policy policy = policy_of("drives=off\nports=off\n");
    CU_ASSERT_EQUAL(fixed("drives=off\nprinters=off\nports=off\n", "rdpdr"), 0);
    CU_ASSERT_EQUAL(fixed("drives=off\nprinters=off\nports=off\nsmartcards=off\n", "rdpdr"), DENIED_DEVICES);
    CU_ASSERT_EQUAL(policy_device_denial(&policy, RDPDR_DRIVE), DENIED_DRIVES);
    CU_ASSERT_EQUAL(policy_device_denial(&policy, RDPDR_PARALLEL), DENIED_PORTS);
    CU_ASSERT_EQUAL(policy_device_denial(&policy, RDPDR_PRINTER), 0);
    CU_ASSERT_EQUAL(policy_device_denial(&policy, RDPDR_SMARTCARD), 0);
    CU_ASSERT_NOT_EQUAL(policy_device_denial(&policy, 0x40), 0); /* nobody knows what it is */
}

/* Otherwise a guest could ask for the same contents where nobody looks. */
static void what_is_looked_into_is_denied_as_a_dynamic_channel(void)
{
    CU_ASSERT_EQUAL(fixed("clipboard=to-guest\n", "cliprdr"), 0);
    CU_ASSERT_EQUAL(dynamic("clipboard=to-guest\n", "cliprdr"), DENIED_CLIPBOARD_FROM_GUEST);
    CU_ASSERT_NOT_EQUAL(dynamic("files=off\n", "CLIPRDR"), 0);
    CU_ASSERT_EQUAL(dynamic("drives=off\n", "rdpdr"), DENIED_DRIVES);
    CU_ASSERT_EQUAL(dynamic("audio-out=off\n", "rdpsnd"), DENIED_AUDIO_OUT);
}

static void channels_are_denied_by_name(void)
{
    static const char text[] = "deny-channels=rail,Echo::Test\n";
    struct policy policy = policy_of(text);
    char words[64];
    CU_ASSERT_EQUAL(fixed(text, "RAIL"), DENIED_CHANNEL);
    CU_ASSERT_EQUAL(dynamic(text, "echo::test"), DENIED_CHANNEL << 1);
    CU_ASSERT_EQUAL(dynamic(text, "echo::tes"), 0);
    policy_denials_print(&policy, DENIED_USB | DENIED_CHANNEL << 1, words, sizeof words);
    CU_ASSERT_STRING_EQUAL(words, "usb channel:Echo::Test");
    policy_denials_print(&policy, 0xffff1fff, words, sizeof words); /* more than fits */
    CU_ASSERT_EQUAL(strlen(words), sizeof words - 1);
}

static void files_go_no_farther_than_the_clipboard(void)
{
    struct policy policy = policy_of("clipboard=to-guest\nfiles=both\n");
    CU_ASSERT_EQUAL(policy_file_ways(&policy), POLICY_TO_GUEST);
    policy = policy_of("files=from-guest\n");
    CU_ASSERT_EQUAL(policy_file_ways(&policy), POLICY_FROM_GUEST);
    CU_ASSERT_TRUE(policy_denies_anything(&policy));
}

SUITE("policy_rules", TEST(a_key_denies_its_channels_both_static_and_dynamic),
      TEST(nothing_is_denied_without_a_word), TEST(rdpdr_goes_only_with_its_last_kind_of_device),
      TEST(what_is_looked_into_is_denied_as_a_dynamic_channel), TEST(channels_are_denied_by_name),
      TEST(files_go_no_farther_than_the_clipboard))
