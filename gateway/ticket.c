#include "ticket.h"

#include <ctype.h>
#include <string.h>

#include "http_client.h"
#include "policy_json.h"

/* Copies the string member KEY; a missing one is empty where OPTIONAL. */
static int text_read(const json_t *object, const char *key, bool optional, char *ret, size_t size,
                     struct error *err)
{
    const json_t *value = json_object_get(object, key);
    const char *text = json_string_value(value);
    if (!text) {
        if (!optional || (value && !json_is_null(value)))
            return error_set(err, CE_BAD_INPUT, "the broker's ticket has no '%s'", key);
        text = "";
    }
    if (strlen(text) >= size)
        return error_set(err, CE_BAD_INPUT, "the ticket's '%s' is too long", key);
    strcpy(ret, text);
    return 0;
}

static int credentials_read(const json_t *connect, struct ticket *ticket, struct error *err)
{
    const char *mode = json_string_value(json_object_get(connect, "credentials"));
    if (mode && !strcmp(mode, "user")) {
        ticket->connect.credentials = TICKET_USER;
        return 0;
    }
    if (mode && !strcmp(mode, "prompt")) {
        ticket->connect.credentials = TICKET_PROMPT;
        return 0;
    }
    if (!mode || strcmp(mode, "carrel") != 0)
        return error_set(err, CE_BAD_INPUT, "the ticket's 'credentials' is not understood");
    ticket->connect.credentials = TICKET_CARREL;
    int rc = text_read(connect, "user", false, ticket->connect.user, sizeof ticket->connect.user, err);
    if (!rc)
        rc = text_read(connect, "domain", true, ticket->connect.domain, sizeof ticket->connect.domain, err);
    if (rc)
        return rc;
    const json_t *password = json_object_get(connect, "password");
    if (!json_is_string(password) ||
        secret_set(&ticket->connect.password, json_string_value(password), json_string_length(password)))
        return error_set(err, CE_BAD_INPUT, "the ticket has no usable password of the guest");
    return 0;
}

static int fingerprint_check(char *hex)
{
    size_t len = strlen(hex);
    if (len != 0 && len != TLS_FINGERPRINT_SIZE - 1)
        return CE_BAD_INPUT;
    for (; *hex; hex++) {
        if (!isxdigit((unsigned char)*hex))
            return CE_BAD_INPUT;
        *hex = (char)tolower((unsigned char)*hex);
    }
    return 0;
}

/* A key that is not known here may deny something: such a ticket is not used. */
static int policy_read(const json_t *connect, struct ticket *ticket, struct error *err)
{
    json_t *policy = json_object_get(connect, "policy");
    struct error why;
    if (!policy || !policy_from_json(policy, &ticket->connect.policy, &why))
        return 0;
    return error_set(err, CE_BAD_INPUT, "the ticket's policy is not understood: %s", why.text);
}

/* A broker of before has none: as the guest chooses. */
static int security_read(const json_t *connect, struct ticket *ticket, struct error *err)
{
    const json_t *security = json_object_get(connect, "security");
    const char *name = security ? json_string_value(security) : "auto";
    if (name && !strcmp(name, "auto"))
        ticket->connect.security = TICKET_SECURITY_AUTO;
    else if (name && !strcmp(name, "tls"))
        ticket->connect.security = TICKET_SECURITY_TLS;
    else if (name && !strcmp(name, "nla"))
        ticket->connect.security = TICKET_SECURITY_NLA;
    else
        return error_set(err, CE_BAD_INPUT, "the ticket's 'security' is not understood");
    return 0;
}

static int connect_read(const json_t *connect, struct ticket *ticket, struct error *err)
{
    if (!json_is_object(connect))
        return error_set(err, CE_BAD_INPUT, "the ticket is ready and has no 'connect'");
    int rc =
        text_read(connect, "desktop", true, ticket->connect.desktop, sizeof ticket->connect.desktop, err);
    if (!rc)
        rc = text_read(connect, "address", false, ticket->connect.address, sizeof ticket->connect.address,
                       err);
    if (!rc)
        rc = text_read(connect, "fingerprint", true, ticket->connect.fingerprint,
                       sizeof ticket->connect.fingerprint, err);
    if (rc)
        return rc;
    if (fingerprint_check(ticket->connect.fingerprint))
        return error_set(err, CE_BAD_INPUT, "the ticket's 'fingerprint' is no SHA-256 in hex");
    json_int_t port = json_integer_value(json_object_get(connect, "port"));
    if (port < 1 || port > UINT16_MAX)
        return error_set(err, CE_BAD_INPUT, "the ticket's 'port' is no TCP port");
    ticket->connect.port = (uint16_t)port;
    rc = security_read(connect, ticket, err);
    if (!rc)
        rc = policy_read(connect, ticket, err);
    return rc ? rc : credentials_read(connect, ticket, err);
}

