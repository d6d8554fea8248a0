/* carrel-gateway: the main thread. It opens the listening sockets and the certificate, starts the workers,
 * holds the link to the broker, and hands signals and orders to the workers.
 */
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <jansson.h>

#include "broker_link.h"
#include "daemon.h"
#include "gateway.h"
#include "admission.h"
#include "listener.h"
#include "lobby_link.h"
#include "log.h"
#include "metrics.h"
#include "rights.h"
#include "secret.h"
#include "session.h"
#include "successor.h"
#include "sspi.h"
#include "starter.h"
#include "syscall_filter.h"
#include "tls_cert.h"
#include "tls_memory.h"
#include "tls_server.h"
#include "worker.h"

enum { WORKERS_MAX = 256 };

struct process {
    struct gateway gateway;
    struct worker *workers[WORKERS_MAX];
    unsigned worker_count;
    atomic_uint workers_ended;
    struct tls_server *tls_server;
    uv_async_t worker_ended;
    uv_signal_t dump;    /* SIGUSR1 */
    uv_signal_t upgrade; /* SIGUSR2 */
    struct config started_with;
    int *sockets; /* the listening sockets, which the workers own, for a successor */
    unsigned socket_count;
    struct inheritance inheritance;
    struct starter *starter;
    struct metrics *metrics;     /* NULL: none are served */
    struct successor *successor; /* NULL: none is starting */
    bool stopping, retired, draining;
};

/* What stands between the first look at the configuration and the first thread. */
struct opening {
    enum syscall_filter_mode filter;
    struct rights rights;
    struct listener_set set;
    unsigned workers;
    int metrics_fd;
};

/* jansson holds passwords for a moment: whatever it frees is wiped first. */
static void json_wipe_and_free(void *memory)
{
    if (memory)
        secret_wipe_bytes(memory, malloc_usable_size(memory));
    free(memory);
}

static int name_choose(char name[NAME_SIZE], const struct config *config, struct error *err)
{
    char host[256] = "";
    const char *chosen = config->gateway_name;
    if (!*chosen) {
        (void)!gethostname(host, sizeof host - 1);
        chosen = host;
    }
    if (!name_is_valid(chosen))
        return error_set(err, CE_BAD_INPUT, "'%s' cannot be this gateway's name; set gateway.name", chosen);
    memcpy(name, chosen, strlen(chosen) + 1); /* a valid name fits */
    return 0;
}

/* MAY_MAKE: a certificate that is not there yet is made, which is over when the process may write no files. */
static int tls_server_open(struct tls_server **ret, const struct config *config, const char *name,
                           bool may_make, struct error *err)
{
    char made[PATH_MAX];
    const char *certificate = config->gateway_certificate;
    const char *key = *config->gateway_key ? config->gateway_key : certificate;
    if (!*certificate) {
        int rc = tls_cert_ensure(config->gateway_state_dir, config->gateway_self_signed, name, may_make, made,
                                 err);
        if (rc)
            return rc;
        certificate = key = made;
    }
    int rc = tls_server_create(ret, certificate, key, err);
    if (!rc)
        log_info("The certificate is in use. path=%s sha256=%s", certificate, tls_server_fingerprint(*ret));
    return rc;
}

/* What the broker wants closed, from an order or from the heartbeat's answer. */
static void close_session(void *arg, const char *session, int64_t connection, enum fail fail)
{
    struct process *p = arg;
    struct worker *worker = registry_find(&p->gateway.registry, session, connection);
    if (worker)
        worker_post_close(worker, session, connection, fail);
}

static void show_message(void *arg, const struct broker_message *message)
{
    struct process *p = arg;
    struct worker *worker = registry_find(&p->gateway.registry, message->session, message->connection);
    if (worker)
        worker_post_message(worker, message);
}

static void on_dump(uv_signal_t *handle, int number)
{
    struct process *p = handle->data;
    (void)number;
    counters_log(&p->gateway.counters, p->gateway.admission);
}

static void set_draining(void *arg, bool draining)
{
    struct process *p = arg;
    if (draining == p->draining || p->retired)
        return;
    p->draining = draining;
    broker_link_set_idle(p->gateway.link, draining);
    log_info("%s", draining ? "The gateway drains: it takes nobody in, its sessions go on."
                            : "The gateway takes connections in again.");
    for (unsigned i = 0; i < p->worker_count; i++)
        worker_post_drain(p->workers[i], draining);
}

/* ---- a new process takes over ---- */

