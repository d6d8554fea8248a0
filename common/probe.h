/* Whether RDP answers: connects to a guest or machine and sends an X.224 connection request (MS-RDPBCGR 2.2.1.1); only
 * a connection confirm counts, since a user-mode network accepts connections for guests that are not there
 * yet. Tries again until it is answered or closed: nothing tells when a guest begins to listen.
 *
 * Loop's thread. The probe frees itself after probe_close().
 */
#ifndef CARREL_PROBE_H
#define CARREL_PROBE_H

#include <stdint.h>

#include <uv.h>

#include <carrel/error.h>

struct probe;

#define PROBE_TRY_MS 2500  /* for one try, from connect to confirm */
#define PROBE_PAUSE_MS 300 /* between tries */

/* TRIES 0: until probe_close(). result(0) once it was answered, result(CE_UNREACHABLE) after the last try;
 * the owner closes the probe, in the callback or later. */
int probe_open(struct probe **ret, uv_loop_t *loop, const char *address, uint16_t port, unsigned tries,
               void (*result)(void *arg, int rc), void *arg) MUST_CHECK;
void probe_close(struct probe **probe);

/* Why the last try was not answered, in words; "" before that. */
const char *probe_why(const struct probe *probe);

#endif
