/* The secrets of users' one-time codes as the store has them: sealed with the store's key for one user. In store
 * jobs.
 */
#ifndef CARREL_BROKER_OTP_H
#define CARREL_BROKER_OTP_H

#include <carrel/store.h>

#include "totp.h"

/* broker.otp */
enum otp_mode {
    OTP_OFF,      /* nobody is asked */
    OTP_OPTIONAL, /* who has a secret is asked */
    OTP_REQUIRED, /* who has none is refused */
};
enum otp_mode otp_mode_parse(const char *word);

/* A fresh secret, which is told this once. CE_EXISTS: the user has one. */
int otp_enable(struct db *db, const struct secret_key *key, const char *user_id,
               char ret_base32[TOTP_BASE32_SIZE]) MUST_CHECK;

/* CE_REFUSED: the code is wrong, or it or a later one was taken before; CE_NOT_FOUND: the user has no secret. */
int otp_take(struct db *db, const struct secret_key *key, const char *user_id, const char *code) MUST_CHECK;

#endif
