#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "suite.h"

static char path[64];

/* Writes TEXT into a file and loads it. */
static int load(const char *text, struct config *config, struct error *err)
{
    strcpy(path, "/tmp/carrel-config.XXXXXX");
    int fd = mkstemp(path);
    CU_ASSERT_TRUE_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    int rc = config_load(config, path, err);
    unlink(path);
    return rc;
}

/* Bytes, with whatever lies between the members: nothing at all was written. */
static bool is_same(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct config)) == 0;
}

/* TEXT is refused with PATH:LINE: and then WORDS, and what was loaded before stays. */
static void expect_refusal(const char *text, int line, const char *words)
{
    struct config config, before;
    struct error err = {0};
    memset(&before, 0x5a, sizeof before);
    memcpy(&config, &before, sizeof config);
    CU_ASSERT_EQUAL(load(text, &config, &err), CE_BAD_INPUT);
    CU_ASSERT(is_same(&config, &before));
    char begin[128];
    snprintf(begin, sizeof begin, "%s:%d: ", path, line);
    if (strncmp(err.text, begin, strlen(begin)) || !strstr(err.text, words)) {
        fprintf(stderr, "\n  wanted '%s...%s', got '%s'\n", begin, words, err.text);
        CU_FAIL("the refusal has other words");
    }
}

#define EQUAL_TEXT(a, b, member) CU_ASSERT_STRING_EQUAL((a).member, (b).member)
#define EQUAL_NUMBER(a, b, member) CU_ASSERT_EQUAL((a).member, (b).member)
#define EQUAL_DURATION(a, b, member) CU_ASSERT_EQUAL((a).member##_ms, (b).member##_ms)
#define EQUAL_BYTES(a, b, member) CU_ASSERT_EQUAL((a).member##_bytes, (b).member##_bytes)
#define EQUAL_FLAG(a, b, member) CU_ASSERT_EQUAL((a).member, (b).member)

static void the_default_file_equals_the_built_in_defaults(void)
{
    struct config built_in, file;
    struct error err = {0};
    config_init(&built_in);
    memset(&file, 0x5a, sizeof file);
    if (config_load(&file, CARREL_SOURCE_DIR "/config/carrel.conf", &err))
        CU_FAIL_FATAL("config/carrel.conf cannot be read");
#define X(section, key, TYPE, standard, doc) EQUAL_##TYPE(built_in, file, section##_##key);
    CONFIG_KEYS(X)
#undef X
}

