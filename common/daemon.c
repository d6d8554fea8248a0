#include "daemon.h"

#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "carrel_build.h"
#include "log.h"
#include "secret.h"

#define CONFIG_DEFAULT_PATH CARREL_SYSCONFDIR "/carrel.conf"

enum { STATUS_OK = 0, STATUS_FAILED = 1, STATUS_USAGE = 2 };

/* One daemon per process. Static, so that what hangs on run.state is reachable until the very end. */
static struct {
    const struct daemon *daemon;
    struct daemon_run run;
    struct config config;
    uv_loop_t loop;
    uv_signal_t signals[3];
    uv_timer_t watchdog;
    bool stopping;
} self;

static const int signal_numbers[] = {SIGTERM, SIGINT, SIGHUP};

/* No core dumps and no debugger of another process: memory has passwords. Files are the owner's and the
 * group's. A peer that went away is an error of write(), not a signal. */
static int process_harden(struct error *err)
{
    const struct rlimit none = {0, 0};
    umask(027);
    if (setrlimit(RLIMIT_CORE, &none) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
        return error_set(err, CE_IO, "cannot turn core dumps off");
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return error_set(err, CE_IO, "cannot ignore SIGPIPE");
    if (secret_library_init())
        return error_set(err, CE_INTERNAL, "libsodium does not start");
    return 0;
}

static int open_log(const struct config *config, struct error *err)
{
    const char *file = *config->log_file ? config->log_file : NULL;
    return log_open(self.daemon->name, file, (enum log_level)log_level_parse(config->log_level), err);
}

static void tell_systemd_reloading(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
               (long long)now.tv_sec * 1000000 + (long long)now.tv_nsec / 1000);
}

/* The log is reopened even where the file is bad: logrotate's SIGHUP must always work. */
static void reload(void)
{
    struct config config;
    struct error err = {0};
    tell_systemd_reloading();
    int rc = config_load(&config, self.run.config_path, &err);
    if (rc) {
        if (log_reopen())
            log_error("The log file could not be reopened.");
        log_error("The configuration stays as it was: %s", err.text);
    } else {
        if (open_log(&config, &err))
            log_error("The log stays where it was: %s", err.text);
        self.config = config;
        if (self.daemon->reload)
            self.daemon->reload(&self.run);
        log_info("The configuration was read again. path=%s", self.run.config_path);
    }
    sd_notify(0, "READY=1");
}

static void handles_let_go(void)
{
    for (size_t i = 0; i < sizeof self.signals / sizeof self.signals[0]; i++)
        uv_unref((uv_handle_t *)&self.signals[i]);
}

void daemon_retire(pid_t successor)
{
    sd_notifyf(0, "MAINPID=%lld", (long long)successor);
    unsetenv("NOTIFY_SOCKET");
    uv_timer_stop(&self.watchdog);
    handles_let_go();
}

/* From here the loop ends when the daemon's own handles are closed: ours no longer hold it. */
static void stop(int number)
{
    if (self.stopping) {
        log_warning("A second signal ended the process at once. signal=%s", strsignal(number));
        _exit(STATUS_FAILED);
    }
    self.stopping = true;
    log_info("Stopping. signal=%s", strsignal(number));
    sd_notify(0, "STOPPING=1");
    handles_let_go();
    self.daemon->stop(&self.run);
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)handle;
    if (number != SIGHUP)
        stop(number);
    else if (!self.stopping)
        reload();
}

static void on_watchdog(uv_timer_t *timer)
{
    (void)timer;
    sd_notify(0, "WATCHDOG=1");
}

static int handles_open(struct error *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < sizeof self.signals / sizeof self.signals[0]; i++) {
        rc = uv_signal_init(&self.loop, &self.signals[i]);
        if (!rc)
            rc = uv_signal_start(&self.signals[i], on_signal, signal_numbers[i]);
    }
    if (!rc)
        rc = uv_timer_init(&self.loop, &self.watchdog);
    uint64_t period_us;
    if (!rc && sd_watchdog_enabled(0, &period_us) > 0)
        rc = uv_timer_start(&self.watchdog, on_watchdog, 0, period_us / 2000);
    if (rc)
        return error_set(err, CE_IO, "cannot watch signals: %s", uv_strerror(rc));
    uv_unref((uv_handle_t *)&self.watchdog);
    return 0;
}

static void handles_close(void)
{
    /* The process ends by itself now: a signal whose handle is gone would end it as one that was killed. */
    sigset_t all;
    sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, NULL);
    for (size_t i = 0; i < sizeof self.signals / sizeof self.signals[0]; i++)
        uv_close((uv_handle_t *)&self.signals[i], NULL);
    uv_close((uv_handle_t *)&self.watchdog, NULL);
    uv_run(&self.loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&self.loop))
        log_error("A handle was still open at the end.");
}

static int daemon_serve(struct error *err)
{
    int rc = process_harden(err);
    if (!rc)
        rc = open_log(&self.config, err);
    if (rc)
        return rc;
    log_info("Starting. version=%s config=%s", CARREL_VERSION, self.run.config_path);
    if (uv_loop_init(&self.loop))
        return error_set(err, CE_NOMEM, "the event loop cannot start");
    self.run.loop = &self.loop;
    self.run.config = &self.config;
    rc = handles_open(err);
    if (!rc)
        rc = self.daemon->start(&self.run, err);
    if (rc)
        return rc;
    sd_notify(0, "READY=1");
    log_info("Ready.");
    uv_run(&self.loop, UV_RUN_DEFAULT);
    handles_close();
    log_info("Stopped.");
    log_close();
    return 0;
}

static void print_help(void)
{
    printf("%s: %s\n\n"
           "Usage: %s [--config FILE]\n\n"
           "  -c, --config FILE   the configuration (default: %s)\n"
           "      --check-config  reads the configuration, says whether it is right, and ends\n"
           "      --version       prints the version\n"
           "  -h, --help          prints this text\n\n"
           "SIGHUP reads the configuration again; SIGTERM ends the daemon.\n",
           self.daemon->name, self.daemon->summary, self.daemon->name, CONFIG_DEFAULT_PATH);
}

/* Returns an exit status, or -1 to go on. */
static int parse_arguments(int argc, char **argv, bool *ret_check)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"check-config", no_argument, NULL, 'k'},
        {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            self.run.config_path = optarg;
            break;
        case 'k':
            *ret_check = true;
            break;
        case 'v':
            printf("%s %s\n", self.daemon->name, CARREL_VERSION);
            return STATUS_OK;
        case 'h':
            print_help();
            return STATUS_OK;
        default:
            return STATUS_USAGE;
        }
    }
    if (optind == argc)
        return -1;
    fprintf(stderr, "%s: '%s' is not an option; see --help\n", self.daemon->name, argv[optind]);
    return STATUS_USAGE;
}

int daemon_main(int argc, char **argv, const struct daemon *daemon)
{
    struct error err = {0};
    bool check = false;
    self.daemon = daemon;
    self.run.config_path = CONFIG_DEFAULT_PATH;
    int status = parse_arguments(argc, argv, &check);
    if (status >= 0)
        return status;
    if (config_load(&self.config, self.run.config_path, &err)) {
        fprintf(stderr, "%s: %s\n", daemon->name, err.text);
        return STATUS_USAGE;
    }
    if (check) {
        printf("%s: %s is right\n", daemon->name, self.run.config_path);
        return STATUS_OK;
    }
    if (daemon_serve(&err)) {
        log_error("The daemon cannot start: %s", err.text);
        return STATUS_FAILED;
    }
    return STATUS_OK;
}
