#include "virt_host.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <carrel/host_uri.h>

#include "boottime.h"
#include "connect_words.h"
#include "list.h"
#include "virt_info.h"
#include "virt_internal.h"

enum note_kind { NOTE_UP, NOTE_DOWN, NOTE_GUEST, NOTE_JOB, NOTE_ENDED };

/* What a thread tells the loop; a job is one too, on the job queue first and told of when it is done. */
struct note {
    struct list entry;
    enum note_kind kind;
    struct virt_host_info info;
    enum virt_guest_event event;
    char uuid[VIR_UUID_STRING_BUFLEN];
    int (*run)(struct virt_conn *conn, void *arg, struct error *err);
    void (*done)(void *arg, int rc, const struct error *err);
    void *arg;
    bool cleanup; /* runs even while the host closes */
    int rc;
    struct error err;
};

struct virt_host {
    /* The loop's. */
    uv_loop_t *loop;
    const struct virt_host_events *events; /* borrowed from the opener */
    void *arg;
    bool up;
    bool told_closed;
    uv_thread_t thread;

    /* Set once. */
    char *uri;
    unsigned keepalive_s;

    /* Shared, under the mutex. */
    uv_mutex_t mutex;
    uv_cond_t cond;
    uv_async_t async;
    struct list jobs;
    size_t job_count;
    struct list notes;
    bool closing;
    bool broken;     /* the close callback ran: the connection is of no use any more */
    bool async_gone; /* the loop has closed the async handle */
    uint64_t busy_since_ns;

    /* libvirt may run a callback's release function late and on any thread, so the memory is counted. */
    atomic_int refs;

    /* The host thread's. */
    struct virt_conn conn;
    int callback_ids[4];
    uint64_t pause_ms;
};

static void host_unref(void *opaque)
{
    struct virt_host *host = opaque;
    if (atomic_fetch_sub(&host->refs, 1) != 1)
        return;
    uv_cond_destroy(&host->cond);
    uv_mutex_destroy(&host->mutex);
    free(host->uri);
    free(host);
}

static struct virt_host *host_ref(struct virt_host *host)
{
    atomic_fetch_add(&host->refs, 1);
    return host;
}

/* Any thread. */
static void host_post(struct virt_host *host, struct note *note)
{
    uv_mutex_lock(&host->mutex);
    if (host->async_gone) {
        free(note);
    } else {
        list_append(&host->notes, &note->entry);
        uv_async_send(&host->async);
    }
    uv_mutex_unlock(&host->mutex);
}

static struct note *note_create(enum note_kind kind)
{
    struct note *note = calloc(1, sizeof *note);
    if (note) {
        note->kind = kind;
        list_init(&note->entry);
    }
    return note;
}

/* QEMU repeats what it was told before it says what is wrong with it, and so does libvirt with programs that failed:
 * what stands behind END, where BEGIN is in the words. The rest would leave no room for the reason. */
static const char *words_behind(const char *words, const char *begin, const char *end)
{
    const char *told = strstr(words, begin), *rest = told ? strstr(told, end) : NULL;
    return rest ? rest + strlen(end) : words;
}

int virt_error(struct error *err, const char *what)
{
    virErrorPtr last = virGetLastError();
    const char *words = last && last->message ? last->message : "unknown failure";
    words = words_behind(words, "-blockdev {", "}: ");
    words = words_behind(words, "unexpected exit status", ": ");
    int code = CE_IO;
    if (last && (last->code == VIR_ERR_NO_DOMAIN || last->code == VIR_ERR_NO_STORAGE_VOL ||
                 last->code == VIR_ERR_NO_STORAGE_POOL))
        code = CE_NOT_FOUND;
    else if (strstr(words, "No space left on device"))
        code = CE_NO_SPACE;
    else if (last && (last->code == VIR_ERR_AGENT_UNRESPONSIVE || last->domain == VIR_FROM_RPC))
        code = CE_UNREACHABLE;
    else if (last && last->code == VIR_ERR_OPERATION_TIMEOUT)
        code = CE_TIMEOUT;
    else if (last && (last->code == VIR_ERR_STORAGE_VOL_EXIST || last->code == VIR_ERR_DOM_EXIST))
        code = CE_EXISTS;
    return error_set(err, code, "%s: %.*s", what, (int)strcspn(words, "\n"), words);
}

/* --- events of libvirt: the loop's thread or a thread of libvirt's choice ------------------------------- */

static void post_guest(struct virt_host *host, virDomainPtr domain, enum virt_guest_event event)
{
    struct note *note = note_create(NOTE_GUEST);
    if (!note)
        return;
    note->event = event;
    if (virDomainGetUUIDString(domain, note->uuid) < 0)
        free(note);
    else
        host_post(host, note);
}

