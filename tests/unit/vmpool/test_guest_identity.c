#include "guest_identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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
    const char *body = strstr(script, "identity() {\n");
    CU_ASSERT_PTR_NOT_NULL_FATAL(body);
    CU_ASSERT_TRUE(at(script, "0x5207") < at(script, "date -s")); /* in set_clock */
    CU_ASSERT_TRUE(at(body, "/dev/urandom") < at(body, "  set_clock\n"));
    CU_ASSERT_TRUE(at(body, "  set_clock\n") < at(body, ">/etc/xrdp/key.pem"));
    CU_ASSERT_TRUE(at(body, "/etc/xrdp/cert.pem") < at(body, "/etc/machine-id"));
    CU_ASSERT_TRUE(at(body, "set_password") < at(body, "/etc/hostname"));
    CU_ASSERT_TRUE(at(body, "/etc/hostname") < at(body, "ssh-keygen"));
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
            CU_ASSERT_EQUAL(guest_golden_script("desktop", true, script, &err), 0);
        } else {
            script_of(&identity, script);
        }
        FILE *shell = popen("sh -n", "we");
        CU_ASSERT_PTR_NOT_NULL_FATAL(shell);
        fputs(script, shell);
        CU_ASSERT_EQUAL(pclose(shell), 0);
    }
}

/* Writes TEXT with all paths below /run, /etc, /proc/sys/kernel and such under DIR, and runs it. Its exit status. */
static int run_in(const char *dir, const char *text)
{
    char path[128], line[256];
    snprintf(path, sizeof path, "%s/script", dir);
    FILE *out = fopen(path, "we");
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    for (const char *p = text; *p; p++) {
        bool moved = !strncmp(p, "/run/", 5) || !strncmp(p, "/etc/", 5) ||
                     !strncmp(p, "/proc/sys/kernel/", 17) || !strncmp(p, "/var/lib/dbus/", 14) ||
                     !strncmp(p, "/dev/urandom", 12) || !strncmp(p, "/sys/bus/", 9);
        fprintf(out, "%s%c", moved ? dir : "", *p);
    }
    fclose(out);
    snprintf(line, sizeof line, "sh %s", path);
    int status = system(line); /* NOLINT(cert-env33-c): a script of our own */
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A folder that looks like a guest's root to what run_in() runs. */
static void make_guest(char dir[])
{
    char line[1024];
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    snprintf(
        line, sizeof line,
        "cd %s && mkdir -p run etc/xrdp proc/sys/kernel dev bin && echo golden >proc/sys/kernel/hostname && "
        "printf '127.0.0.1 localhost\\n127.0.1.1 golden\\n' >etc/hosts && : >etc/machine-id && "
        "printf 'root:*:1:0:99999:7:::\\ndesktop:!old:2:0:99999:7:::\\nz:*:3::::::\\n' >etc/shadow && "
        ": >etc/xrdp/key.pem && : >etc/xrdp/cert.pem && : >dev/urandom",
        dir);
    CU_ASSERT_EQUAL_FATAL(system(line), 0); /* NOLINT(cert-env33-c) */
}

static void remove_guest(const char *dir)
{
    char line[128];
    snprintf(line, sizeof line, "rm -r %s", dir);
    CU_ASSERT_EQUAL(system(line), 0); /* NOLINT(cert-env33-c) */
}

static void read_in(const char *dir, const char *name, char *ret, size_t size)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *in = fopen(path, "re");
    CU_ASSERT_PTR_NOT_NULL_FATAL(in);
    ret[fread(ret, 1, size - 1, in)] = 0;
    fclose(in);
}

/* Nothing of this machine's is changed: its clock, its programs. */
#define HARMLESS                                                                                             \
    "date() { :; }; perl() { :; }; flock() { :; }; command() { return 1; }; rm() { "                         \
    ":; }\n"

