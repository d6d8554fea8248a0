#include "totp.h"

#include <stdlib.h>
#include <string.h>

#include <liboath/oath.h>

int totp_library_init(void)
{
    return oath_init() == OATH_OK ? 0 : CE_INTERNAL;
}

void totp_make(struct secret *ret)
{
    secret_random_bytes(ret->bytes, TOTP_SECRET_BYTES);
    ret->bytes[TOTP_SECRET_BYTES] = '\0';
    ret->len = TOTP_SECRET_BYTES;
}

int totp_base32(const struct secret *secret, char ret[TOTP_BASE32_SIZE])
{
    char *text = NULL;
    size_t len = 0;
    if (secret->len != TOTP_SECRET_BYTES)
        return CE_BAD_INPUT;
    if (oath_base32_encode(secret->bytes, secret->len, &text, &len) != OATH_OK)
        return CE_NOMEM;
    int rc = len < TOTP_BASE32_SIZE ? 0 : CE_INTERNAL;
    if (!rc)
        memcpy(ret, text, len + 1);
    secret_wipe_bytes(text, len);
    free(text);
    return rc;
}

/* liboath takes as many digits as CODE has; only six are ours. */
static int digits_of(const char *code, char ret[TOTP_DIGITS + 1])
{
    size_t n = 0;
    for (; *code; code++) {
        if (*code == ' ')
            continue;
        if (*code < '0' || *code > '9' || n == TOTP_DIGITS)
            return CE_REFUSED;
        ret[n++] = *code;
    }
    ret[n] = '\0';
    return n == TOTP_DIGITS ? 0 : CE_REFUSED;
}

int totp_check(const struct secret *secret, const char *code, int64_t now_s, int64_t *ret_step)
{
    char digits[TOTP_DIGITS + 1];
    int position;
    uint64_t step;
    if (digits_of(code, digits))
        return CE_REFUSED;
    int rc = oath_totp_validate4(secret->bytes, secret->len, (time_t)now_s, TOTP_STEP_S, 0, TOTP_WINDOW,
                                 &position, &step, 0, digits);
    if (rc < 0)
        return rc == OATH_INVALID_OTP ? CE_REFUSED : CE_INTERNAL;
    *ret_step = (int64_t)step;
    return 0;
}
