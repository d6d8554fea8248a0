/* Who tries to log in, and what failed tries cost: pauses of the user and of the address, the audit trail. The
 * same for a typed password (login.c) and for a proof by CredSSP (nla.c). Filled on the loop's thread, used in
 * store jobs.
 */
#ifndef CARREL_BROKER_LOGIN_ATTEMPT_H
#define CARREL_BROKER_LOGIN_ATTEMPT_H

#include <carrel/fail.h>
#include <carrel/store.h>

#include "api_json.h"
#include "config.h"

struct login_attempt {
    char name[NAME_SIZE]; /* as typed; may be nobody's */
    bool name_is_valid;
    char user_id[ID_SIZE]; /* "": unknown */
    char pool[NAME_SIZE];  /* "": any */
    char gateway[NAME_SIZE];
    char boot_id[ID_SIZE]; /* of a log-in: the gateway's process; "": it did not say */
    char address[ADDRESS_SIZE], client_name[64];
    char client_build[64];
    char why[200]; /* of a refusal, behind its code; "": the code says it */
    char user_subject[NAME_SIZE + 16], address_subject[ADDRESS_SIZE + 16];
    uint32_t tries;
    uint64_t pause_ms, pause_max_ms;
};

/* Reads "gateway" and "client" of a body, and the limits. */
void login_attempt_read(struct login_attempt *attempt, struct api_reader *reader,
                        const struct config *config);

/* What a person typed is not refused for its form: it is nobody's name then, which takes its time. */
void login_attempt_set_name(struct login_attempt *attempt, const char *typed);

/* The name to ask the store for: "-", which nobody has, where it is no name. */
const char *login_attempt_key(const struct login_attempt *attempt);

/* How long the user or the address has to wait; 0: not at all. */
int login_attempt_pause_s(struct db *db, const struct login_attempt *attempt, int64_t *ret_left_s) MUST_CHECK;

/* Logs, and writes the event unless there could be a flood of them. */
int login_attempt_refused(struct db *db, const struct login_attempt *attempt, enum fail fail) MUST_CHECK;

/* A wrong password, or another proof that was wrong: counts for user and address, and is refused as above.
 * RET_LEFT_S: the pause that it cost. */
int login_attempt_failed(struct db *db, const struct login_attempt *attempt, enum fail fail,
                         int64_t *ret_left_s) MUST_CHECK;

#endif
