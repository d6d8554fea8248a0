/* Time-based one-time codes (RFC 6238: SHA-1, six digits, steps of 30 s), which is what authenticator apps do. The
 * only file that calls liboath. Pure; any thread after totp_library_init().
 */
#ifndef CARREL_BROKER_TOTP_H
#define CARREL_BROKER_TOTP_H

#include <stdint.h>

#include <carrel/error.h>

#include "secret.h"

enum {
    TOTP_SECRET_BYTES = 20, /* RFC 4226, requirement 6 */
    TOTP_BASE32_SIZE = 33,
    TOTP_DIGITS = 6,
    TOTP_STEP_S = 30,
    TOTP_WINDOW =
        1, /* steps before and after the present one that count: clocks differ, people type slowly */
};

int totp_library_init(void) MUST_CHECK; /* once, before threads */

void totp_make(struct secret *ret); /* a fresh random secret */
int totp_base32(const struct secret *secret, char ret[TOTP_BASE32_SIZE]) MUST_CHECK;

/* CODE as typed; blanks in it do not count. *ret_step is the step that it belongs to. CE_REFUSED. */
int totp_check(const struct secret *secret, const char *code, int64_t now_s, int64_t *ret_step) MUST_CHECK;

#endif
