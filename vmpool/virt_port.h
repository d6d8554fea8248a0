/* A talk with a program in the guest over a virtio-serial port, on the thread of a job: it waits. Host's thread, best a
 * lane's (host_lane.h).
 */
#ifndef VMPOOL_VIRT_PORT_H
#define VMPOOL_VIRT_PORT_H

#include <stddef.h>
#include <stdint.h>

#include "virt_domain.h"

#define VIRT_PORT_HEARD_MAX 2048 /* what the guest may say in one talk */

struct virt_port;

/* CE_NOT_FOUND: the guest has no such port, or nobody in it has it open. The guest's domain has to outlive the talk, and
 * whoever had the port open here has it no more. */
int virt_port_open(struct virt_port **ret, struct virt_conn *conn, const struct guest_key *key,
                   const char *name, struct error *err) MUST_CHECK;
void virt_port_close(struct virt_port **port);

int virt_port_say(struct virt_port *port, const char *text, struct error *err) MUST_CHECK;

/* All that was heard since it was opened, after more has come. CE_TIMEOUT when nothing comes until UNTIL_NS (uv_hrtime()),
 * CE_UNREACHABLE when guest or connection end, CE_LIMIT when the guest says more than VIRT_PORT_HEARD_MAX bytes. */
int virt_port_hear(struct virt_port *port, uint64_t until_ns, const char **ret, struct error *err) MUST_CHECK;

#endif