/* Perl itself; what it asks of the kernel is written down and not done. At once: who waits for its "ok" reads it then. */
#define PERL                                                                                                 \
    "perl() { /usr/bin/perl -e 'BEGIN { open(our $k, q(>>), q(/run/kernel)); select($k); $| = 1;\n"          \
    "  select(STDOUT);\n"                                                                                    \
    "  *CORE::GLOBAL::ioctl = sub (*$$) {\n"                                                                 \
    "    print $k join(q( ), q(ioctl), fileno($_[0]) ? q(a file) : q(nothing), $_[1]), qq(\\n); 1 };\n"      \
    "  *CORE::GLOBAL::syscall = sub { print $k join(q( ), q(syscall), $_[0], $_[1], unpack(q(qq), $_[2])),"  \
    "    qq(\\n); 0 } }' \"$@\"; }\n"
#define RESEEDED "ioctl a file 20999\n"

static void run_script_in(const char *dir, const char *script, long long turn, const char *more)
{
    static char text[GUEST_SCRIPT_MAX + 512];
    char *body = strstr(script, "nl='");
    CU_ASSERT_PTR_NOT_NULL_FATAL(body);
    snprintf(text, sizeof text, "%.*sturn=%lld\n" HARMLESS "%s%s", (int)(body - script), script, turn, more,
             body);
    CU_ASSERT_EQUAL(run_in(dir, text), 0);
}

static void the_guest_is_another_one_afterwards(void)
{
    char script[GUEST_SCRIPT_MAX], dir[] = "/tmp/carrel-identity.XXXXXX", seen[8192];
    const struct guest_identity identity = identity_of("demo-7");
    script_of(&identity, script);
    make_guest(dir);
    run_script_in(dir, script, 1700000000123, "");
    read_in(dir, "proc/sys/kernel/hostname", seen, sizeof seen);
    CU_ASSERT_STRING_EQUAL(seen, "demo-7\n");
    read_in(dir, "etc/hostname", seen, sizeof seen);
    CU_ASSERT_STRING_EQUAL(seen, "demo-7\n");
    read_in(dir, "etc/hosts", seen, sizeof seen);
    CU_ASSERT_STRING_EQUAL(seen, "127.0.0.1 localhost\n127.0.1.1 demo-7\n");
    read_in(dir, "etc/xrdp/key.pem", seen, sizeof seen);
    CU_ASSERT_STRING_EQUAL(seen, tls.key);
    read_in(dir, "etc/xrdp/cert.pem", seen, sizeof seen);
    CU_ASSERT_STRING_EQUAL(seen, tls.certificate);
    read_in(dir, "etc/machine-id", seen, sizeof seen);
    CU_ASSERT_EQUAL(strlen(seen), 33);
    /* Nobody else's line is another one; today is day 19675. */
    read_in(dir, "etc/shadow", seen, sizeof seen);
    CU_ASSERT_EQUAL(strncmp(seen, "root:*:1:0:99999:7:::\ndesktop:$6$", 33), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(seen, ":19675:0:99999:7:::\nz:*:3::::::\n"));
    CU_ASSERT_PTR_NULL(strstr(seen, "!old"));
    remove_guest(dir);
}

static void a_user_without_a_shadow_line_is_left_to_chpasswd(void)
{
    char script[GUEST_SCRIPT_MAX], dir[] = "/tmp/carrel-identity.XXXXXX", seen[512];
    struct guest_identity identity = identity_of("demo-7");
    identity.user = "desk"; /* no line is its own, although one begins so */
    script_of(&identity, script);
    make_guest(dir);
    run_script_in(dir, script, 1700000000123,
                  "chpasswd() { read -r line; echo \"$* $line\" >/run/asked; }\n");
    read_in(dir, "run/asked", seen, sizeof seen);
    CU_ASSERT_EQUAL(strncmp(seen, "-e desk:$6$", 11), 0);
    read_in(dir, "etc/shadow", seen, sizeof seen);
    CU_ASSERT_PTR_NOT_NULL(strstr(seen, "desktop:!old:2:"));
    remove_guest(dir);
}

