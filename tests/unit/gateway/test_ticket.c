#include "ticket.h"

#include <string.h>

#include "http_client.h"
#include "suite.h"

static json_t *ready(void)
{
    return json_pack("{s:s, s:i, s:s, s:i, s:i, s:{s:s, s:s, s:i, s:s, s:s, s:s, s:s}}", "session", "s-1",
                     "connection", 7, "state", "ready", "percent", 100, "place", 0, "connect", "desktop",
                     "demo-1", "address", "127.0.0.1", "port", 42000, "fingerprint",
                     "ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef0123456789", "credentials",
                     "carrel", "user", "desktop", "password", "secret-1");
}

static int parse(json_t *body, struct ticket *ticket)
{
    struct error err;
    int rc = ticket_parse(body, ticket, &err);
    json_decref(body);
    return rc;
}

/* The ready ticket with one member of "connect" changed. */
static int parse_changed(const char *key, json_t *value)
{
    struct ticket ticket;
    json_t *body = ready();
    json_object_set_new(json_object_get(body, "connect"), key, value);
    return parse(body, &ticket);
}

static void reads_a_ready_ticket(void)
{
    struct ticket t;
    CU_ASSERT_EQUAL_FATAL(parse(ready(), &t), 0);
    CU_ASSERT_STRING_EQUAL(t.session, "s-1");
    CU_ASSERT_EQUAL(t.connection, 7);
    CU_ASSERT_TRUE(t.ready);
    CU_ASSERT_STRING_EQUAL(t.connect.address, "127.0.0.1");
    CU_ASSERT_EQUAL(t.connect.port, 42000);
    CU_ASSERT_EQUAL(strncmp(t.connect.fingerprint, "abcdef01", 8), 0);
    CU_ASSERT_STRING_EQUAL(t.connect.password.bytes, "secret-1");
    CU_ASSERT_STRING_EQUAL(t.connect.domain, "");
    ticket_wipe(&t);
    CU_ASSERT_EQUAL(t.connect.password.len, 0);
}

static void reads_a_ticket_that_waits(void)
{
    struct ticket t;
    CU_ASSERT_EQUAL_FATAL(parse(json_pack("{s:s, s:i, s:s, s:i, s:i}", "session", "s-1", "connection", 1,
                                          "state", "waiting", "percent", 40, "place", 3),
                                &t),
                          0);
    CU_ASSERT_FALSE(t.ready);
    CU_ASSERT_EQUAL(t.percent, 40);
    CU_ASSERT_EQUAL(t.place, 3);
}

