#include "virt_loop.h"

#include <stdbool.h>
#include <stdlib.h>

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "list.h"

enum watch_kind { WATCH_FD, WATCH_TIMER };

/* Under the mutex: everything but the handle, which only the loop's thread touches. */
struct watch {
    struct list entry;
    enum watch_kind kind;
    int id;
    int fd;
    int events;     /* virEventHandleType, 0: quiet */
    int timeout_ms; /* -1: quiet */
    bool changed;
    bool removed;
    bool started;
    union {
        virEventHandleCallback fd;
        virEventTimeoutCallback timer;
    } callback;
    void *opaque;
    virFreeCallback release;
    union {
        uv_handle_t any;
        uv_poll_t poll;
        uv_timer_t timer;
    } handle;
};

static struct {
    uv_loop_t *loop;
    uv_async_t wake;
    uv_mutex_t mutex;
    struct list watches;
    int next_id;
    bool running;
} self;

static int events_to_uv(int events)
{
    int uv = 0;
    if (events & VIR_EVENT_HANDLE_READABLE)
        uv |= UV_READABLE;
    if (events & VIR_EVENT_HANDLE_WRITABLE)
        uv |= UV_WRITABLE;
    if (uv || (events & (VIR_EVENT_HANDLE_HANGUP | VIR_EVENT_HANDLE_ERROR)))
        uv |= UV_DISCONNECT;
    return uv;
}

static void on_poll(uv_poll_t *poll, int status, int uv_events)
{
    struct watch *watch = poll->data;
    int events = status < 0 ? VIR_EVENT_HANDLE_ERROR : 0;
    if (uv_events & UV_READABLE)
        events |= VIR_EVENT_HANDLE_READABLE;
    if (uv_events & UV_WRITABLE)
        events |= VIR_EVENT_HANDLE_WRITABLE;
    if (uv_events & UV_DISCONNECT)
        events |= VIR_EVENT_HANDLE_HANGUP;
    uv_mutex_lock(&self.mutex);
    bool quiet = watch->removed || !watch->events;
    uv_mutex_unlock(&self.mutex);
    /* Without our lock: the callback adds, updates and removes watches. */
    if (!quiet)
        watch->callback.fd(watch->id, watch->fd, events, watch->opaque);
}

static void on_timer(uv_timer_t *timer)
{
    struct watch *watch = timer->data;
    uv_mutex_lock(&self.mutex);
    bool quiet = watch->removed || watch->timeout_ms < 0;
    uv_mutex_unlock(&self.mutex);
    if (!quiet)
        watch->callback.timer(watch->id, watch->opaque);
}

/* libvirt demands that RELEASE is never called from inside its remove call; here nothing of it is on the
 * stack. */
static void watch_free(struct watch *watch)
{
    if (watch->release)
        watch->release(watch->opaque);
    free(watch);
}

static void on_watch_closed(uv_handle_t *handle)
{
    watch_free(handle->data);
}

static void watch_apply(struct watch *watch, int events, int timeout_ms)
{
    if (!watch->started) {
        int rc = watch->kind == WATCH_FD ? uv_poll_init(self.loop, &watch->handle.poll, watch->fd)
                                         : uv_timer_init(self.loop, &watch->handle.timer);
        if (rc)
            return; /* the descriptor was closed meanwhile; its removal follows */
        watch->started = true;
        watch->handle.any.data = watch;
    }
    if (watch->kind == WATCH_FD) {
        if (events_to_uv(events))
            (void)uv_poll_start(&watch->handle.poll, events_to_uv(events), on_poll);
        else
            (void)uv_poll_stop(&watch->handle.poll);
    } else if (timeout_ms < 0) {
        (void)uv_timer_stop(&watch->handle.timer);
    } else {
        uint64_t ms = timeout_ms ? (uint64_t)timeout_ms : 1;
        (void)uv_timer_start(&watch->handle.timer, on_timer, timeout_ms ? ms : 0, ms);
    }
}

/* A watch to deal with, off the list when it was removed; NULL when there is none. Removals go first: the
 * number of a closed descriptor may be in use again in a watch that was added later. */
static struct watch *take_work(bool removed, int *ret_events, int *ret_timeout_ms)
{
    struct watch *found = NULL;
    uv_mutex_lock(&self.mutex);
    list_for_each (pos, &self.watches) {
        struct watch *watch = list_entry(pos, struct watch, entry);
        if (removed ? !watch->removed : !watch->changed)
            continue;
        watch->changed = false;
        if (removed)
            list_remove(&watch->entry);
        *ret_events = watch->events;
        *ret_timeout_ms = watch->timeout_ms;
        found = watch;
        break;
    }
    uv_mutex_unlock(&self.mutex);
    return found;
}

