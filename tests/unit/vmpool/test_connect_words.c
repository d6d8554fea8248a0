#include "connect_words.h"

#include <string.h>

#include "suite.h"

static void other_words_stay_as_they_are(void)
{
    char got[200];
    connect_words("unable to connect to server at 'north:16514': Connection refused", got, sizeof got);
    CU_ASSERT_STRING_EQUAL(got, "unable to connect to server at 'north:16514': Connection refused");
    connect_words("", got, sizeof got);
    CU_ASSERT_STRING_EQUAL(got, "");
}

static void lines_become_one(void)
{
    char got[200];
    connect_words("Warning: a\r\nssh: b\n: Connection reset", got, sizeof got);
    CU_ASSERT_STRING_EQUAL(got, "Warning: a; ssh: b; : Connection reset");
    connect_words("\n\n", got, sizeof got);
    CU_ASSERT_STRING_EQUAL(got, "");
}

static void what_libvirt_leaves_to_its_log_is_explained(void)
{
    char got[400];
    connect_words("authentication failed: Failed to verify peer's certificate", got, sizeof got);
    CU_ASSERT_PTR_NOT_NULL(strstr(got, "certificate (the host's certificate has expired"));
    connect_words("Unable to read TLS confirmation: Input/output error", got, sizeof got);
    CU_ASSERT_PTR_NOT_NULL(strstr(got, "error (the host refused carrel-vmpool's certificate"));
    connect_words("Cannot write data: Broken pipe", got, sizeof got);
    CU_ASSERT_PTR_NOT_NULL(strstr(got, "pipe (the program that connects"));
    connect_words("Host key verification failed.\r\n: Connection reset by peer", got, sizeof got);
    CU_ASSERT_PTR_NOT_NULL(strstr(got, "/etc/ssh/ssh_known_hosts"));
    connect_words("@@@@@\r\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\r\n@@@@@\r\n", got,
                  sizeof got);
    CU_ASSERT_PTR_NOT_NULL(strstr(got, "ssh: the host's key has changed"));
}

static void what_is_too_long_is_cut(void)
{
    char got[12];
    connect_words("Failed to verify peer's certificate", got, sizeof got);
    CU_ASSERT_STRING_EQUAL(got, "Failed to v");
    connect_words("a\nb\nc\nd\ne\nf\ng\nh", got, sizeof got);
    CU_ASSERT_STRING_EQUAL(got, "a; b; c; d;");
    connect_words("abcdefghijk", got, sizeof got);
    CU_ASSERT_STRING_EQUAL(got, "abcdefghijk");
}

SUITE("connect_words", TEST(other_words_stay_as_they_are), TEST(lines_become_one),
      TEST(what_libvirt_leaves_to_its_log_is_explained), TEST(what_is_too_long_is_cut))
