/* One hypervisor host: a thread of its own that holds the libvirt connection and runs jobs on it one after
 * another, so that a host that hangs stops nobody else. Keep-alive, reconnection with growing pauses.
 *
 * All functions here are called on the loop's thread, and all callbacks run there. Jobs run on the host's
 * thread. virt_host_close() is asynchronous: closed() is the last callback.
 */
#ifndef VMPOOL_VIRT_HOST_H
#define VMPOOL_VIRT_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include <carrel/error.h>
#include <carrel/rows.h>

#include "host_processor.h"

struct virt_host;
struct virt_conn; /* the connection as jobs see it: virt_domain.h, virt_storage.h ... take it */

#define VIRT_HOST_JOBS_MAX                                                                                   \
    4096 /* jobs waiting for one host; virt_host_submit() refuses more with CE_LIMIT                         \
          */
#define VIRT_RECONNECT_MIN_MS 500
#define VIRT_RECONNECT_MAX_MS 4000

struct virt_host_info {
    char libvirt_version[32];
    char hypervisor_version[32];
    uint32_t vcpus;
    uint64_t memory_mib;
    char processor[HOST_PROCESSOR_SIZE];
};

enum virt_guest_event {
    VIRT_GUEST_STARTED,
    VIRT_GUEST_SHUT_DOWN, /* it ended as it was told to from inside */
    VIRT_GUEST_STOPPED,   /* destroyed, crashed or killed */
    VIRT_GUEST_PAUSED,    /* stopped by an I/O error: most likely the host's disk is full */
    VIRT_GUEST_RESUMED,
    VIRT_GUEST_AGENT_UP,
    VIRT_GUEST_AGENT_DOWN,
};

/* All but closed() may be NULL; what nobody listens to is not asked for. */
struct virt_host_events {
    void (*up)(void *arg, const struct virt_host_info *info);
    void (*down)(void *arg, const char *reason);
    void (*guest)(void *arg, const char *uuid, enum virt_guest_event event);
    void (*closed)(void *arg);
};

/* URI is copied. EVENTS and ARG are borrowed until closed(). */
int virt_host_open(struct virt_host **ret, uv_loop_t *loop, const char *uri, uint64_t keepalive_ms,
                   const struct virt_host_events *events, void *arg) MUST_CHECK;
void virt_host_close(struct virt_host *host);

/* Gives up on a host whose thread does not come back: closed() runs without it. For the end of the process.
 */
void virt_host_abandon(struct virt_host *host);

/* RUN gets ERR with room for words; DONE always follows on the loop, also when the host is down
 * (CE_UNREACHABLE) or closes (CE_CANCELLED). */
int virt_host_submit(struct virt_host *host, int (*run)(struct virt_conn *conn, void *arg, struct error *err),
                     void (*done)(void *arg, int rc, const struct error *err), void *arg) MUST_CHECK;

/* The same for jobs that give something back: they run even when the host closes, if it is still connected.
 */
int virt_host_submit_cleanup(struct virt_host *host,
                             int (*run)(struct virt_conn *conn, void *arg, struct error *err),
                             void (*done)(void *arg, int rc, const struct error *err), void *arg) MUST_CHECK;

/* By lease: from UNTIL_NS of CLOCK_BOOTTIME on no job is run and no call changes anything (CE_CANCELLED). EPOCH is
 * written into the marks of guests; one with a higher epoch is left alone. Without a call: no bounds. */
void virt_host_hold(struct virt_host *host, uint64_t epoch, uint64_t until_ns);

bool virt_host_is_up(const struct virt_host *host);

/* How long the call that runs now has taken, 0 when none runs. */
uint64_t virt_host_busy_ms(struct virt_host *host);

#endif
