#include "guest_identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "suite.h"

static struct secret password;
static struct tls_identity tls;

static struct guest_identity identity_of(const char *name)
{
    struct error err = {0};
    secret_random_password(&password);
    CU_ASSERT_EQUAL(tls_identity_make(name, &tls, &err), 0);
    return (struct guest_identity){
        .name = name, .user = "desktop", .password = &password, .tls = &tls, .now_ms = 1700000000123};
}

static void script_of(const struct guest_identity *identity, char ret[GUEST_SCRIPT_MAX])
{
    struct error err = {0};
    int rc = guest_identity_script(identity, ret, &err);
    if (rc)
        printf("\n%s\n", err.text);
    CU_ASSERT_EQUAL_FATAL(rc, 0);
}

static long at(const char *script, const char *words)
{
    const char *found = strstr(script, words);
    if (!found)
        printf("\n\"%s\" is not there\n", words);
    CU_ASSERT_PTR_NOT_NULL_FATAL(found);
    return found - script;
}

/* Whatever is made from randomness in the guest comes after the reseed. */
static void the_generator_comes_first_and_a_log_in_s_needs_before_the_rest(void)
{
    char script[GUEST_SCRIPT_MAX];
    const struct guest_identity identity = identity_of("demo-7");
    script_of(&identity, script);
    CU_ASSERT_TRUE(at(script, "/dev/urandom") < at(script, "date -s"));
    CU_ASSERT_TRUE(at(script, "0x5207") < at(script, ">/etc/xrdp/key.pem"));
    CU_ASSERT_TRUE(at(script, "/etc/xrdp/cert.pem") < at(script, "/etc/machine-id"));
    CU_ASSERT_TRUE(at(script, "chpasswd") < at(script, "/etc/hostname"));
    CU_ASSERT_TRUE(at(script, "/etc/hostname") < at(script, "ssh-keygen"));
    CU_ASSERT_TRUE(at(script, "now='1700000000.123'") >= 0);
    CU_ASSERT_TRUE(at(script, "name='demo-7'") >= 0);
}

static void the_password_itself_is_not_in_it(void)
{
    char script[GUEST_SCRIPT_MAX];
    const struct guest_identity identity = identity_of("demo-7");
    script_of(&identity, script);
    CU_ASSERT_PTR_NULL(strstr(script, password.bytes));
    CU_ASSERT_PTR_NOT_NULL(strstr(script, "hash='$6$"));
}