static void a_kernel_that_is_not_told_of_the_fork_is_told_to_reseed(void)
{
    char script[GUEST_SCRIPT_MAX], dir[] = "/tmp/carrel-identity.XXXXXX", seen[512];
    const struct guest_identity identity = identity_of("demo-7");
    script_of(&identity, script);
    make_guest(dir);
    run_script_in(dir, script, 1700000000123, PERL);
    read_in(dir, "run/kernel", seen, sizeof seen);
    CU_ASSERT_STRING_EQUAL(seen, RESEEDED);
    remove_guest(dir);
}

static void an_earlier_script_that_comes_second_does_nothing(void)
{
    char script[GUEST_SCRIPT_MAX], dir[] = "/tmp/carrel-identity.XXXXXX", seen[64];
    const struct guest_identity first = identity_of("demo-7");
    make_guest(dir);
    script_of(&first, script);
    run_script_in(dir, script, 1700000000123, "");
    const struct guest_identity earlier = identity_of("demo-6");
    script_of(&earlier, script);
    run_script_in(dir, script, 1700000000122, "");
    read_in(dir, "etc/hostname", seen, sizeof seen);
    CU_ASSERT_STRING_EQUAL(seen, "demo-7\n");
    const struct guest_identity later = identity_of("demo-8");
    script_of(&later, script);
    run_script_in(dir, script, 1700000000124, "");
    read_in(dir, "etc/hostname", seen, sizeof seen);
    CU_ASSERT_STRING_EQUAL(seen, "demo-8\n");
    remove_guest(dir);
}

/* Until the file is there: it is made in the background. */
static void wait_for(const char *dir, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    for (int tries = 0; access(path, F_OK) && tries < 3000; tries++)
        (void)usleep(10000);
}

static void the_golden_guest_s_ssh_keys_go_and_others_are_made(void)
{
    char script[GUEST_SCRIPT_MAX], dir[] = "/tmp/carrel-identity.XXXXXX", line[1024], seen[64];
    const struct guest_identity identity = identity_of("demo-7");
    script_of(&identity, script);
    make_guest(dir);
    snprintf(line, sizeof line,
             "cd %s && mkdir etc/ssh && touch etc/ssh/ssh_host_rsa_key etc/ssh/ssh_host_rsa_key.pub "
             "etc/ssh/sshd_config && "
             "printf '#!/bin/sh\nls %s/etc/ssh >%s/made\necho $* >>%s/made\n' >bin/ssh-keygen && "
             "printf '#!/bin/sh\necho $* >%s/new\nmv %s/new %s/told\n' >bin/systemctl && chmod +x bin/*",
             dir, dir, dir, dir, dir, dir, dir);
    CU_ASSERT_EQUAL_FATAL(system(line), 0); /* NOLINT(cert-env33-c) */
    snprintf(line, sizeof line, "PATH=%s/bin:$PATH; rm() { /bin/rm \"$@\"; }; command() { :; }\n", dir);
    run_script_in(dir, script, 1700000000123, line);
    wait_for(dir, "told");
    read_in(dir, "made", seen, sizeof seen); /* what lay there when the new ones were asked for */
    CU_ASSERT_STRING_EQUAL(seen, "sshd_config\n-A\n");
    read_in(dir, "told", seen, sizeof seen);
    CU_ASSERT_STRING_EQUAL(seen, "try-restart ssh\n");
    remove_guest(dir);
}

/* Its programs are there to be stopped, and what waits for an identity is started last. */
static void an_image_s_own_word_is_heard_between_the_session_and_the_freeze(void)
{
    char script[GUEST_SCRIPT_MAX];
    struct error err = {0};
    CU_ASSERT_EQUAL_FATAL(guest_golden_script("desktop", true, script, &err), 0);
    const long hook = at(script, "[ -n \"$user\" ] && [ -x " GUEST_FREEZE_HOOK " ]");
    CU_ASSERT_TRUE(at(script, "the session has no X server") < hook);
    CU_ASSERT_TRUE(hook < at(script, "identity() {"));
}