static void on_successor(void *arg, pid_t pid)
{
    struct process *p = arg;
    successor_close(&p->successor);
    if (!pid) {
        log_error("The new process ended before it could serve; this one goes on.");
        return;
    }
    if (p->stopping)
        return;
    log_info("A new process serves; this one carries its sessions to their end. pid=%d", (int)pid);
    p->retired = true;
    broker_link_set_idle(p->gateway.link, true);
    metrics_close(&p->metrics); /* from here the address is the new process's */
    daemon_retire(pid);
    uv_unref((uv_handle_t *)&p->dump);
    for (unsigned i = 0; i < p->worker_count; i++)
        worker_post_retire(p->workers[i]);
}

static void on_upgrade(uv_signal_t *handle, int number)
{
    struct process *p = handle->data;
    struct error err = {0};
    (void)number;
    if (p->stopping || p->retired || p->successor) {
        log_warning("The gateway is not replaced: it stops, or was replaced, or a new process is starting.");
        return;
    }
    log_info("The gateway is being replaced.");
    if (successor_start(&p->successor, handle->loop, p->starter, p->gateway.boot_id, p->sockets,
                        p->socket_count, on_successor, p, &err))
        log_error("The gateway is not replaced: %s", err.text);
}

static void on_handle_closed(uv_handle_t *handle)
{
    (void)handle;
}

static void on_link_closed(void *arg)
{
    struct process *p = arg;
    metrics_close(&p->metrics);
    counters_log(&p->gateway.counters, p->gateway.admission);
    admission_destroy(&p->gateway.admission);
    registry_finish(&p->gateway.registry);
    tls_server_unref(&p->tls_server);
    lobby_link_destroy(&p->gateway.lobby);
    uv_close((uv_handle_t *)&p->worker_ended, on_handle_closed);
    uv_close((uv_handle_t *)&p->dump, on_handle_closed);
    uv_close((uv_handle_t *)&p->upgrade, on_handle_closed);
    successor_close(&p->successor);
    starter_close(&p->starter);
    free(p->sockets);
    p->sockets = NULL;
}

static void on_lobby_closed(void *arg)
{
    struct process *p = arg;
    broker_link_close(p->gateway.link, on_link_closed, p);
}

/* The workers' last reports are in the link's queue when they have ended; then the link may end. */
static void on_worker_ended(uv_async_t *handle)
{
    struct process *p = handle->data;
    if (!p->worker_count || atomic_load(&p->workers_ended) < p->worker_count)
        return;
    for (unsigned i = 0; i < p->worker_count; i++)
        worker_destroy(&p->workers[i]);
    p->worker_count = 0;
    if (p->gateway.lobby)
        lobby_link_close(p->gateway.lobby, on_lobby_closed, p);
    else
        on_lobby_closed(p);
}

static void worker_ended(void *arg)
{
    struct process *p = arg;
    atomic_fetch_add(&p->workers_ended, 1);
    uv_async_send(&p->worker_ended);
}

static unsigned workers_wanted(const struct config *config)
{
    unsigned n = config->gateway_threads ? (unsigned)config->gateway_threads : uv_available_parallelism();
    return n < 1 ? 1 : n > WORKERS_MAX ? WORKERS_MAX : n;
}

static int workers_start(struct process *p, const struct config *config, struct listener_set *set,
                         unsigned count, struct error *err)
{
    int rc = 0;
    for (unsigned i = 0; !rc && i < count; i++) {
        int *fds = &set->fds[i * set->slots];
        rc = worker_create(&p->workers[i], &p->gateway, config, p->tls_server, fds, set->slots, err);
        for (unsigned k = 0; !rc && k < set->slots; k++)
            fds[k] = -1;
    }
    for (unsigned i = 0; !rc && i < count; i++) {
        rc = worker_start(p->workers[i], worker_ended, p);
        if (rc)
            return error_set(err, rc, "a thread cannot start");
        p->worker_count++;
    }
    return rc;
}

static int handles_open(struct process *p, uv_loop_t *loop, struct error *err)
{
    int rc = uv_async_init(loop, &p->worker_ended, on_worker_ended);
    if (!rc)
        rc = uv_signal_init(loop, &p->dump);
    if (!rc)
        rc = uv_signal_start(&p->dump, on_dump, SIGUSR1);
    if (!rc)
        rc = uv_signal_init(loop, &p->upgrade);
    if (!rc)
        rc = uv_signal_start(&p->upgrade, on_upgrade, SIGUSR2);
    p->worker_ended.data = p->dump.data = p->upgrade.data = p;
    return rc ? error_set(err, CE_IO, "cannot watch signals: %s", uv_strerror(rc)) : 0;
}

