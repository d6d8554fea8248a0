#include "login_attempt.h"

#include <stdio.h>
#include <string.h>

#include "audit.h"
#include "log.h"

static void read_client(struct login_attempt *attempt, struct api_reader *reader)
{
    const json_t *object;
    struct api_reader client;
    if (!api_reader_object(reader, "client", API_REQUIRED, &object))
        return;
    api_reader_init(&client, object, "client.");
    api_reader_text(&client, "address", API_OPTIONAL, attempt->address, sizeof attempt->address);
    api_reader_text(&client, "name", API_OPTIONAL, attempt->client_name, sizeof attempt->client_name);
    if (api_reader_has(&client, "build") && json_is_integer(json_object_get(object, "build"))) {
        uint64_t build;
        api_reader_u64(&client, "build", API_OPTIONAL, 0, UINT32_MAX, &build);
    } else {
        api_reader_text(&client, "build", API_OPTIONAL, attempt->client_build, sizeof attempt->client_build);
    }
    if (api_reader_finish(&client))
        api_reader_refuse(reader, "%s", client.err.text);
}

void login_attempt_read(struct login_attempt *attempt, struct api_reader *reader, const struct config *config)
{
    attempt->tries = (uint32_t)config->broker_login_tries;
    attempt->pause_ms = config->broker_login_pause_ms;
    attempt->pause_max_ms = config->broker_login_pause_max_ms;
    if (api_reader_text(reader, "gateway", API_REQUIRED, attempt->gateway, sizeof attempt->gateway) &&
        !name_is_valid(attempt->gateway))
        api_reader_refuse(reader, "The member \"gateway\" must be a gateway's name.");
    read_client(attempt, reader);
    snprintf(attempt->address_subject, sizeof attempt->address_subject, "address:%s", attempt->address);
}

void login_attempt_set_name(struct login_attempt *attempt, const char *typed)
{
    attempt->name_is_valid = strlen(typed) < sizeof attempt->name && user_name_is_valid(typed);
    snprintf(attempt->name, sizeof attempt->name, "%.*s", (int)sizeof attempt->name - 1, typed);
    snprintf(attempt->user_subject, sizeof attempt->user_subject, "user:%s", login_attempt_key(attempt));
}

const char *login_attempt_key(const struct login_attempt *attempt)
{
    return attempt->name_is_valid ? attempt->name : "-";
}

static int64_t seconds_left(int64_t user_until_ms, int64_t address_until_ms)
{
    int64_t left_ms = (user_until_ms > address_until_ms ? user_until_ms : address_until_ms) - store_now_ms();
    return left_ms > 0 ? (left_ms + 999) / 1000 : 0;
}

int login_attempt_pause_s(struct db *db, const struct login_attempt *attempt, int64_t *ret_left_s)
{
    int64_t user_ms = 0, address_ms = 0;
    int rc = store_login_pause_until(db, attempt->user_subject, &user_ms);
    if (!rc && attempt->address[0])
        rc = store_login_pause_until(db, attempt->address_subject, &address_ms);
    if (!rc)
        *ret_left_s = seconds_left(user_ms, address_ms);
    return rc;
}

int login_attempt_refused(struct db *db, const struct login_attempt *attempt, enum fail fail)
{
    /* What is nobody's name is not written down: people type passwords there. */
    const char *who = attempt->user_id[0] ? attempt->name : "an unknown user";
    const char *colon = attempt->why[0] ? ": " : "";
    log_info("A log-in of %s was refused: %s%s%s. address=%s pool=%s gateway=%s", who, fail_code(fail), colon,
             attempt->why, attempt->address, attempt->pool, attempt->gateway);
    if (fail == FAIL_TOO_MANY_TRIES)
        return 0;
    return audit_user(db, attempt->user_id[0] ? attempt->name : "", attempt->pool, "login.refused",
                      "The log-in of %s from %s was refused (%s%s%s).", who,
                      attempt->address[0] ? attempt->address : "an unknown address", fail_code(fail), colon,
                      attempt->why);
}

int login_attempt_failed(struct db *db, const struct login_attempt *attempt, enum fail fail,
                         int64_t *ret_left_s)
{
    int64_t user_ms = 0, address_ms = 0;
    int rc = store_login_failed(db, attempt->user_subject, attempt->tries, attempt->pause_ms,
                                attempt->pause_max_ms, &user_ms);
    if (!rc && attempt->address[0])
        rc = store_login_failed(db, attempt->address_subject, attempt->tries, attempt->pause_ms,
                                attempt->pause_max_ms, &address_ms);
    if (!rc)
        rc = login_attempt_refused(db, attempt, fail);
    if (!rc)
        *ret_left_s = seconds_left(user_ms, address_ms);
    return rc;
}