static void every_default_has_its_value(void)
{
    struct config c;
    config_init(&c);
    CU_ASSERT_STRING_EQUAL(c.store_path, "/var/lib/carrel/store/carrel.db");
    CU_ASSERT_STRING_EQUAL(c.log_file, "");
    CU_ASSERT_EQUAL(c.broker_max_connections, 1024);
    CU_ASSERT_EQUAL(c.broker_max_body_bytes, 65536);
    CU_ASSERT_EQUAL(c.broker_request_timeout_ms, 60000);
    CU_ASSERT_EQUAL(c.broker_event_keep_ms, 30ull * 86400 * 1000);
    CU_ASSERT_EQUAL(c.gateway_threads, 0);
#define NONZERO_TEXT(member)
    CU_ASSERT_EQUAL(c.vmpool_keep_versions, 0);
    CU_ASSERT_EQUAL(c.broker_user_sessions, 0);
    CU_ASSERT_EQUAL(c.broker_max_sessions, 0);
#define MAY_BE_ZERO(member)                                                                                  \
    (!strcmp(#member, "gateway_threads") || !strcmp(#member, "vmpool_keep_versions") ||                      \
     !strcmp(#member, "broker_user_sessions") || !strcmp(#member, "broker_max_sessions"))
#define NONZERO_NUMBER(member) CU_ASSERT_TRUE(c.member || MAY_BE_ZERO(member))
#define NONZERO_DURATION(member) CU_ASSERT_TRUE(c.member##_ms || !strcmp(#member, "broker_password_max_age"))
#define NONZERO_BYTES(member) CU_ASSERT_NOT_EQUAL(c.member##_bytes, 0)
#define NONZERO_FLAG(member)
#define X(section, key, TYPE, standard, doc) NONZERO_##TYPE(section##_##key);
    CONFIG_KEYS(X)
#undef X
}

static void reads_values_of_every_type(void)
{
    struct config c;
    struct error err = {0};
    CU_ASSERT_EQUAL(load("# a comment\n"
                         "\n"
                         "[gateway]\n"
                         "listen = 127.0.0.1:3390, [::1]:3390\n"
                         "name=desk ; to the end of the line\n"
                         "threads = 3\n"
                         "tls_timeout = 250ms\n"
                         "login_timeout = 2h\n"
                         "max_before_login = 2GiB\n"
                         "[vmpool]\n"
                         "virt = qemu\n"
                         "logoff_grace = 0s\n"
                         "[broker]\n"
                         "event_keep = 1d\n"
                         "login_pause_max = 10min\n"
                         "max_body = 1MiB\n"
                         "[gateway]\n"
                         "dial_timeout = 7s\n",
                         &c, &err),
                    0);
    CU_ASSERT_STRING_EQUAL(c.gateway_listen, "127.0.0.1:3390, [::1]:3390");
    CU_ASSERT_STRING_EQUAL(c.gateway_name, "desk");
    CU_ASSERT_EQUAL(c.gateway_threads, 3);
    CU_ASSERT_EQUAL(c.gateway_tls_timeout_ms, 250);
    CU_ASSERT_EQUAL(c.gateway_login_timeout_ms, 7200000);
    CU_ASSERT_EQUAL(c.gateway_max_before_login_bytes, 2147483648u);
    CU_ASSERT_STRING_EQUAL(c.vmpool_virt, "qemu");
    CU_ASSERT_EQUAL(c.vmpool_logoff_grace_ms, 0);
    CU_ASSERT_EQUAL(c.broker_event_keep_ms, 86400000);
    CU_ASSERT_EQUAL(c.broker_login_pause_max_ms, 600000);
    CU_ASSERT_EQUAL(c.broker_max_body_bytes, 1048576);
    CU_ASSERT_EQUAL(c.gateway_dial_timeout_ms, 7000);
    CU_ASSERT_STRING_EQUAL(c.broker_admins, "root"); /* what was not named has its default */
}

static void an_empty_file_is_all_defaults(void)
{
    struct config c, built_in;
    CU_ASSERT_EQUAL(load("", &c, NULL), 0);
    config_init(&built_in);
    CU_ASSERT(is_same(&c, &built_in));
    CU_ASSERT_EQUAL(load("[gateway]\r\nthreads = 2\r\n", &c, NULL), 0);
    CU_ASSERT_EQUAL(c.gateway_threads, 2);
}

static void an_unknown_key_is_answered_with_the_nearest(void)
{
    expect_refusal("[gateway]\n\nlogin_timout = 5s\n", 3, "nearest known one is 'login_timeout'");
    expect_refusal("[broker]\nadmin = a\n", 2, "nearest known one is 'admins'");
    expect_refusal("[gateway]\nadmins = a\n", 2, "belongs in [broker]");
}

static void an_unknown_section_is_answered_with_the_known(void)
{
    expect_refusal("[store]\n[gatway]\nthreads = 1\n", 2, "[store], [log], [broker], [gateway], [vmpool]");
    expect_refusal("[nothing]\n", 1, "unknown section [nothing]");
    expect_refusal("threads = 1\n", 1, "before the first section");
}

static void a_bad_value_is_answered_with_the_form(void)
{
    expect_refusal("[gateway]\ntls_timeout = 15\n", 2, "expected a duration such as");
    expect_refusal("[gateway]\ntls_timeout = 15 s\n", 2, "expected a duration such as");
    expect_refusal("[gateway]\ntls_timeout = fast\n", 2, "expected a duration such as");
    expect_refusal("[gateway]\ntls_timeout = -5s\n", 2, "expected a duration such as");
    expect_refusal("[gateway]\ntls_timeout = 0s\n", 2, "more than 0");
    expect_refusal("[gateway]\ntls_timeout =\n", 2, "expected a duration such as");
    expect_refusal("[broker]\nmax_body = 64KB\n", 2, "expected a size such as");
    expect_refusal("[broker]\nmax_body = 99999999999GiB\n", 2, "a smaller number");
    expect_refusal("[broker]\nmax_body = 99999999999999999999999KiB\n", 2, "a smaller number");
    expect_refusal("[broker]\nlogin_workers = two\n", 2, "a number without a unit");
    expect_refusal("[broker]\nlogin_workers = 2s\n", 2, "a number without a unit");
    expect_refusal("[broker]\nlogin_workers = 0\n", 2, "more than 0");
    expect_refusal("[log]\nlevel = chatty\n", 2, "error, warning, info, debug");
    expect_refusal("[vmpool]\nvirt = xen\n", 2, "auto, kvm, qemu");
    expect_refusal("[log]\nfile = a\tb\n", 2, "control characters");
}

static void a_key_that_stands_twice_is_refused(void)
{
    expect_refusal("[gateway]\nthreads = 1\n\n[log]\n[gateway]\nthreads = 1\n", 6, "set already at line 2");
}

static void a_line_of_no_form_is_refused(void)
{
    expect_refusal("[gateway]\nthreads\n", 2, "expected [section], key = value");
    expect_refusal("[gateway\n", 1, "expected [section], key = value");
    expect_refusal("[gateway]\nthreads = 1\n  name = x\n", 3, "no blank at the beginning");
    expect_refusal("[gateway]\nbroken\nthreads = x\n", 2, "expected [section]");
}

static void values_up_to_the_limit_fit_and_longer_ones_do_not(void)
{
    struct config c;
    struct error err = {0};
    char text[2000] = "[gateway]\nlisten = ";
    size_t len = strlen(text);
    memset(text + len, 'x', CONFIG_TEXT_SIZE - 1);
    CU_ASSERT_EQUAL(load(text, &c, &err), 0);
    CU_ASSERT_EQUAL(strlen(c.gateway_listen), CONFIG_TEXT_SIZE - 1);
    text[len + CONFIG_TEXT_SIZE - 1] = 'x';
    expect_refusal(text, 2, "at most 511 bytes");
    memset(text + len, 'x', sizeof text - len - 1);
    expect_refusal(text, 2, "the line is too long");
}

static void a_missing_file_is_named(void)
{
    struct config c;
    struct error err = {0};
    CU_ASSERT_EQUAL(config_load(&c, "/nowhere/carrel.conf", &err), CE_NOT_FOUND);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/nowhere/carrel.conf"));
    CU_ASSERT_EQUAL(config_load(&c, "/tmp", &err), CE_IO);
}

struct seen {
    char text[256];
    int count, stop_at;
};

static int see(void *arg, const char *item)
{
    struct seen *seen = arg;
    strcat(seen->text, item);
    strcat(seen->text, "|");
    return ++seen->count == seen->stop_at ? 7 : 0;
}

static void lists_are_split_at_commas_and_trimmed(void)
{
    struct seen seen = {0};
    CU_ASSERT_EQUAL(config_list_each(" 0.0.0.0:3389,[::]:3389 , a b,, c ,", see, &seen), 0);
    CU_ASSERT_STRING_EQUAL(seen.text, "0.0.0.0:3389|[::]:3389|a b|c|");
    memset(&seen, 0, sizeof seen);
    CU_ASSERT_EQUAL(config_list_each("", see, &seen), 0);
    CU_ASSERT_EQUAL(config_list_each(" , ,", see, &seen), 0);
    CU_ASSERT_EQUAL(seen.count, 0);
    seen.stop_at = 2;
    CU_ASSERT_EQUAL(config_list_each("a,b,c", see, &seen), 7);
    CU_ASSERT_STRING_EQUAL(seen.text, "a|b|");
}

SUITE("config", TEST(the_default_file_equals_the_built_in_defaults), TEST(every_default_has_its_value),
      TEST(reads_values_of_every_type), TEST(an_empty_file_is_all_defaults),
      TEST(an_unknown_key_is_answered_with_the_nearest), TEST(an_unknown_section_is_answered_with_the_known),
      TEST(a_bad_value_is_answered_with_the_form), TEST(a_key_that_stands_twice_is_refused),
      TEST(a_line_of_no_form_is_refused), TEST(values_up_to_the_limit_fit_and_longer_ones_do_not),
      TEST(a_missing_file_is_named), TEST(lists_are_split_at_commas_and_trimmed))
