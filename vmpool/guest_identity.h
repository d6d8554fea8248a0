/* What makes an instant clone a desktop of its own before anybody can use it. All that is random is made on the host.
 *
 * Two ways lead there. A golden guest whose template has the port GUEST_IDENTITY_PORT is frozen with a shell that waits
 * on it; in a clone it says "ready", is given lines, and answers "done TURN", or "failed STATUS" behind the words that
 * say why. Otherwise, and when that one does not answer, the guest's agent runs a script: it goes to the shell's standard
 * input, so that it stands in no process list. Parts that a log-in needs come first. Pure; any thread.
 *
 * Also the script that brings a golden guest to rest before it is frozen.
 */
#ifndef VMPOOL_GUEST_IDENTITY_H
#define VMPOOL_GUEST_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <carrel/error.h>

#include "secret.h"
#include "tls_identity.h"

#define GUEST_SCRIPT_MAX 12288
#define GUEST_IDENTITY_PORT "org.carrel.identity.0"
#define GUEST_FREEZE_HOOK "/usr/lib/carrel/freeze"

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

/* What the shell that waits is told, to be wiped likewise. CE_BAD_INPUT for names that are no single line. */
int guest_identity_lines(const struct guest_identity *identity, char ret[GUEST_SCRIPT_MAX],
                         struct error *err) MUST_CHECK;

enum guest_heard {
    GUEST_HEARD_NOTHING, /* no whole line yet */
    GUEST_HEARD_READY,   /* it waits for its lines, or is at it */
    GUEST_HEARD_DONE,
    GUEST_HEARD_FAILED,
    GUEST_HEARD_OTHER, /* the rest of a talk with somebody else: only the agent can help */
};

/* What the port's bytes so far mean; with GUEST_HEARD_FAILED the guest's own words. */
enum guest_heard guest_identity_heard(const char *text, char *ret_words, size_t size);

/* Before freezing: waits for the boot to end and for quiet; WARM_USER, when not empty, gets a session first, and
 * the image's GUEST_FREEZE_HOOK, where there is one, is run with it open. WAITS: with a shell that waits for an identity. */
int guest_golden_script(const char *warm_user, bool waits, char ret[GUEST_SCRIPT_MAX],
                        struct error *err) MUST_CHECK;

#endif
