/* The end of a session that its user did not choose: the client is told and closed, and where the desktop is a guest
 * that somebody used, the guest is asked to log its user off. The session then ends when the guest's hook says so, or
 * when broker.logoff_wait is over, whatever the guest does. Store thread only.
 */
#ifndef CARREL_BROKER_LOGOFF_H
#define CARREL_BROKER_LOGOFF_H

#include <stdbool.h>
#include <stdint.h>

#include <carrel/store.h>

/* SESSION lives. *RET_ENDED: it has ended; else its guest is asked. */
int logoff_begin(struct db *db, const struct session_row *session, enum fail code, const char *detail,
                 uint64_t wait_ms, bool *ret_ended) MUST_CHECK;

#endif