static void refuses_what_cannot_be_dialled(void)
{
    CU_ASSERT_EQUAL(parse_changed("port", json_integer(0)), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(parse_changed("port", json_integer(65536)), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(parse_changed("port", json_string("42000")), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(parse_changed("address", json_null()), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(parse_changed("fingerprint", json_string("abcd")), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(parse_changed("fingerprint", json_integer(1)), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(parse_changed("fingerprint", json_string("")), 0);
    CU_ASSERT_EQUAL(parse_changed("credentials", json_string("other")), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(parse_changed("password", json_null()), CE_BAD_INPUT);
}

static void needs_no_password_where_the_user_types_it(void)
{
    struct ticket t;
    json_t *body = ready();
    json_object_set_new(json_object_get(body, "connect"), "credentials", json_string("prompt"));
    json_object_del(json_object_get(body, "connect"), "password");
    json_object_del(json_object_get(body, "connect"), "user");
    CU_ASSERT_EQUAL_FATAL(parse(body, &t), 0);
    CU_ASSERT_EQUAL(t.connect.credentials, TICKET_PROMPT);
}

static void reads_how_the_guest_is_spoken_to(void)
{
    static const struct {
        const char *name;
        enum ticket_security security;
    } known[] = {{"auto", TICKET_SECURITY_AUTO}, {"tls", TICKET_SECURITY_TLS}, {"nla", TICKET_SECURITY_NLA}};
    struct ticket t;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        json_t *body = ready();
        json_object_set_new(json_object_get(body, "connect"), "security", json_string(known[i].name));
        CU_ASSERT_EQUAL_FATAL(parse(body, &t), 0);
        CU_ASSERT_EQUAL(t.connect.security, known[i].security);
    }
    CU_ASSERT_EQUAL(parse_changed("security", json_string("rdp")), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(parse_changed("security", json_integer(1)), CE_BAD_INPUT);
}

static void reads_what_the_client_delegated(void)
{
    struct ticket t;
    json_t *body = ready();
    json_object_set_new(body, "delegated",
                        json_pack("{s:s, s:s, s:s}", "user", "alice", "domain", "LAB", "password", "typed"));
    CU_ASSERT_EQUAL_FATAL(parse(body, &t), 0);
    CU_ASSERT_TRUE(t.has_delegated);
    CU_ASSERT_STRING_EQUAL(t.delegated.user, "alice");
    CU_ASSERT_STRING_EQUAL(t.delegated.domain, "LAB");
    CU_ASSERT_STRING_EQUAL(t.delegated.password.bytes, "typed");
    body = ready();
    json_object_set_new(body, "delegated", json_pack("{s:s}", "user", "alice"));
    CU_ASSERT_EQUAL(parse(body, &t), CE_BAD_INPUT);
}

static void refuses_bodies_that_are_no_ticket(void)
{
    struct ticket t;
    CU_ASSERT_EQUAL(parse(json_array(), &t), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(parse(json_object(), &t), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(parse(NULL, &t), CE_BAD_INPUT);
    json_t *body = ready();
    json_object_set_new(body, "state", json_string("perhaps"));
    CU_ASSERT_EQUAL(parse(body, &t), CE_BAD_INPUT);
}

static enum fail refusal(int status, const char *code)
{
    struct error err;
    struct http_answer answer = {.status = status, .body = code ? json_pack("{s:s}", "code", code) : NULL};
    enum fail fail = ticket_refusal(&answer, &err);
    json_decref(answer.body);
    return fail;
}

static void reads_the_policy_and_refuses_one_that_it_does_not_know(void)
{
    struct ticket t;
    json_t *body = ready();
    json_object_set_new(json_object_get(body, "connect"), "policy",
                        json_pack("{s:s}", "clipboard", "to-guest"));
    CU_ASSERT_EQUAL_FATAL(parse(body, &t), 0);
    CU_ASSERT_EQUAL(policy_number(&t.connect.policy, POLICY_CLIPBOARD), POLICY_TO_GUEST);
    ticket_wipe(&t);
    CU_ASSERT_EQUAL(parse_changed("policy", json_pack("{s:s}", "holograms", "off")), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(parse_changed("policy", json_pack("{s:s}", "clipboard", "sideways")), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(parse_changed("policy", json_pack("{s:i}", "clipboard", 1)), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(parse_changed("policy", json_array()), CE_BAD_INPUT);
}

static void a_refusal_keeps_the_brokers_reason(void)
{
    CU_ASSERT_EQUAL(refusal(401, "wrong-password"), FAIL_WRONG_PASSWORD);
    CU_ASSERT_EQUAL(refusal(503, "no-desktop"), FAIL_NO_DESKTOP);
    CU_ASSERT_EQUAL(refusal(CE_UNREACHABLE, NULL), FAIL_BROKER_UNREACHABLE);
    CU_ASSERT_EQUAL(refusal(CE_TIMEOUT, NULL), FAIL_BROKER_UNREACHABLE);
    CU_ASSERT_EQUAL(refusal(500, NULL), FAIL_BROKER_UNREACHABLE);
    CU_ASSERT_EQUAL(refusal(410, "not-found"), FAIL_SESSION_ENDED);
    CU_ASSERT_EQUAL(refusal(403, "forbidden"), FAIL_INTERNAL);
    CU_ASSERT_EQUAL(refusal(200, "none"), FAIL_INTERNAL);
}

SUITE("ticket", TEST(reads_a_ready_ticket), TEST(reads_a_ticket_that_waits),
      TEST(refuses_what_cannot_be_dialled), TEST(needs_no_password_where_the_user_types_it),
      TEST(reads_how_the_guest_is_spoken_to), TEST(reads_what_the_client_delegated),
      TEST(refuses_bodies_that_are_no_ticket), TEST(reads_the_policy_and_refuses_one_that_it_does_not_know),
      TEST(a_refusal_keeps_the_brokers_reason))