/* The shell that waits, on two pipes instead of the port: what it says, and what becomes of its guest. */
static int run_waiter(const char *dir, const char *programs, const char *lines, char *ret, size_t size)
{
    static char script[GUEST_SCRIPT_MAX], text[GUEST_SCRIPT_MAX + 2048];
    struct error err = {0};
    char path[160];
    CU_ASSERT_EQUAL_FATAL(guest_golden_script("", true, script, &err), 0);
    char *body = strstr(script, "nl='"), *end = body ? strstr(body, "port=/dev/virtio-ports/") : NULL;
    CU_ASSERT_PTR_NOT_NULL_FATAL(end);
    *end = 0;
    snprintf(path, sizeof path, "%s/lines", dir);
    FILE *out = fopen(path, "we");
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    fputs(lines, out);
    fclose(out);
    char *opens = strstr(body, "  exec 8<>"), *speaks = strstr(body, "  exec <&8 >&8 2>&8\n");
    CU_ASSERT_TRUE_FATAL(opens && speaks && opens < speaks);
    memset(opens, ' ', (size_t)(strchr(opens, '\n') - opens));
    memset(speaks, ' ', strlen("  exec <&8 >&8 2>&8"));
    snprintf(text, sizeof text, HARMLESS "%s%sexec <%s >%s/said 2>&1\nwaiter\n", programs, body, path, dir);
    int status = run_in(dir, text);
    read_in(dir, "said", ret, size);
    return status;
}

static void the_shell_that_waits_does_what_it_is_told(void)
{
    char lines[GUEST_SCRIPT_MAX], dir[] = "/tmp/carrel-identity.XXXXXX", said[256], seen[8192], words[64];
    struct error err = {0};
    const struct guest_identity identity = identity_of("demo-7");
    CU_ASSERT_EQUAL_FATAL(guest_identity_lines(&identity, lines, &err), 0);
    make_guest(dir);
    CU_ASSERT_EQUAL(run_waiter(dir, "", lines, said, sizeof said), 0);
    CU_ASSERT_STRING_EQUAL(said, "ready\ndone 1700000000123\n");
    CU_ASSERT_EQUAL(guest_identity_heard(said, words, sizeof words), GUEST_HEARD_DONE);
    read_in(dir, "etc/hostname", seen, sizeof seen);
    CU_ASSERT_STRING_EQUAL(seen, "demo-7\n");
    read_in(dir, "etc/xrdp/key.pem", seen, sizeof seen);
    CU_ASSERT_STRING_EQUAL(seen, tls.key);
    read_in(dir, "etc/xrdp/cert.pem", seen, sizeof seen);
    CU_ASSERT_STRING_EQUAL(seen, tls.certificate);
    read_in(dir, "etc/shadow", seen, sizeof seen);
    CU_ASSERT_PTR_NOT_NULL(strstr(seen, "\ndesktop:$6$"));
    read_in(dir, "run/carrel-waiter", seen, sizeof seen); /* its number is nobody's any more */
    CU_ASSERT_STRING_EQUAL(seen, "");
    remove_guest(dir);
}

/* By the Perl that was frozen beside it, without a program that is started. */
static void the_shell_that_waits_has_the_clock_set_and_the_generator_reseeded(void)
{
    char lines[GUEST_SCRIPT_MAX], dir[] = "/tmp/carrel-identity.XXXXXX", said[256], seen[512];
    struct error err = {0};
    const struct guest_identity identity = identity_of("demo-7");
    CU_ASSERT_EQUAL_FATAL(guest_identity_lines(&identity, lines, &err), 0);
    make_guest(dir);
    int status = run_waiter(dir,
                            PERL "command() { [ \"$2\" = perl ]; }; uname() { echo x86_64; }\n"
                                 "date() { echo started >>/run/kernel; }\n",
                            lines, said, sizeof said);
    CU_ASSERT_EQUAL(status, 0);
    CU_ASSERT_STRING_EQUAL(said, "ready\ndone 1700000000123\n");
    read_in(dir, "run/kernel", seen, sizeof seen);
    CU_ASSERT_STRING_EQUAL(seen, RESEEDED "syscall 227 0 1700000000 123000000\n");
    remove_guest(dir);
}