/* Two descriptors a session: what the system allows is asked for, not what a shell happens to start with. */
static void descriptors_allow(const struct config *config)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)!setrlimit(RLIMIT_NOFILE, &limit);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur / 2 < config->gateway_max_connections)
        log_warning(
            "Fewer open files are allowed than gateway.max_connections may need. files=%llu connections=%llu",
            (unsigned long long)limit.rlim_cur, (unsigned long long)config->gateway_max_connections);
}

static int sockets_note(struct process *p, const struct listener_set *set, unsigned workers,
                        struct error *err)
{
    p->socket_count = workers * set->slots;
    p->sockets = malloc(p->socket_count * sizeof *p->sockets);
    if (!p->sockets)
        return error_set(err, CE_NOMEM, "no memory");
    memcpy(p->sockets, set->fds, p->socket_count * sizeof *p->sockets);
    return 0;
}

/* The lobby stands beside the gateway's own program, when nothing else is configured. */
static int plan_fill(struct starter_plan *ret, const struct daemon_run *run, const struct rights *rights,
                     struct error *err)
{
    static const char name[] = "carrel-lobby";
    const char *lobby = run->config->gateway_lobby_program;
    size_t len = sizeof ret->program;
    char *slash = uv_exepath(ret->program, &len) ? NULL : strrchr(ret->program, '/');
    if (!slash || (size_t)(slash - ret->program) + 1 + sizeof name > sizeof ret->lobby ||
        strlen(run->config_path) >= sizeof ret->config)
        return error_set(err, CE_IO, "this program's own folder cannot be found");
    if (*lobby)
        snprintf(ret->lobby, sizeof ret->lobby, "%s", lobby);
    else
        snprintf(ret->lobby, sizeof ret->lobby, "%.*s/%s", (int)(slash - ret->program), ret->program, name);
    snprintf(ret->config, sizeof ret->config, "%s", run->config_path);
    ret->rights = *rights;
    return 0;
}

/* What needs the rights that the process was started with: the ports, and the key where one is configured. A
 * certificate that is made here is made with the rights that are kept, so that it can be read again later. */
static int open_with_rights(struct process *p, struct daemon_run *run, struct opening *o, struct error *err)
{
    const struct config *config = run->config;
    struct starter_plan plan;
    int rc = syscall_filter_mode_parse(config->gateway_seccomp, &o->filter, err);
    if (!rc)
        rc = rights_find(&o->rights, config->gateway_user, err);
    if (!rc)
        rc = plan_fill(&plan, run, &o->rights, err);
    if (!rc)
        rc = inheritance_take(&p->inheritance, err);
    if (!rc)
        rc = starter_open(&p->starter, run->loop, &plan, err);
    if (!rc && *config->gateway_certificate)
        rc = tls_server_open(&p->tls_server, config, p->gateway.name, true, err);
    if (!rc)
        rc = listener_set_open(&o->set, config->gateway_listen, o->workers, &p->inheritance, err);
    if (!rc && *config->gateway_metrics)
        rc = metrics_listen(config->gateway_metrics, &o->metrics_fd, err);
    if (!rc && o->rights.change && log_give_to(o->rights.uid, o->rights.gid))
        rc = error_set(err, CE_IO, "the log file cannot be given to gateway.user");
    return rc ? rc : rights_become(&o->rights, err);
}

/* What can be done without them, and no client was met yet. At the end nothing is left to be given up. */
static int open_without_rights(struct process *p, struct daemon_run *run, struct opening *o,
                               struct error *err)
{
    const struct config *config = run->config;
    int rc = 0;
    if (!p->tls_server)
        rc = tls_server_open(&p->tls_server, config, p->gateway.name, true, err);
    if (!rc)
        rc = handles_open(p, run->loop, err);
    if (!rc)
        rc = sockets_note(p, &o->set, o->workers, err);
    if (!rc)
        rc = broker_link_open(&p->gateway.link, run->loop, &p->gateway, config, o->set.first, close_session,
                              p, err);
    if (!rc && config->gateway_lobby)
        rc = lobby_link_open(&p->gateway.lobby, run->loop, p->starter, config, err);
    if (!rc)
        rc = rights_lock(err);
    if (!rc)
        rc = syscall_filter_set(o->filter, log_descriptor(), err);
    if (!rc && o->filter != SYSCALL_FILTER_ENFORCE)
        log_warning("No system call is forbidden to this gateway. seccomp=%s", config->gateway_seccomp);
    if (!rc && geteuid() == 0)
        log_warning("The gateway runs as root; gateway.user names an account of its own.");
    return rc;
}

