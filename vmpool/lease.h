/* Leases between the vmpool processes that share one store: who drives a host's guests ("host:ID"), who sizes
 * pools and keeps images ("pools"), and who lives ("vmpool:NAME"). A lease is a row that its owner renews; no
 * clock of another machine is trusted: an owner counts from before it asked for the renewal, everybody else from
 * when they saw the row change last.
 *
 * A process that was stopped and goes on does nothing on a lease that has run out meanwhile, in three lines of
 * defence: host threads look at the time that the lease holds (CLOCK_BOOTTIME) before each call that changes
 * something; every write to the store names the lease and is refused when it is another's; and domains carry the
 * epoch of whoever drives them, which a former owner finds higher than its own.
 *
 * Loop's thread. lease_plan() is pure.
 */
#ifndef VMPOOL_LEASE_H
#define VMPOOL_LEASE_H

#include "vmpool.h"

#define LEASE_POOLS "pools"

struct lease;

/* What a lease looks like from here. */
struct lease_view {
    bool mine;
    bool free; /* nobody's: never taken, given back, run out, or its owner is known to be dead */
    bool is_host;
};

enum lease_step { LEASE_KEEP, LEASE_TAKE, LEASE_GIVE };

/* For one of COUNT leases what to do next. Hosts are shared evenly among ALIVE processes, this one included: a
 * process takes free ones up to its share, and gives one back at a time when it has more. */
enum lease_step lease_plan(const struct lease_view *views, size_t count, size_t index, unsigned alive);

/* The name of this process and of its start. CE_BUSY: a process of the same name runs on this machine. */
int lease_start(struct vmpool *vm, struct error *err) MUST_CHECK;
/* After a pass: sees, takes, gives back. */
void lease_drive(struct vmpool *vm);
/* Whether this process may act on what the lease is about. */
bool lease_is_held(const struct vmpool *vm, const char *name);
/* Of a host's: the epoch, and until when it holds (nanoseconds of CLOCK_BOOTTIME). False: not held. */
bool lease_of_host(const struct vmpool *vm, const char *host_id, uint64_t *ret_epoch, uint64_t *ret_until_ns);
bool lease_is_elsewhere(const struct vmpool *vm, const char *host_id); /* another process drives the host */
void lease_host_name(const char *host_id, char ret[LEASE_NAME_SIZE]);
void lease_give_back_all(struct vmpool *vm); /* at the end: others need not wait */
void lease_stop(struct vmpool *vm);
void lease_free_all(struct vmpool *vm);

#endif