static int on_lifecycle(virConnectPtr conn, virDomainPtr domain, int event, int detail, void *opaque)
{
    switch (event) {
    case VIR_DOMAIN_EVENT_STARTED:
        post_guest(opaque, domain, VIRT_GUEST_STARTED);
        break;
    case VIR_DOMAIN_EVENT_STOPPED:
        post_guest(opaque, domain,
                   detail == VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN ? VIRT_GUEST_SHUT_DOWN : VIRT_GUEST_STOPPED);
        break;
    case VIR_DOMAIN_EVENT_SUSPENDED:
        if (detail == VIR_DOMAIN_EVENT_SUSPENDED_IOERROR)
            post_guest(opaque, domain, VIRT_GUEST_PAUSED);
        break;
    case VIR_DOMAIN_EVENT_RESUMED:
        post_guest(opaque, domain, VIRT_GUEST_RESUMED);
        break;
    default:
        break;
    }
    return 0;
}

static void on_agent(virConnectPtr conn, virDomainPtr domain, int state, int reason, void *opaque)
{
    post_guest(opaque, domain,
               state == VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_STATE_CONNECTED ? VIRT_GUEST_AGENT_UP
                                                                                 : VIRT_GUEST_AGENT_DOWN);
}

static void on_connection_closed(virConnectPtr conn, int reason, void *opaque)
{
    struct virt_host *host = opaque;
    uv_mutex_lock(&host->mutex);
    host->broken = true;
    uv_cond_signal(&host->cond);
    uv_mutex_unlock(&host->mutex);
}

/* --- the host's thread ---------------------------------------------------------------------------------- */

static void register_events(struct virt_host *host, virConnectPtr conn)
{
    host->callback_ids[0] = host->callback_ids[1] = -1;
    if (!host->events->guest)
        return;
    host->callback_ids[0] =
        virConnectDomainEventRegisterAny(conn, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                         VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle), host_ref(host), host_unref);
    host->callback_ids[1] =
        virConnectDomainEventRegisterAny(conn, NULL, VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE,
                                         VIR_DOMAIN_EVENT_CALLBACK(on_agent), host_ref(host), host_unref);
    for (int i = 0; i < 2; i++) {
        if (host->callback_ids[i] < 0)
            host_unref(host); /* a driver without this event: libvirt has not taken the reference */
    }
}

static int host_connect(struct virt_host *host, struct note *up, struct error *err)
{
    char uri[HOST_URI_OPEN_SIZE];
    if (host_uri_for_libvirt(host->uri, uri, sizeof uri))
        return error_set(err, CE_LIMIT, "cannot connect: the URI is too long");
    virConnectPtr conn = virConnectOpen(uri);
    if (!conn) {
        char words[sizeof err->text];
        connect_words(virGetLastErrorMessage(), words, sizeof words);
        return error_set(err, CE_UNREACHABLE, "cannot connect: %s", words);
    }
    (void)virConnectSetKeepAlive(conn, (int)host->keepalive_s, 3); /* drivers without a daemon have none */
    /* libvirt's test driver takes the callback, never calls it and never lets go of it. */
    const char *type = virConnectGetType(conn);
    if ((!type || strcasecmp(type, "test") != 0) &&
        virConnectRegisterCloseCallback(conn, on_connection_closed, host_ref(host), host_unref) < 0)
        host_unref(host);
    register_events(host, conn);
    host->conn.conn = conn;
    host->conn.qemu_permissions[0] = 0;
    if (host->events->up)
        virt_info_read(&host->conn, &up->info);
    return 0;
}

static void host_disconnect(struct virt_host *host)
{
    virConnectPtr conn = host->conn.conn;
    if (!conn)
        return;
    host->conn.conn = NULL;
    for (int i = 0; i < 2; i++) {
        if (host->callback_ids[i] >= 0)
            (void)virConnectDomainEventDeregisterAny(conn, host->callback_ids[i]);
    }
    (void)virConnectUnregisterCloseCallback(conn, on_connection_closed);
    (void)virConnectClose(conn);
}

int virt_may_act(const struct virt_conn *conn, struct error *err)
{
    uint64_t until_ns = atomic_load(&conn->until_ns);
    if (!until_ns || boottime_ns() < until_ns)
        return 0;
    return error_set(err, CE_CANCELLED, "the lease of the host has run out");
}

void virt_host_hold(struct virt_host *host, uint64_t epoch, uint64_t until_ns)
{
    atomic_store(&host->conn.epoch, epoch);
    atomic_store(&host->conn.until_ns, until_ns);
}

