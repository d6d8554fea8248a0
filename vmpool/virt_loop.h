/* libvirt's event loop on libuv: every watch and timer of libvirt becomes a uv_poll or uv_timer of one loop.
 * libvirt asks from any thread (mostly from the host threads), so requests are noted under a mutex and
 * applied on the loop's thread; libvirt's callbacks run on the loop's thread. One per process.
 */
#ifndef VMPOOL_VIRT_LOOP_H
#define VMPOOL_VIRT_LOOP_H

#include <uv.h>

#include <carrel/error.h>

/* Once, on the loop's thread, before the first connection. */
int virt_loop_start(uv_loop_t *loop, struct error *err) MUST_CHECK;

/* On the loop's thread, after the last connection was closed: closes all that is left of it on the loop. */
void virt_loop_stop(void);

#endif
