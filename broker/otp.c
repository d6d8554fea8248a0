#include "otp.h"

#include <stdio.h>
#include <string.h>

enum { CONTEXT_SIZE = ID_SIZE + 4 };

enum otp_mode otp_mode_parse(const char *word)
{
    return !strcmp(word, "off") ? OTP_OFF : !strcmp(word, "required") ? OTP_REQUIRED : OTP_OPTIONAL;
}

static void context_make(const char *user_id, char ret[CONTEXT_SIZE])
{
    snprintf(ret, CONTEXT_SIZE, "otp:%s", user_id);
}

int otp_enable(struct db *db, const struct secret_key *key, const char *user_id,
               char ret_base32[TOTP_BASE32_SIZE])
{
    struct secret secret CLEANUP_SECRET = {0};
    uint8_t sealed[SECRET_SEALED_MAX];
    char context[CONTEXT_SIZE];
    size_t len;
    context_make(user_id, context);
    totp_make(&secret);
    int rc = secret_seal(key, context, &secret, sealed, &len);
    if (!rc)
        rc = store_otp_insert(db, user_id, sealed, len);
    return rc ? rc : totp_base32(&secret, ret_base32);
}

int otp_take(struct db *db, const struct secret_key *key, const char *user_id, const char *code)
{
    struct secret secret CLEANUP_SECRET = {0};
    uint8_t sealed[SECRET_SEALED_MAX];
    char context[CONTEXT_SIZE];
    size_t len = 0;
    int64_t last_step, step;
    context_make(user_id, context);
    int rc = store_otp_get(db, user_id, sealed, sizeof sealed, &len, &last_step);
    if (!rc)
        rc = secret_open(key, context, sealed, len, &secret);
    if (!rc)
        rc = totp_check(&secret, code, store_now_ms() / 1000, &step);
    if (!rc)
        rc = store_otp_use(db, user_id, step);
    return rc == CE_CONFLICT ? CE_REFUSED : rc;
}
