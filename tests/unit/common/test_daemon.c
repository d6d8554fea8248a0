#include "daemon.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"

#define DEADLINE_MS 60000

/* The daemon runs in a child; the test plays systemd (a datagram socket) and reads what the child wrote. */
static char dir[64], config_path[128], notify_path[128], output_path[128];
static int notify_fd, report[2];
static pid_t child;

static void write_config(const char *text)
{
    FILE *f = fopen(config_path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fputs(text, f);
    fclose(f);
}

static void begin(void)
{
    strcpy(dir, "/tmp/carrel-daemon.XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    snprintf(config_path, sizeof config_path, "%s/carrel.conf", dir);
    snprintf(notify_path, sizeof notify_path, "%s/notify", dir);
    snprintf(output_path, sizeof output_path, "%s/output", dir);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%.100s", notify_path);
    notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CU_ASSERT_EQUAL_FATAL(bind(notify_fd, (struct sockaddr *)&address, sizeof address), 0);
    CU_ASSERT_EQUAL_FATAL(pipe(report), 0);
    write_config("[gateway]\nthreads = 3\n");
}

static void end(void)
{
    close(notify_fd);
    close(report[0]);
    close(report[1]);
    unlink(notify_path);
    unlink(config_path);
    unlink(output_path);
    CU_ASSERT_EQUAL(rmdir(dir), 0);
}

static void wait_readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    CU_ASSERT_EQUAL_FATAL(poll(&p, 1, DEADLINE_MS), 1);
}

/* The next thing that the child tells systemd. */
static const char *notified(void)
{
    static char text[512];
    wait_readable(notify_fd);
    ssize_t n = recv(notify_fd, text, sizeof text - 1, 0);
    text[n < 0 ? 0 : n] = '\0';
    return text;
}

static unsigned long long reported(void)
{
    unsigned long long value = 0;
    wait_readable(report[0]);
    CU_ASSERT_EQUAL(read(report[0], &value, sizeof value), (ssize_t)sizeof value);
    return value;
}

static void tell(unsigned long long value)
{
    if (write(report[1], &value, sizeof value) != (ssize_t)sizeof value)
        abort();
}

static const char *output(void)
{
    static char text[8192];
    FILE *f = fopen(output_path, "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    text[n] = '\0';
    if (f)
        fclose(f);
    return text;
}

/* Starts DAEMON with --config and OPTION, which may be NULL. */
static void run_with(const struct daemon *daemon, const char *option)
{
    char name[] = "carrel-test", config[] = "--config", third[64];
    char *argv[] = {name, config, config_path, option ? third : NULL, NULL};
    snprintf(third, sizeof third, "%s", option ? option : "");
    fflush(stdout);
    fflush(stderr);
    child = fork();
    CU_ASSERT_TRUE_FATAL(child >= 0);
    if (child)
        return;
    setenv("NOTIFY_SOCKET", notify_path, 1);
    if (!freopen(output_path, "w", stdout) || dup2(STDOUT_FILENO, STDERR_FILENO) < 0)
        abort();
    int status = daemon_main(option ? 4 : 3, argv, daemon);
    fflush(stdout);
    _exit(status);
}

static void run(const struct daemon *daemon)
{
    run_with(daemon, NULL);
}

static int exit_status(void)
{
    int status = 0;
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- a daemon with one handle of its own ---- */

static uv_idle_t own;

static int own_start(struct daemon_run *r, struct error *err)
{
    struct rlimit core = {1, 1};
    (void)err;
    getrlimit(RLIMIT_CORE, &core);
    mode_t mask = umask(0);
    umask(mask);
    bool hard = core.rlim_cur == 0 && core.rlim_max == 0 && prctl(PR_GET_DUMPABLE) == 0 && mask == 027 &&
                signal(SIGPIPE, SIG_IGN) == SIG_IGN;
    tell(hard);
    r->state = &own;
    return uv_idle_init(r->loop, &own);
}

static void own_reload(struct daemon_run *r)
{
    tell(r->config->gateway_threads);
}

static void own_stop(struct daemon_run *r)
{
    uv_close(r->state, NULL);
}

static const struct daemon plain = {
    .name = "carrel-test", .summary = "tests", .start = own_start, .reload = own_reload, .stop = own_stop};

static void tells_systemd_each_step_of_its_life(void)
{
    begin();
    run(&plain);
    CU_ASSERT_STRING_EQUAL(notified(), "READY=1");
    kill(child, SIGHUP);
    unsigned long long usec = 0;
    CU_ASSERT_EQUAL(sscanf(notified(), "RELOADING=1\nMONOTONIC_USEC=%llu", &usec), 1);
    CU_ASSERT_NOT_EQUAL(usec, 0);
    CU_ASSERT_STRING_EQUAL(notified(), "READY=1");
    kill(child, SIGTERM);
    CU_ASSERT_STRING_EQUAL(notified(), "STOPPING=1");
    CU_ASSERT_EQUAL(exit_status(), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(output(), "info carrel-test: Ready.\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(output(), "info carrel-test: Stopped.\n"));
    CU_ASSERT_PTR_NULL(strstr(output(), "handle was still open"));
    end();
}

static void leaves_no_memory_to_others(void)
{
    begin();
    run(&plain);
    CU_ASSERT_EQUAL(reported(), 1);
    CU_ASSERT_STRING_EQUAL(notified(), "READY=1");
    kill(child, SIGINT);
    CU_ASSERT_EQUAL(exit_status(), 0);
    end();
}

static void a_reload_hands_on_the_new_configuration(void)
{
    begin();
    run(&plain);
    CU_ASSERT_EQUAL(reported(), 1);
    CU_ASSERT_STRING_EQUAL(notified(), "READY=1");
    write_config("[gateway]\nthreads = 7\n");
    kill(child, SIGHUP);
    CU_ASSERT_EQUAL(reported(), 7);
    kill(child, SIGTERM);
    CU_ASSERT_EQUAL(exit_status(), 0);
    end();
}

static void a_bad_file_on_reload_is_logged_and_changes_nothing(void)
{
    begin();
    run(&plain);
    CU_ASSERT_EQUAL(reported(), 1);
    CU_ASSERT_STRING_EQUAL(notified(), "READY=1");
    write_config("[gateway]\nthreads = many\n");
    kill(child, SIGHUP);
    CU_ASSERT_EQUAL(strncmp(notified(), "RELOADING=1", 11), 0);
    CU_ASSERT_STRING_EQUAL(notified(), "READY=1");
    write_config("[gateway]\nthreads = 9\n");
    kill(child, SIGHUP);
    CU_ASSERT_EQUAL(reported(), 9); /* nothing was reported for the bad file */
    kill(child, SIGTERM);
    CU_ASSERT_EQUAL(exit_status(), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(output(), "carrel.conf:2: 'threads' is 'many'"));
    end();
}

static void a_bad_file_at_start_ends_it_with_status_2(void)
{
    begin();
    write_config("[gateway]\nthread = 1\n");
    run(&plain);
    CU_ASSERT_EQUAL(exit_status(), 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(output(), "carrel-test: "));
    CU_ASSERT_PTR_NOT_NULL(strstr(output(), "carrel.conf:2: unknown key 'thread'"));
    end();
}

static int fail_to_start(struct daemon_run *r, struct error *err)
{
    (void)r;
    return error_set(err, CE_IO, "port %d is taken", 3389);
}

static void a_start_that_fails_says_why_and_ends_with_status_1(void)
{
    static const struct daemon failing = {
        .name = "carrel-test", .summary = "tests", .start = fail_to_start, .stop = own_stop};
    begin();
    run(&failing);
    CU_ASSERT_EQUAL(exit_status(), 1);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(output(), "error carrel-test: The daemon cannot start: port 3389 is taken\n"));
    end();
}

static void on_idle(uv_idle_t *handle)
{
    (void)handle;
}

static void stop_never(struct daemon_run *r)
{
    uv_idle_start(r->state, on_idle);
}

static void a_second_signal_ends_it_at_once(void)
{
    static const struct daemon endless = {
        .name = "carrel-test", .summary = "tests", .start = own_start, .stop = stop_never};
    begin();
    run(&endless);
    CU_ASSERT_STRING_EQUAL(notified(), "READY=1");
    kill(child, SIGTERM);
    CU_ASSERT_STRING_EQUAL(notified(), "STOPPING=1");
    kill(child, SIGTERM);
    CU_ASSERT_EQUAL(exit_status(), 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(output(), "A second signal ended the process at once."));
    end();
}

static void pats_the_watchdog(void)
{
    begin();
    setenv("WATCHDOG_USEC", "40000", 1);
    run(&plain);
    unsetenv("WATCHDOG_USEC");
    CU_ASSERT_STRING_EQUAL(notified(), "READY=1");
    for (int i = 0; i < 4; i++)
        CU_ASSERT_STRING_EQUAL(notified(), "WATCHDOG=1");
    kill(child, SIGTERM);
    CU_ASSERT_EQUAL(exit_status(), 0);
    end();
}

static int status_of(const char *option)
{
    run_with(&plain, option);
    return exit_status();
}

static void answers_questions_without_starting(void)
{
    begin();
    CU_ASSERT_EQUAL(status_of("--version"), 0);
    CU_ASSERT_EQUAL(strncmp(output(), "carrel-test ", 12), 0);
    CU_ASSERT_EQUAL(status_of("--help"), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(output(), "--check-config"));
    CU_ASSERT_EQUAL(status_of("--check-config"), 0);
    CU_ASSERT_EQUAL(status_of("--no-such-option"), 2);
    CU_ASSERT_EQUAL(status_of("word"), 2);
    write_config("[gateway]\nthreads = x\n");
    CU_ASSERT_EQUAL(status_of("--check-config"), 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(output(), "carrel.conf:2:"));
    end();
}

SUITE("daemon", TEST(tells_systemd_each_step_of_its_life), TEST(leaves_no_memory_to_others),
      TEST(a_reload_hands_on_the_new_configuration), TEST(a_bad_file_on_reload_is_logged_and_changes_nothing),
      TEST(a_bad_file_at_start_ends_it_with_status_2),
      TEST(a_start_that_fails_says_why_and_ends_with_status_1), TEST(a_second_signal_ends_it_at_once),
      TEST(pats_the_watchdog), TEST(answers_questions_without_starting))
