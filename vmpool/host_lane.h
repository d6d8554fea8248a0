/* Further connections to a host, each with a thread of its own, for whatever may wait: what is done with a guest, whose
 * QEMU may hang, copies of images, which would keep everybody else waiting for minutes, forks, of which several are
 * made at once, commands of guest agents that a busy guest is slow to carry out, data disks that guests mount and give
 * back, memories that are written to files and read back, and copies of disks. The host's own connection is left to
 * what asks libvirt itself, so that it hangs with libvirt only.
 *
 * Jobs of a kind wait in one queue, and the first lane that is free takes the next: a call that does not come back
 * keeps a lane, and no other job. Lanes are opened when they are first needed, closed with the host. A job here is
 * bound by the host's lease like any other. Loop's thread.
 */
#ifndef VMPOOL_HOST_LANE_H
#define VMPOOL_HOST_LANE_H

#include "host.h"

enum host_lane_kind {
    HOST_LANE_GUEST, /* one guest is started, ended, looked at or told something */
    HOST_LANE_END,   /* a guest for which another job waits is ended: that one goes on then */
    HOST_LANE_COPY,
    HOST_LANE_FORK,
    HOST_LANE_IDENTITY, /* of forks, whose agents answer at once */
    HOST_LANE_AGENT,    /* of guests that boot, whose agents take up to half a minute */
    HOST_LANE_DATA,     /* disks of users */
    HOST_LANE_SAVE,     /* of a guest's memory; HOST_LANE_SAVES at once */
    HOST_LANE_RESTORE,
    HOST_LANE_DISK, /* copies of desktops' disks */
    HOST_LANE_KINDS
};

#define HOST_LANE_GUESTS 4 /* at once on a host; when so many hang, the rest waits until they are ended */
#define HOST_LANE_FORKS 3  /* at once on a host, and as many commands; more wait for one of them */
#define HOST_LANE_SAVES 2  /* they share the disk with everybody who works */
#define HOST_LANE_DISKS 2  /* likewise; desktop_disk.c begins no more than it has lanes for */

/* As virt_host_submit(), on a lane of that kind. CE_BUSY when so many memories are written that another is to be asked
 * for later: its user may have come back by then. */
int host_lane_submit(struct host *host, enum host_lane_kind kind,
                     int (*run)(struct virt_conn *conn, void *arg, struct error *err),
                     void (*done)(void *arg, int rc, const struct error *err), void *arg) MUST_CHECK;

/* The host does not answer: what waits is done with CE_UNREACHABLE, and lanes are opened anew when it is back, so that no
 * job meets one that has not noticed yet, or that waits before it tries again. */
void host_lane_lost(struct host *host);

/* In every pass: lanes of hosts that are no longer ours are closed, what waits for one is done with CE_CANCELLED. */
void host_lane_drive_all(struct vmpool *vm);
bool host_lane_is_open(
    const struct host *host); /* of that host, also while it is let go: it is not freed before */
void host_lane_renewed(struct host *host, uint64_t until_ns);

void host_lane_close_all(struct vmpool *vm);
void host_lane_abandon_all(struct vmpool *vm); /* those whose host does not come back */
bool host_lane_all_closed(const struct vmpool *vm);
void host_lane_free_all(struct vmpool *vm);

#endif
