#include <stdio.h>

#include "api_handlers.h"
#include "api_problem.h"
#include "audit.h"
#include "otp.h"

/* What an authenticator reads from a QR code (Key URI Format): names of users need no escaping there. */
static json_t *secret_json(const struct user_row *user, const char *base32)
{
    char uri[2 * NAME_SIZE + 2 * TOTP_BASE32_SIZE + 100];
    snprintf(uri, sizeof uri,
             "otpauth://totp/Carrel:%s?secret=%s&issuer=Carrel&algorithm=SHA1&digits=%d&period=%d",
             user->name, base32, TOTP_DIGITS, TOTP_STEP_S);
    json_t *json = json_pack("{s:s, s:s, s:s}", "user", user->name, "secret", base32, "uri", uri);
    secret_wipe_bytes(uri, sizeof uri);
    return json;
}

static int get_user(struct db *db, struct request *r, struct user_row *ret)
{
    int rc = store_user_get(db, r->params[0], ret);
    return rc ? problem_set_rc(r, db, rc, "There is no user \"%s\".", r->params[0]) : 0;
}

static int enable_job(struct db *db, struct request *r)
{
    struct user_row user;
    char base32[TOTP_BASE32_SIZE];
    int rc = get_user(db, r, &user);
    if (rc)
        return rc;
    rc = otp_enable(db, &r->broker->key, user.id, base32);
    if (rc)
        return problem_set_rc(r, db, rc, "User %s has one-time codes already; disable them first.",
                              user.name);
    request_set(r, 201, secret_json(&user, base32));
    secret_wipe_bytes(base32, sizeof base32);
    return audit_admin(db, r, "otp.enabled", user.id, "One-time codes of user %s were set up", user.name);
}

void api_user_otp_enable(struct request *r)
{
    if (otp_mode_parse(r->broker->config.broker_otp) == OTP_OFF)
        problem_answer(r, PROBLEM_CONFLICT, "One-time codes are off here (broker.otp).");
    else
        request_run(r, STORE_WRITE, enable_job, NULL);
}

static int disable_job(struct db *db, struct request *r)
{
    struct user_row user;
    int rc = get_user(db, r, &user);
    if (rc)
        return rc;
    rc = store_otp_delete(db, user.id);
    if (rc)
        return problem_set_rc(r, db, rc, "User %s has no one-time codes.", user.name);
    r->answer.status = 204;
    return audit_admin(db, r, "otp.disabled", user.id, "One-time codes of user %s were removed", user.name);
}

void api_user_otp_disable(struct request *r)
{
    request_run(r, STORE_WRITE, disable_job, NULL);
}
