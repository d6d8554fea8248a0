/* Which new passwords are accepted, and when one has to be changed. Pure.
 */
#ifndef CARREL_BROKER_PASSWORD_RULE_H
#define CARREL_BROKER_PASSWORD_RULE_H

#include <stdbool.h>
#include <stddef.h>

#include <carrel/rows.h>

#include "secret.h"

#define PASSWORD_RULE_TEXT_SIZE 120
/* What login_task says with CE_EXISTS. */
#define PASSWORD_RULE_SAME "The new password is the same as the present one."

/* False when PASSWORD may become that of user NAME; else TEXT says in a sentence why not. MIN_LENGTH 0: any will do. */
bool password_rule_refuses(const struct secret *password, const char *name, uint64_t min_length,
                           char text[PASSWORD_RULE_TEXT_SIZE]);

/* MAX_AGE_MS 0: only when an administrator said so. */
bool password_is_expired(const struct user_row *user, uint64_t max_age_ms, int64_t now_ms);

#endif