static struct note *take_job(struct virt_host *host)
{
    if (list_is_empty(&host->jobs))
        return NULL;
    struct note *job = list_entry(host->jobs.next, struct note, entry);
    list_remove(&job->entry);
    host->job_count--;
    return job;
}

/* With the mutex held, on entry and return. */
static void fail_jobs(struct virt_host *host, int code, const char *words)
{
    for (struct note *job; (job = take_job(host));) {
        job->rc = error_set(&job->err, code, "%s", words);
        uv_mutex_unlock(&host->mutex);
        host_post(host, job);
        uv_mutex_lock(&host->mutex);
    }
}

static void post_down(struct virt_host *host, const char *words)
{
    struct note *note = note_create(NOTE_DOWN);
    if (!note)
        return;
    (void)error_set(&note->err, CE_UNREACHABLE, "%s", words);
    host_post(host, note);
}

/* With the mutex held, on entry and return. Tries to connect, or waits out the pause before the next try. */
static void step_connect(struct virt_host *host)
{
    host->broken = false;
    host->busy_since_ns = uv_hrtime();
    uv_mutex_unlock(&host->mutex);
    struct error err = {0};
    struct note *up = note_create(NOTE_UP);
    int rc = up ? host_connect(host, up, &err) : error_set(&err, CE_NOMEM, "out of memory");
    if (!rc) {
        host_post(host, up);
        host->pause_ms = VIRT_RECONNECT_MIN_MS;
    } else {
        free(up);
        post_down(host, err.text);
    }
    uv_mutex_lock(&host->mutex);
    host->busy_since_ns = 0;
    if (!rc)
        return;
    fail_jobs(host, CE_UNREACHABLE, err.text);
    uint64_t until_ns = uv_hrtime() + host->pause_ms * 1000000;
    host->pause_ms = host->pause_ms * 2 > VIRT_RECONNECT_MAX_MS ? VIRT_RECONNECT_MAX_MS : host->pause_ms * 2;
    while (!host->closing) {
        uint64_t now_ns = uv_hrtime();
        if (now_ns >= until_ns)
            break;
        (void)uv_cond_timedwait(&host->cond, &host->mutex, until_ns - now_ns);
        fail_jobs(host, CE_UNREACHABLE, err.text);
    }
}

/* With the mutex held, on entry and return. */
static void step_run(struct virt_host *host, struct note *job)
{
    host->busy_since_ns = uv_hrtime();
    uv_mutex_unlock(&host->mutex);
    virResetLastError();
    job->rc = virt_may_act(&host->conn, &job->err);
    if (!job->rc)
        job->rc = job->run(&host->conn, job->arg, &job->err);
    bool alive = job->rc != CE_UNREACHABLE || virConnectIsAlive(host->conn.conn) == 1;
    host_post(host, job);
    uv_mutex_lock(&host->mutex);
    host->busy_since_ns = 0;
    if (!alive)
        host->broken = true;
}

/* With the mutex held, on entry and return. */
static void end_jobs(struct virt_host *host)
{
    for (struct note *job; (job = take_job(host));) {
        if (job->cleanup && host->conn.conn && !host->broken) {
            step_run(host, job);
            continue;
        }
        job->rc = error_set(&job->err, CE_CANCELLED, "vmpool lets go of the host");
        uv_mutex_unlock(&host->mutex);
        host_post(host, job);
        uv_mutex_lock(&host->mutex);
    }
}

static void host_main(void *arg)
{
    struct virt_host *host = arg;
    uv_mutex_lock(&host->mutex);
    while (!host->closing) {
        struct note *job;
        if (!host->conn.conn) {
            step_connect(host);
        } else if (host->broken) {
            uv_mutex_unlock(&host->mutex);
            host_disconnect(host);
            post_down(host, "the connection was lost");
            uv_mutex_lock(&host->mutex);
        } else if ((job = take_job(host))) {
            step_run(host, job);
        } else {
            uv_cond_wait(&host->cond, &host->mutex);
        }
    }
    end_jobs(host);
    uv_mutex_unlock(&host->mutex);
    host_disconnect(host);
    struct note *ended = note_create(NOTE_ENDED);
    if (ended)
        host_post(host, ended);
    host_unref(host);
}

/* --- the loop's thread ---------------------------------------------------------------------------------- */

static void on_async_closed(uv_handle_t *handle)
{
    struct virt_host *host = handle->data;
    host->events->closed(host->arg);
    host_unref(host);
}

