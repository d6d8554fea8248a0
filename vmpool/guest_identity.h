/* What makes an instant clone a desktop of its own: the shell script that its guest agent runs before anybody can
 * use it. All that is random is made on the host and written into the script, which goes to the shell's standard
 * input, so that it stands in no process list; parts that a log-in needs come first. Pure; any thread.
 *
 * Also the script that brings a golden guest to rest before it is frozen.
 */
#ifndef VMPOOL_GUEST_IDENTITY_H
#define VMPOOL_GUEST_IDENTITY_H

#include <stdint.h>

#include <carrel/error.h>

#include "secret.h"
#include "tls_identity.h"

#define GUEST_SCRIPT_MAX 12288

/* All texts are borrowed for the call. */
struct guest_identity {
    const char *name;              /* its host name */
    const char *user;              /* empty: no password is set */
    const struct secret *password; /* of that user */
    const struct tls_identity *tls;
    int64_t now_ms; /* CLOCK_REALTIME */
};

/* The script, to be wiped by the caller: it holds the guest's secrets. CE_LIMIT when it would be too long. */
int guest_identity_script(const struct guest_identity *identity, char ret[GUEST_SCRIPT_MAX],
                          struct error *err) MUST_CHECK;

/* Before freezing: waits for the boot to end and for quiet; WARM_USER, when not empty, gets a session first. */
int guest_golden_script(const char *warm_user, char ret[GUEST_SCRIPT_MAX], struct error *err) MUST_CHECK;

#endif