static void lines_that_end_early_change_nothing(void)
{
    char lines[GUEST_SCRIPT_MAX], dir[] = "/tmp/carrel-identity.XXXXXX", said[256], seen[64], words[64];
    struct error err = {0};
    const struct guest_identity identity = identity_of("demo-7");
    CU_ASSERT_EQUAL_FATAL(guest_identity_lines(&identity, lines, &err), 0);
    lines[strlen(lines) - 2] = 0; /* the last line is not whole */
    make_guest(dir);
    CU_ASSERT_NOT_EQUAL(run_waiter(dir, "", lines, said, sizeof said), 0);
    CU_ASSERT_EQUAL(guest_identity_heard(said, words, sizeof words), GUEST_HEARD_FAILED);
    read_in(dir, "proc/sys/kernel/hostname", seen, sizeof seen);
    CU_ASSERT_STRING_EQUAL(seen, "golden\n");
    remove_guest(dir);
}

static void what_is_heard_is_taken_for_no_more_than_it_is(void)
{
    static const struct {
        const char *text;
        enum guest_heard heard;
        const char *words;
    } cases[] = {
        {"", GUEST_HEARD_NOTHING, ""},
        {"read", GUEST_HEARD_NOTHING, ""},
        {"ready\n", GUEST_HEARD_READY, ""},
        {"ready\ndone 17", GUEST_HEARD_READY, ""},
        {"ready\ndone 17\n", GUEST_HEARD_DONE, ""},
        {"ready\nsh: no \033[31mroom\nfailed 2\n", GUEST_HEARD_FAILED, "sh: no ?[31mroom"},
        {"ready\nfailed 1\n", GUEST_HEARD_FAILED, ""},
        {"done 17\n", GUEST_HEARD_OTHER, ""}, /* of whom was told before */
        {"failed 1\n", GUEST_HEARD_OTHER, ""},
        {"xready\n", GUEST_HEARD_OTHER, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char words[64] = "x";
        CU_ASSERT_EQUAL(guest_identity_heard(cases[i].text, words, sizeof words), cases[i].heard);
        CU_ASSERT_STRING_EQUAL(words, cases[i].words);
    }
}

static void a_name_of_two_lines_is_not_told(void)
{
    char lines[GUEST_SCRIPT_MAX];
    struct error err = {0};
    struct guest_identity identity = identity_of("demo-7\nroot");
    CU_ASSERT_EQUAL(guest_identity_lines(&identity, lines, &err), CE_BAD_INPUT);
    identity.name = "demo-7";
    identity.user = "desktop\rroot";
    CU_ASSERT_EQUAL(guest_identity_lines(&identity, lines, &err), CE_BAD_INPUT);
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
      TEST(the_guest_is_another_one_afterwards), TEST(a_user_without_a_shadow_line_is_left_to_chpasswd),
      TEST(the_golden_guest_s_ssh_keys_go_and_others_are_made),
      TEST(an_image_s_own_word_is_heard_between_the_session_and_the_freeze),
      TEST(a_kernel_that_is_not_told_of_the_fork_is_told_to_reseed),
      TEST(the_shell_that_waits_has_the_clock_set_and_the_generator_reseeded),
      TEST(an_earlier_script_that_comes_second_does_nothing), TEST(the_shell_that_waits_does_what_it_is_told),
      TEST(lines_that_end_early_change_nothing), TEST(what_is_heard_is_taken_for_no_more_than_it_is),
      TEST(a_name_of_two_lines_is_not_told), TEST(the_old_name_is_replaced_at_the_end_of_lines_only),
      TEST(without_a_user_no_password_is_set), TEST(what_is_too_long_is_refused))