static void on_wake(uv_async_t *async)
{
    int events, timeout_ms;
    for (struct watch *watch; (watch = take_work(true, &events, &timeout_ms));) {
        if (watch->started)
            uv_close(&watch->handle.any, on_watch_closed);
        else
            watch_free(watch);
    }
    for (struct watch *watch; (watch = take_work(false, &events, &timeout_ms));)
        watch_apply(watch, events, timeout_ms);
}

/* With the mutex held. A thread that hangs on a dead host may call after the loop has ended. */
static void wake_loop(void)
{
    if (self.running)
        uv_async_send(&self.wake);
}

static int watch_add(struct watch *watch)
{
    list_init(&watch->entry);
    watch->changed = true;
    uv_mutex_lock(&self.mutex);
    int id = watch->id = ++self.next_id;
    list_append(&self.watches, &watch->entry);
    wake_loop();
    uv_mutex_unlock(&self.mutex);
    return id;
}

static struct watch *watch_find(enum watch_kind kind, int id)
{
    list_for_each (pos, &self.watches) {
        struct watch *watch = list_entry(pos, struct watch, entry);
        if (watch->kind == kind && watch->id == id && !watch->removed)
            return watch;
    }
    return NULL;
}

static void watch_update(enum watch_kind kind, int id, int value)
{
    uv_mutex_lock(&self.mutex);
    struct watch *watch = watch_find(kind, id);
    if (watch) {
        if (kind == WATCH_FD)
            watch->events = value;
        else
            watch->timeout_ms = value;
        watch->changed = true;
    }
    wake_loop();
    uv_mutex_unlock(&self.mutex);
}

static int watch_remove(enum watch_kind kind, int id)
{
    uv_mutex_lock(&self.mutex);
    struct watch *watch = watch_find(kind, id);
    if (watch)
        watch->removed = true;
    wake_loop();
    uv_mutex_unlock(&self.mutex);
    return watch ? 0 : -1;
}

static int add_handle(int fd, int events, virEventHandleCallback callback, void *opaque,
                      virFreeCallback release)
{
    struct watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return -1;
    watch->kind = WATCH_FD;
    watch->fd = fd;
    watch->events = events;
    watch->callback.fd = callback;
    watch->opaque = opaque;
    watch->release = release;
    return watch_add(watch);
}

static void update_handle(int id, int events)
{
    watch_update(WATCH_FD, id, events);
}

static int remove_handle(int id)
{
    return watch_remove(WATCH_FD, id);
}

static int add_timeout(int timeout_ms, virEventTimeoutCallback callback, void *opaque,
                       virFreeCallback release)
{
    struct watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return -1;
    watch->kind = WATCH_TIMER;
    watch->timeout_ms = timeout_ms;
    watch->callback.timer = callback;
    watch->opaque = opaque;
    watch->release = release;
    return watch_add(watch);
}

static void update_timeout(int id, int timeout_ms)
{
    watch_update(WATCH_TIMER, id, timeout_ms);
}

static int remove_timeout(int id)
{
    return watch_remove(WATCH_TIMER, id);
}

/* Errors come back from each call; without this libvirt prints them on standard error too. */
static void on_error(void *opaque, virErrorPtr error)
{
}

int virt_loop_start(uv_loop_t *loop, struct error *err)
{
    self.loop = loop;
    list_init(&self.watches);
    if (uv_mutex_init(&self.mutex) || uv_async_init(loop, &self.wake, on_wake))
        return error_set(err, CE_NOMEM, "cannot make the event loop of libvirt");
    self.running = true;
    virSetErrorFunc(NULL, on_error);
    virEventRegisterImpl(add_handle, update_handle, remove_handle, add_timeout, update_timeout,
                         remove_timeout);
    if (virInitialize() < 0)
        return error_set(err, CE_INTERNAL, "libvirt does not start: %s", virGetLastErrorMessage());
    return 0;
}

void virt_loop_stop(void)
{
    if (!self.running)
        return;
    uv_mutex_lock(&self.mutex);
    self.running = false;
    list_for_each (pos, &self.watches)
        list_entry(pos, struct watch, entry)->removed = true;
    uv_mutex_unlock(&self.mutex);
    on_wake(&self.wake);
    uv_close((uv_handle_t *)&self.wake, NULL);
}
