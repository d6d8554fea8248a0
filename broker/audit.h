/* The audit trail: one event per decision, written in the store job that makes it, so that either both are
 * kept or neither. Whole sentences; never a secret. Store thread only.
 */
#ifndef CARREL_BROKER_AUDIT_H
#define CARREL_BROKER_AUDIT_H

#include <carrel/store.h>

#include "api_request.h"

/* What an administrator did to OBJECT, as kind "admin.KIND"; the sentence gets "by the system user with uid
 * N" behind it. */
int audit_admin(struct db *db, const struct request *r, const char *kind, const char *object, const char *fmt,
                ...) MUST_CHECK PRINTF_LIKE(5, 6);

/* About a session. */
int audit_session(struct db *db, const struct session_row *session, const char *kind, const char *fmt,
                  ...) MUST_CHECK PRINTF_LIKE(4, 5);

/* About a user who has no session: POOL may be "". */
int audit_user(struct db *db, const char *user, const char *pool, const char *kind, const char *fmt,
               ...) MUST_CHECK PRINTF_LIKE(5, 6);

#endif
