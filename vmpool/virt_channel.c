#include "virt_channel.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "virt_internal.h"

#define RECV_BYTES 4096
#define RECV_ROUNDS 16 /* a guest that floods its port gets no more than this from one turn of the loop */

struct virt_channel {
    struct virt_host *host; /* borrowed from the opener */
    struct guest_key key;
    char port_name[64];
    const struct virt_channel_events *events; /* borrowed from the opener */
    void *arg;
    virStreamPtr stream; /* made by the open job, given back by the close job; jobs run in order */
    bool opened;         /* the open job is done; loop's thread */
    bool closed;         /* no callbacks any more; loop's thread */
    bool ended;
    bool dispatching; /* on_stream() is on the stack */
    unsigned refs;    /* the owner's and those of deferred ends; loop's thread */
};

/* libvirt does not always call the release function of a stream's callback, so it gets none. Callbacks run on
 * the loop's thread only; what is freed there after the callback's removal is not in use any more. */
static void channel_unref(struct virt_channel *channel)
{
    if (--channel->refs == 0)
        free(channel);
}

static void channel_end(struct virt_channel *channel, const char *reason)
{
    if (channel->closed || channel->ended)
        return;
    channel->ended = true;
    channel->events->ended(channel->arg, reason);
}

/* A stream's callback is not removed while it runs: what ends a stream waits for the next turn of the loop,
 * by way of a job that does nothing. */
static int run_nothing(struct virt_conn *conn, void *arg, struct error *err)
{
    return 0;
}

static void on_ended_later(void *arg, int rc, const struct error *err)
{
    struct virt_channel *channel = arg;
    channel_end(channel, "the guest or the connection ended");
    channel_unref(channel);
}

static void end_later(struct virt_channel *channel)
{
    channel->refs++;
    if (virt_host_submit_cleanup(channel->host, run_nothing, on_ended_later, channel))
        channel_unref(channel); /* the host closes, and the channel with it */
}

/* libvirt's dispatch on the loop's thread. */
static void on_stream(virStreamPtr stream, int events, void *opaque)
{
    struct virt_channel *channel = opaque;
    if (channel->closed || channel->ended) {
        (void)virStreamEventUpdateCallback(stream, 0);
        return;
    }
    int got = -2;
    channel->dispatching = true;
    for (int round = 0; round < RECV_ROUNDS && !channel->closed; round++) {
        char bytes[RECV_BYTES];
        got = virStreamRecv(stream, bytes, sizeof bytes);
        if (got <= 0)
            break;
        channel->events->bytes(channel->arg, bytes, (size_t)got);
    }
    channel->dispatching = false;
    if (got == 0 || got == -1 ||
        (got == -2 && (events & (VIR_STREAM_EVENT_ERROR | VIR_STREAM_EVENT_HANGUP)))) {
        (void)virStreamEventUpdateCallback(stream, 0);
        end_later(channel);
    }
}

static int run_open(struct virt_conn *conn, void *arg, struct error *err)
{
    struct virt_channel *channel = arg;
    CLEANUP_DOMAIN virDomainPtr domain = NULL;
    int rc = virt_domain_lookup(conn, &channel->key, &domain, err);
    if (rc)
        return rc;
    virStreamPtr stream = virStreamNew(conn->conn, VIR_STREAM_NONBLOCK);
    if (!stream)
        return virt_error(err, "cannot make a stream");
    /* Force: a reader that vmpool left behind when it was killed must not keep the port. */
    if (virDomainOpenChannel(domain, channel->port_name, stream, VIR_DOMAIN_CHANNEL_FORCE) < 0) {
        rc = virt_error(err, "cannot open the guest's session port");
        virStreamFree(stream);
        return rc;
    }
    if (virStreamEventAddCallback(
            stream, VIR_STREAM_EVENT_READABLE | VIR_STREAM_EVENT_ERROR | VIR_STREAM_EVENT_HANGUP, on_stream,
            channel, NULL) < 0) {
        rc = virt_error(err, "cannot watch the guest's session port");
        (void)virStreamAbort(stream);
        virStreamFree(stream);
        return rc;
    }
    channel->stream = stream;
    return 0;
}

static void on_open_done(void *arg, int rc, const struct error *err)
{
    struct virt_channel *channel = arg;
    channel->opened = true;
    if (channel->closed)
        return;
    if (rc)
        channel_end(channel, err->text);
    else
        channel->events->opened(channel->arg);
}

static int run_close(struct virt_conn *conn, void *arg, struct error *err)
{
    struct virt_channel *channel = arg;
    if (!channel->stream)
        return 0;
    (void)virStreamEventRemoveCallback(channel->stream);
    (void)virStreamAbort(channel->stream);
    virStreamFree(channel->stream);
    channel->stream = NULL;
    return 0;
}

static void on_close_done(void *arg, int rc, const struct error *err)
{
    struct virt_channel *channel = arg;
    if (channel->stream) { /* the host is down: the stream is dead and only its memory is given back */
        (void)virStreamEventRemoveCallback(channel->stream);
        virStreamFree(channel->stream);
        channel->stream = NULL;
    }
    channel_unref(channel);
}

int virt_channel_open(struct virt_channel **ret, struct virt_host *host, const struct guest_key *key,
                      const char *port_name, const struct virt_channel_events *events, void *arg)
{
    struct virt_channel *channel = calloc(1, sizeof *channel);
    if (!channel)
        return CE_NOMEM;
    channel->host = host;
    channel->key = *key;
    snprintf(channel->port_name, sizeof channel->port_name, "%s", port_name);
    channel->events = events;
    channel->arg = arg;
    channel->refs = 1;
    int rc = virt_host_submit(host, run_open, on_open_done, channel);
    if (rc)
        free(channel);
    else
        *ret = channel;
    return rc;
}

static void close_now(struct virt_channel *channel)
{
    if (virt_host_submit_cleanup(channel->host, run_close, on_close_done, channel))
        on_close_done(channel, CE_CANCELLED, NULL);
}

static void on_close_later(void *arg, int rc, const struct error *err)
{
    close_now(arg);
}

void virt_channel_close(struct virt_channel **channel)
{
    struct virt_channel *c = *channel;
    if (!c)
        return;
    *channel = NULL;
    c->closed = true;
    if (!c->dispatching || virt_host_submit_cleanup(c->host, run_nothing, on_close_later, c))
        close_now(c);
}