static int start(struct daemon_run *run, struct error *err)
{
    static struct process process; /* as long as the process; main's stack is not deep enough for all of it */
    struct process *p = &process;
    const struct config *config = run->config;
    struct opening opening = {.workers = workers_wanted(config), .metrics_fd = -1};
    run->state = p;
    json_set_alloc_funcs(malloc, json_wipe_and_free);
    p->started_with = *config;
    descriptors_allow(config);
    /* Before the first thread, because it loads a provider of OpenSSL. */
    if (sspi_library_init())
        log_warning(
            "There is no NTLM on this machine, so guests that insist on NLA cannot be reached: OpenSSL's "
            "legacy provider is needed.");
    registry_init(&p->gateway.registry);
    p->gateway.admission = admission_create(config);
    int rc = p->gateway.admission ? name_choose(p->gateway.name, config, err) : CE_NOMEM;
    if (!rc)
        rc = open_with_rights(p, run, &opening, err);
    if (!rc)
        rc = open_without_rights(p, run, &opening, err);
    if (!rc)
        rc = workers_start(p, config, &opening.set, opening.workers, err);
    if (!rc && opening.metrics_fd >= 0)
        rc = metrics_open(&p->metrics, &p->gateway, opening.metrics_fd, err);
    if (opening.set.fds)
        listener_set_close(&opening.set, opening.workers);
    if (rc)
        return rc;
    broker_link_set_fingerprint(p->gateway.link, tls_server_fingerprint(p->tls_server));
    broker_link_on_drain(p->gateway.link, set_draining);
    broker_link_on_message(p->gateway.link, show_message);
    memcpy(p->gateway.succeeds, p->inheritance.boot_id, sizeof p->gateway.succeeds);
    broker_link_start(p->gateway.link);
    inheritance_ready(&p->inheritance);
    log_info("The gateway serves. name=%s threads=%u", p->gateway.name, opening.workers);
    return 0;
}

/* What was read again and holds only for a new process. */
static void reload_tell(const struct config *old, const struct config *config)
{
    const struct {
        const char *name;
        bool changed;
    } keys[] = {
        {"gateway.name", strcmp(old->gateway_name, config->gateway_name) != 0},
        {"gateway.listen", strcmp(old->gateway_listen, config->gateway_listen) != 0},
        {"gateway.metrics", strcmp(old->gateway_metrics, config->gateway_metrics) != 0},
        {"gateway.broker_socket", strcmp(old->gateway_broker_socket, config->gateway_broker_socket) != 0},
        {"gateway.threads", old->gateway_threads != config->gateway_threads},
        {"gateway.user", strcmp(old->gateway_user, config->gateway_user) != 0},
        {"gateway.seccomp", strcmp(old->gateway_seccomp, config->gateway_seccomp) != 0},
        {"gateway.heartbeat", old->gateway_heartbeat_ms != config->gateway_heartbeat_ms},
    };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (keys[i].changed)
            log_warning("A changed setting holds from the next start or replacement (SIGUSR2) on. key=%s",
                        keys[i].name);
    }
}

/* Limits, deadlines and the certificate change at once. */
static void reload(struct daemon_run *run)
{
    struct process *p = run->state;
    reload_tell(&p->started_with, run->config);
    struct error err = {0};
    struct tls_server *fresh = NULL;
    if (tls_server_open(&fresh, run->config, p->gateway.name, false, &err))
        log_error("The certificate stays as it was: %s", err.text);
    admission_configure(p->gateway.admission, run->config);
    if (p->gateway.lobby)
        lobby_link_configure(p->gateway.lobby, run->config);
    for (unsigned i = 0; i < p->worker_count; i++)
        worker_post_reload(p->workers[i], run->config, fresh);
    if (fresh) {
        tls_server_unref(&p->tls_server);
        p->tls_server = fresh;
        broker_link_set_fingerprint(p->gateway.link, tls_server_fingerprint(fresh));
    }
}

static void stop(struct daemon_run *run)
{
    struct process *p = run->state;
    p->stopping = true;
    for (unsigned i = 0; i < p->worker_count; i++)
        worker_post_stop(p->workers[i]);
}

int main(int argc, char **argv)
{
    static const struct daemon daemon = {
        .name = "carrel-gateway",
        .summary = "takes RDP clients in, logs them in at the broker and relays them to their desktops",
        .start = start,
        .reload = reload,
        .stop = stop,
    };
    tls_memory_init();
    /* Rings of the kernel pass by the filter of system calls; versions of libuv that know them use none then. */
    (void)setenv("UV_USE_IO_URING", "0", 1);
    return daemon_main(argc, argv, &daemon);
}