static void host_finish(struct virt_host *host)
{
    if (host->told_closed)
        return;
    host->told_closed = true;
    uv_mutex_lock(&host->mutex);
    host->async_gone = true;
    list_for_each_safe (pos, &host->notes) {
        list_remove(pos);
        free(list_entry(pos, struct note, entry));
    }
    uv_mutex_unlock(&host->mutex);
    uv_close((uv_handle_t *)&host->async, on_async_closed);
}

static void note_deliver(struct virt_host *host, struct note *note)
{
    switch (note->kind) {
    case NOTE_UP:
        host->up = true;
        if (host->events->up)
            host->events->up(host->arg, &note->info);
        break;
    case NOTE_DOWN:
        host->up = false;
        if (host->events->down)
            host->events->down(host->arg, note->err.text);
        break;
    case NOTE_GUEST:
        host->events->guest(host->arg, note->uuid, note->event);
        break;
    case NOTE_JOB:
        note->done(note->arg, note->rc, &note->err);
        break;
    case NOTE_ENDED:
        uv_thread_join(&host->thread);
        host_finish(host);
        break;
    }
}

static void on_async(uv_async_t *async)
{
    struct virt_host *host = async->data;
    for (;;) {
        uv_mutex_lock(&host->mutex);
        struct list *first = host->notes.next;
        bool empty = list_is_empty(&host->notes);
        if (!empty)
            list_remove(first);
        uv_mutex_unlock(&host->mutex);
        if (empty)
            return;
        struct note *note = list_entry(first, struct note, entry);
        note_deliver(host, note);
        free(note);
    }
}

int virt_host_open(struct virt_host **ret, uv_loop_t *loop, const char *uri, uint64_t keepalive_ms,
                   const struct virt_host_events *events, void *arg)
{
    struct virt_host *host = calloc(1, sizeof *host);
    if (!host)
        return CE_NOMEM;
    host->loop = loop;
    host->events = events;
    host->arg = arg;
    host->keepalive_s = (unsigned)((keepalive_ms + 999) / 1000);
    host->pause_ms = VIRT_RECONNECT_MIN_MS;
    list_init(&host->jobs);
    list_init(&host->notes);
    host->uri = strdup(uri);
    if (!host->uri || uv_mutex_init(&host->mutex)) {
        free(host->uri);
        free(host);
        return CE_NOMEM;
    }
    atomic_init(&host->refs, 2); /* the thread's and the async handle's */
    host->async.data = host;
    if (uv_cond_init(&host->cond) || uv_async_init(loop, &host->async, on_async))
        abort(); /* both fail only without memory for a handle, at start */
    if (uv_thread_create(&host->thread, host_main, host)) {
        host_unref(host);
        host_finish(host);
        return CE_NOMEM;
    }
    *ret = host;
    return 0;
}

void virt_host_close(struct virt_host *host)
{
    uv_mutex_lock(&host->mutex);
    host->closing = true;
    uv_cond_signal(&host->cond);
    uv_mutex_unlock(&host->mutex);
}

void virt_host_abandon(struct virt_host *host)
{
    host_finish(host);
}

static int submit(struct virt_host *host, int (*run)(struct virt_conn *conn, void *arg, struct error *err),
                  void (*done)(void *arg, int rc, const struct error *err), void *arg, bool cleanup)
{
    struct note *job = note_create(NOTE_JOB);
    if (!job)
        return CE_NOMEM;
    job->run = run;
    job->done = done;
    job->arg = arg;
    job->cleanup = cleanup;
    uv_mutex_lock(&host->mutex);
    int rc = host->closing ? CE_CANCELLED : host->job_count >= VIRT_HOST_JOBS_MAX ? CE_LIMIT : 0;
    if (!rc) {
        list_append(&host->jobs, &job->entry);
        host->job_count++;
        uv_cond_signal(&host->cond);
    }
    uv_mutex_unlock(&host->mutex);
    if (rc)
        free(job);
    return rc;
}

int virt_host_submit(struct virt_host *host, int (*run)(struct virt_conn *conn, void *arg, struct error *err),
                     void (*done)(void *arg, int rc, const struct error *err), void *arg)
{
    return submit(host, run, done, arg, false);
}

int virt_host_submit_cleanup(struct virt_host *host,
                             int (*run)(struct virt_conn *conn, void *arg, struct error *err),
                             void (*done)(void *arg, int rc, const struct error *err), void *arg)
{
    return submit(host, run, done, arg, true);
}

bool virt_host_is_up(const struct virt_host *host)
{
    return host->up;
}

uint64_t virt_host_busy_ms(struct virt_host *host)
{
    uv_mutex_lock(&host->mutex);
    uint64_t since_ns = host->busy_since_ns;
    uv_mutex_unlock(&host->mutex);
    return since_ns ? (uv_hrtime() - since_ns) / 1000000 : 0;
}
