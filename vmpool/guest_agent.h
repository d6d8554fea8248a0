/* What vmpool asks of the QEMU guest agent, over libvirt. On a host's threads only; each command is bounded by
 * AGENT_TIMEOUT_S, but for passwords. The guest is not trusted: answers are bounded and checked.
 */
#ifndef VMPOOL_GUEST_AGENT_H
#define VMPOOL_GUEST_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include <carrel/error.h>

#include "secret.h"
#include "tls_fingerprint.h"
#include "virt_domain.h"

#define AGENT_TIMEOUT_S 5           /* for one command; then the agent counts as away (CE_UNREACHABLE) */
#define AGENT_PASSWORD_TIMEOUT_S 30 /* chpasswd has ended then, although the guest is busy with its boot */
#define AGENT_EXEC_TIMEOUT_MS 8000  /* for a program that is run in the guest */
#define AGENT_FILE_MAX 65536        /* bytes of a guest's file that are read */

int guest_agent_ping(struct virt_conn *conn, const struct guest_key *key, struct error *err) MUST_CHECK;

/* Takes up to AGENT_PASSWORD_TIMEOUT_S: not for the thread that the host's other desktops wait for. */
int guest_agent_set_password(struct virt_conn *conn, const struct guest_key *key, const char *user,
                             const struct secret *password, struct error *err) MUST_CHECK;

/* Of xrdp's certificate. CE_NOT_FOUND where the guest has none at the known place (Windows). */
int guest_agent_fingerprint(struct virt_conn *conn, const struct guest_key *key, char ret[FINGERPRINT_SIZE],
                            struct error *err) MUST_CHECK;

/* Runs a shell script as root, which goes to the shell's standard input. */
int guest_agent_start(struct virt_conn *conn, const struct guest_key *key, const char *script,
                      int64_t *ret_pid, struct error *err) MUST_CHECK;

/* Whether it ended; an end with another status than 0 is CE_IO, with the last words of its standard error. */
int guest_agent_ended(struct virt_conn *conn, const struct guest_key *key, int64_t pid, bool *ret,
                      struct error *err) MUST_CHECK;

/* Whether any user is logged in: the agent's own list, or else loginctl's sessions of ordinary users. */
int guest_agent_has_users(struct virt_conn *conn, const struct guest_key *key, bool *ret,
                          struct error *err) MUST_CHECK;

/* Asks the guest to log USER off ("": everybody) as if they did it themselves, and does not wait for it: the session
 * hook tells of it. WINDOWS: the guest is one; no such guest has been tried. */
int guest_agent_log_off(struct virt_conn *conn, const struct guest_key *key, const char *user, bool windows,
                        struct error *err) MUST_CHECK;

/* Sets the guest's clock to this machine's where they differ by more than a second, as after it was suspended; by how
 * much, in *ret_off_ms, or 0. */
int guest_agent_set_clock(struct virt_conn *conn, const struct guest_key *key, int64_t *ret_off_ms,
                          struct error *err) MUST_CHECK;

/* Runs a shell script in a Linux guest with WORDS (ended by NULL) as its arguments; *ret is its output, freed by the caller.
 * It has AGENT_EXEC_TIMEOUT_MS. CE_IO: it failed. */
int guest_agent_sh(struct virt_conn *conn, const struct guest_key *key, const char *script,
                   const char *const *words, char **ret, struct error *err) MUST_CHECK;

/* Whether a line of `loginctl list-sessions --no-legend` is a session of an ordinary user. Pure. */
bool guest_agent_line_is_session(const char *line);

#endif