static int delegated_read(const json_t *delegated, struct ticket *ticket, struct error *err)
{
    const json_t *password = json_object_get(delegated, "password");
    int rc = text_read(delegated, "user", false, ticket->delegated.user, sizeof ticket->delegated.user, err);
    if (!rc)
        rc = text_read(delegated, "domain", true, ticket->delegated.domain, sizeof ticket->delegated.domain,
                       err);
    if (rc)
        return rc;
    if (!json_is_string(password) ||
        secret_set(&ticket->delegated.password, json_string_value(password), json_string_length(password)))
        return error_set(err, CE_BAD_INPUT, "the ticket has no usable password of the user");
    ticket->has_delegated = true;
    return 0;
}

static unsigned number_read(const json_t *body, const char *key)
{
    json_int_t n = json_integer_value(json_object_get(body, key));
    return n > 0 && n < 1000000 ? (unsigned)n : 0;
}

int ticket_parse(const json_t *body, struct ticket *ret_ticket, struct error *err)
{
    struct ticket ticket = {0};
    int rc = text_read(body, "session", false, ticket.session, sizeof ticket.session, err);
    if (rc)
        return rc;
    const json_t *connection = json_object_get(body, "connection");
    if (!json_is_integer(connection) || !ticket.session[0])
        return error_set(err, CE_BAD_INPUT, "the broker's ticket has no session and connection");
    ticket.connection = json_integer_value(connection);
    ticket.percent = number_read(body, "percent");
    ticket.place = number_read(body, "place");
    ticket.host_away = json_is_true(json_object_get(body, "host_away"));
    const json_t *delegated = json_object_get(body, "delegated");
    if (delegated)
        rc = delegated_read(delegated, &ticket, err);
    const char *state = json_string_value(json_object_get(body, "state"));
    if (!rc && state && !strcmp(state, "ready")) {
        ticket.ready = true;
        rc = connect_read(json_object_get(body, "connect"), &ticket, err);
    } else if (!rc && (!state || strcmp(state, "waiting") != 0)) {
        rc = error_set(err, CE_BAD_INPUT, "the ticket's 'state' is not understood");
    }
    if (!rc)
        *ret_ticket = ticket;
    ticket_wipe(&ticket);
    return rc;
}

void ticket_wipe(struct ticket *ticket)
{
    secret_wipe(&ticket->connect.password);
    secret_wipe(&ticket->delegated.password);
}

/* A code that this gateway does not know, or a refusal that is about the gateway itself (forbidden,
 * bad-request), is no answer about the user. */
enum fail ticket_refusal(const struct http_answer *answer, struct error *err)
{
    if (answer->status < 0) {
        error_set(err, answer->status, "the broker does not answer: %s",
                  answer->error ? answer->error : "no reason");
        return FAIL_BROKER_UNREACHABLE;
    }
    const char *code = json_string_value(json_object_get(answer->body, "code"));
    const char *detail = json_string_value(json_object_get(answer->body, "detail"));
    error_set(err, CE_REFUSED, "broker %d %s: %s", answer->status, code ? code : "without a code",
              detail ? detail : "no detail");
    enum fail fail = fail_parse(code);
    if (fail != FAIL_INTERNAL && fail != FAIL_NONE)
        return fail;
    if (answer->status == 410)
        return FAIL_SESSION_ENDED;
    if (answer->status == 409)
        return FAIL_TAKEN_OVER;
    return answer->status >= 500 ? FAIL_BROKER_UNREACHABLE : FAIL_INTERNAL;
}

const char *ticket_refusal_words(const char *text, enum fail fail)
{
    const char *at = strstr(text, fail_code(fail));
    size_t len = strlen(fail_code(fail));
    return at && !strncmp(at + len, ": ", 2) && at[len + 2] ? at + len + 2 : fail_sentence(fail);
}