static void no_two_scripts_share_a_secret(void)
{
    char first[GUEST_SCRIPT_MAX], second[GUEST_SCRIPT_MAX];
    const struct guest_identity one = identity_of("demo-1");
    script_of(&one, first);
    const struct guest_identity two = identity_of("demo-1");
    script_of(&two, second);
    static const char *const names[] = {"hash='", "key='", "certificate='", "seed='", "machine='"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        CU_ASSERT_TRUE(strncmp(first + at(first, names[i]), second + at(second, names[i]), 150) != 0);
}

/* The shell itself says what it sees. */
static void a_name_with_quotes_stays_a_name(void)
{
    char script[GUEST_SCRIPT_MAX], seen[64] = "";
    const struct guest_identity identity = identity_of("x'$(id)`\"\\");
    script_of(&identity, script);
    char *body = strstr(script, "set -e\n");
    CU_ASSERT_PTR_NOT_NULL_FATAL(body);
    *body = 0;
    char path[] = "/tmp/carrel-identity.XXXXXX", line[128];
    int fd = mkstemp(path);
    FILE *out = fdopen(fd, "w");
    fprintf(out, "%sprintf %%s \"$name\"\n", script);
    fclose(out);
    snprintf(line, sizeof line, "sh %s", path);
    FILE *shell = popen(line, "re");
    CU_ASSERT_PTR_NOT_NULL_FATAL(shell);
    CU_ASSERT_PTR_NOT_NULL(fgets(seen, sizeof seen, shell));
    CU_ASSERT_EQUAL(pclose(shell), 0);
    (void)remove(path);
    CU_ASSERT_STRING_EQUAL(seen, "x'$(id)`\"\\");
}

static void both_scripts_are_good_shell(void)
{
    char script[GUEST_SCRIPT_MAX];
    struct error err = {0};
    const struct guest_identity identity = identity_of("demo-7");
    for (int golden = 0; golden < 2; golden++) {
        if (golden) {
            CU_ASSERT_EQUAL(guest_golden_script("desktop", script, &err), 0);
        } else {
            script_of(&identity, script);
        }
        FILE *shell = popen("sh -n", "we");
        CU_ASSERT_PTR_NOT_NULL_FATAL(shell);
        fputs(script, shell);
        CU_ASSERT_EQUAL(pclose(shell), 0);
    }
}

static int run_turn(const char *dir, const char *head, long long turn)
{
    char line[256], path[128];
    snprintf(path, sizeof path, "%s/script", dir);
    FILE *out = fopen(path, "we");
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    fprintf(out, "turn=%lld\n", turn);
    for (const char *p = head, *run; *p; p = run) { /* its files lie in the test's folder */
        run = strstr(p, "/run/");
        fprintf(out, "%.*s%s", (int)(run ? run - p : (long)strlen(p)), p, run ? dir : "");
        run = run ? run + 4 : p + strlen(p);
    }
    fputs("exit 7\n", out); /* the rest of the script is reached */
    fclose(out);
    snprintf(line, sizeof line, "sh %s", path);
    int status = system(line); /* NOLINT(cert-env33-c): a script of our own */
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void an_earlier_script_that_comes_second_does_nothing(void)
{
    char script[GUEST_SCRIPT_MAX], dir[] = "/tmp/carrel-identity.XXXXXX", line[128];
    const struct guest_identity identity = identity_of("demo-7");
    script_of(&identity, script);
    char *head = strstr(script, "exec 9>>"), *end = head ? strstr(head, "nl='") : NULL;
    CU_ASSERT_PTR_NOT_NULL_FATAL(end);
    CU_ASSERT_TRUE(at(script, "turn=1700000000123\n") < head - script);
    *end = 0;
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    CU_ASSERT_EQUAL(run_turn(dir, head, 1700000000123), 7);
    CU_ASSERT_EQUAL(run_turn(dir, head, 1700000000122), 0);
    CU_ASSERT_EQUAL(run_turn(dir, head, 1700000000124), 7);
    snprintf(line, sizeof line, "rm -r %s", dir);
    CU_ASSERT_EQUAL(system(line), 0); /* NOLINT(cert-env33-c) */
}

/* The part of the script that edits /etc/hosts, on a file of ours. */
static void the_old_name_is_replaced_at_the_end_of_lines_only(void)
{
    char script[GUEST_SCRIPT_MAX], seen[256] = "", line[256];
    const struct guest_identity identity = identity_of("demo-7");
    script_of(&identity, script);
    char *from = strstr(script, "  hosts=\n"), *to = from ? strstr(from, "  done </etc/hosts\n") : NULL;
    CU_ASSERT_PTR_NOT_NULL_FATAL(to);
    *to = 0;
    char path[] = "/tmp/carrel-identity.XXXXXX";
    FILE *out = fdopen(mkstemp(path), "w");
    fprintf(out,
            "name=demo-7 old=desktop nl='\n'\n%s  done <<END\n127.0.0.1 localhost\n127.0.1.1 desktop\n"
            "192.0.2.1 desktop.example mydesktop\nEND\nprintf '%%s' \"$hosts\"\n",
            from);
    fclose(out);
    snprintf(line, sizeof line, "sh %s", path);
    FILE *shell = popen(line, "re");
    CU_ASSERT_PTR_NOT_NULL_FATAL(shell);
    size_t n = fread(seen, 1, sizeof seen - 1, shell);
    seen[n] = 0;
    CU_ASSERT_EQUAL(pclose(shell), 0);
    (void)remove(path);
    CU_ASSERT_STRING_EQUAL(seen,
                           "127.0.0.1 localhost\n127.0.1.1 demo-7\n192.0.2.1 desktop.example mydesktop\n");
}

static void without_a_user_no_password_is_set(void)
{
    char script[GUEST_SCRIPT_MAX];
    struct guest_identity identity = identity_of("demo-7");
    identity.user = "";
    script_of(&identity, script);
    CU_ASSERT_PTR_NOT_NULL(strstr(script, "user=''"));
    CU_ASSERT_PTR_NOT_NULL(strstr(script, "hash=''"));
}

static void what_is_too_long_is_refused(void)
{
    static char name[GUEST_SCRIPT_MAX];
    char script[GUEST_SCRIPT_MAX];
    struct error err = {0};
    struct guest_identity identity = identity_of("demo-7");
    memset(name, 'n', sizeof name - 1);
    identity.name = name;
    CU_ASSERT_EQUAL(guest_identity_script(&identity, script, &err), CE_LIMIT);
}

SUITE("vmpool guest_identity", TEST(the_generator_comes_first_and_a_log_in_s_needs_before_the_rest),
      TEST(the_password_itself_is_not_in_it), TEST(no_two_scripts_share_a_secret),
      TEST(a_name_with_quotes_stays_a_name), TEST(both_scripts_are_good_shell),
      TEST(an_earlier_script_that_comes_second_does_nothing),
      TEST(the_old_name_is_replaced_at_the_end_of_lines_only), TEST(without_a_user_no_password_is_set),
      TEST(what_is_too_long_is_refused))
