/* Both sides of CredSSP against each other: the broker's (credssp.c) and the gateway's towards guests
 * (credssp_back.c). What real clients and servers say is shown by the integration tests.
 */
#include "credssp.h"

#include <string.h>

#include "../../../gateway/credssp_back.h"
#include "sspi.h"
#include "suite.h"
#include "tsrequest.h"

#define PASSWORD "correct horse \xc3\xa4"

struct talk {
    struct credssp *server;
    struct credssp_back *client;
    uint8_t to_server[TSREQUEST_MAX_LEN], to_client[TSREQUEST_MAX_LEN];
    struct writer s, c;
    enum credssp_result server_result;
    enum credssp_back_result client_result;
    unsigned asked;
};

static struct secret secret_of(const char *text)
{
    struct secret s = {0};
    CU_ASSERT_EQUAL(secret_set(&s, text, strlen(text)), 0);
    return s;
}

static uint8_t key[270], other_key[270];

static void begin(struct talk *t, const char *password, uint32_t version, const uint8_t *seen_key)
{
    struct secret typed = secret_of(password);
    const struct credssp_back_credentials credentials = {"zo\xc3\xab", "LAB", &typed};
    memset(t, 0, sizeof *t);
    memset(key, 0x30, sizeof key);
    key[0] = 0xff; /* raised by one it becomes 0: the carry goes nowhere */
    memset(other_key, 0x31, sizeof other_key);
    CU_ASSERT_EQUAL_FATAL(sspi_library_init(), 0);
    CU_ASSERT_EQUAL_FATAL(credssp_create(&t->server, key, sizeof key, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(
        credssp_back_create(&t->client, &credentials, "192.0.2.1", seen_key, sizeof key, version), 0);
}

static void end(struct talk *t)
{
    credssp_destroy(&t->server);
    credssp_back_destroy(&t->client);
    CU_ASSERT_PTR_NULL(t->server);
}

static void server_hears(struct talk *t, const struct secret *hash)
{
    t->c = writer_init(t->to_client, sizeof t->to_client);
    t->server_result = credssp_read(t->server, t->to_server, writer_len(&t->s), &t->c);
    if (t->server_result == CREDSSP_ASKS) {
        t->asked++;
        CU_ASSERT_STRING_EQUAL(credssp_name(t->server)->user, "zo\xc3\xab");
        CU_ASSERT_STRING_EQUAL(credssp_name(t->server)->domain, "LAB");
        t->server_result = credssp_verify(t->server, hash, &t->c);
    }
}

/* Until one of them has its end. */
static void run(struct talk *t, const struct secret *hash)
{
    t->s = writer_init(t->to_server, sizeof t->to_server);
    t->client_result = credssp_back_begin(t->client, &t->s);
    for (unsigned i = 0; i < 8; i++) {
        server_hears(t, hash);
        if (t->server_result != CREDSSP_MORE || t->client_result != CREDSSP_BACK_MORE)
            return;
        t->s = writer_init(t->to_server, sizeof t->to_server);
        t->client_result = credssp_back_read(t->client, t->to_client, writer_len(&t->c), &t->s);
        if (t->client_result == CREDSSP_BACK_BAD || t->client_result == CREDSSP_BACK_REFUSED)
            return;
    }
}

static struct secret right_hash(void)
{
    struct secret password = secret_of(PASSWORD), hash = {0};
    CU_ASSERT_EQUAL_FATAL(sspi_library_init(), 0);
    CU_ASSERT_EQUAL(credssp_nt_hash(&password, &hash), 0);
    return hash;
}

static void the_right_password_is_proven_in_every_version(void)
{
    struct secret hash = right_hash();
    for (uint32_t version = TSREQUEST_VERSION_MIN; version <= TSREQUEST_VERSION; version++) {
        struct talk t;
        begin(&t, PASSWORD, version, key);
        run(&t, &hash);
        CU_ASSERT_EQUAL(t.server_result, CREDSSP_DONE);
        CU_ASSERT_EQUAL(t.client_result, CREDSSP_BACK_DONE);
        CU_ASSERT_EQUAL(t.asked, 1);
        CU_ASSERT_TRUE(credssp_is_proven(t.server));
        const struct credssp_delegated *d = credssp_delegated(t.server);
        CU_ASSERT_STRING_EQUAL(d->user, "zo\xc3\xab");
        CU_ASSERT_STRING_EQUAL(d->domain, "LAB");
        CU_ASSERT_STRING_EQUAL(d->password.bytes, PASSWORD);
        CU_ASSERT_EQUAL(d->password.len, strlen(PASSWORD));
        end(&t);
    }
}

static void a_wrong_password_is_denied_and_told_where_the_version_knows_how(void)
{
    static const bool told[] = {[2] = false, [3] = true, [4] = true, [5] = false, [6] = true};
    struct secret hash = right_hash();
    for (uint32_t version = TSREQUEST_VERSION_MIN; version <= TSREQUEST_VERSION; version++) {
        struct talk t;
        begin(&t, "wrong", version, key);
        run(&t, &hash);
        CU_ASSERT_EQUAL(t.server_result, CREDSSP_DENIED);
        CU_ASSERT_FALSE(credssp_is_proven(t.server));
        t.c = writer_init(t.to_client, sizeof t.to_client);
        credssp_write_error(t.server, CREDSSP_LOGON_FAILURE, &t.c);
        CU_ASSERT_EQUAL(writer_len(&t.c) > 0, told[version]);
        if (told[version]) {
            CU_ASSERT_EQUAL(credssp_back_read(t.client, t.to_client, writer_len(&t.c), &t.s),
                            CREDSSP_BACK_REFUSED);
            CU_ASSERT_EQUAL(credssp_back_status(t.client), 0xc000006d);
        }
        end(&t);
    }
}

static void without_a_hash_no_password_is_right(void)
{
    static const struct secret none;
    struct talk t;
    begin(&t, "", TSREQUEST_VERSION, key);
    run(&t, &none);
    CU_ASSERT_EQUAL(t.server_result, CREDSSP_DENIED);
    end(&t);
}

static void somebody_in_the_middle_is_found_by_the_key(void)
{
    struct secret hash = right_hash();
    for (uint32_t version = TSREQUEST_VERSION_MIN; version <= TSREQUEST_VERSION; version++) {
        struct talk t;
        begin(&t, PASSWORD, version, other_key);
        run(&t, &hash);
        CU_ASSERT_EQUAL(t.server_result, CREDSSP_BAD);
        CU_ASSERT_STRING_EQUAL(credssp_delegated(t.server)->password.bytes, "");
        end(&t);
    }
}

/* The server knows the password and not the key of the certificate that the client sees. */
static void credentials_are_not_given_to_a_server_with_another_key(void)
{
    struct secret hash = right_hash();
    struct talk t;
    begin(&t, PASSWORD, 2, key);
    t.s = writer_init(t.to_server, sizeof t.to_server);
    CU_ASSERT_EQUAL(credssp_back_begin(t.client, &t.s), CREDSSP_BACK_MORE);
    for (unsigned i = 0; i < 2; i++) {
        server_hears(&t, &hash);
        CU_ASSERT_EQUAL(t.server_result, CREDSSP_MORE);
        if (i == 1)
            t.to_client[writer_len(&t.c) - 1] ^= 1; /* in the sealed key */
        t.s = writer_init(t.to_server, sizeof t.to_server);
        t.client_result = credssp_back_read(t.client, t.to_client, writer_len(&t.c), &t.s);
    }
    CU_ASSERT_EQUAL(t.client_result, CREDSSP_BACK_BAD);
    CU_ASSERT_EQUAL(writer_len(&t.s), 0);
    end(&t);
}

static void a_message_that_was_changed_is_denied(void)
{
    struct secret hash = right_hash();
    struct talk t;
    begin(&t, PASSWORD, TSREQUEST_VERSION, key);
    t.s = writer_init(t.to_server, sizeof t.to_server);
    CU_ASSERT_EQUAL(credssp_back_begin(t.client, &t.s), CREDSSP_BACK_MORE);
    server_hears(&t, &hash);
    t.s = writer_init(t.to_server, sizeof t.to_server);
    CU_ASSERT_EQUAL(credssp_back_read(t.client, t.to_client, writer_len(&t.c), &t.s), CREDSSP_BACK_MORE);
    struct tsrequest r;
    CU_ASSERT_EQUAL_FATAL(tsrequest_parse(t.to_server, writer_len(&t.s), &r), 0);
    t.to_server[(size_t)(r.pub_key_auth.bytes - t.to_server) + r.pub_key_auth.len - 1] ^= 1;
    server_hears(&t, &hash);
    CU_ASSERT_EQUAL(t.server_result, CREDSSP_DENIED);
    end(&t);
}

static void nothing_is_heard_after_the_end(void)
{
    struct secret hash = right_hash();
    struct talk t;
    begin(&t, PASSWORD, TSREQUEST_VERSION, key);
    run(&t, &hash);
    CU_ASSERT_EQUAL(credssp_read(t.server, t.to_server, writer_len(&t.s), &t.c), CREDSSP_BAD);
    CU_ASSERT_EQUAL(credssp_verify(t.server, &hash, &t.c), CREDSSP_BAD);
    CU_ASSERT_EQUAL(credssp_back_read(t.client, t.to_client, writer_len(&t.c), &t.s), CREDSSP_BACK_BAD);
    end(&t);
}

static void garbage_and_credentials_before_the_proof_are_refused(void)
{
    static const uint8_t early[] = {0x30, 0x0a, 0xa0, 0x03, 0x02, 0x01, 0x06, 0xa2, 0x03, 0x04, 0x01, 'x'},
                         old[] = {0x30, 0x05, 0xa0, 0x03, 0x02, 0x01, 0x01};
    struct talk t;
    begin(&t, PASSWORD, TSREQUEST_VERSION, key);
    t.c = writer_init(t.to_client, sizeof t.to_client);
    CU_ASSERT_EQUAL(credssp_read(t.server, early, sizeof early, &t.c), CREDSSP_BAD);
    end(&t);
    begin(&t, PASSWORD, TSREQUEST_VERSION, key);
    CU_ASSERT_EQUAL(credssp_read(t.server, old, sizeof old, &t.c), CREDSSP_BAD);
    CU_ASSERT_EQUAL(credssp_read(t.server, (const uint8_t *)"x", 1, &t.c), CREDSSP_BAD);
    end(&t);
}

static void the_nt_hash_is_the_one_of_the_specification(void)
{
    struct secret password = secret_of("Password"), hash = {0}; /* MS-NLMP 4.2.2.1.2 */
    CU_ASSERT_EQUAL_FATAL(sspi_library_init(), 0);
    CU_ASSERT_EQUAL(credssp_nt_hash(&password, &hash), 0);
    CU_ASSERT_STRING_EQUAL(hash.bytes, "a4f49c406510bdcab6824ee7c30fd852");
    password = secret_of("\xff");
    CU_ASSERT_EQUAL(credssp_nt_hash(&password, &hash), CE_BAD_INPUT);
}

SUITE("credssp", TEST(the_right_password_is_proven_in_every_version),
      TEST(a_wrong_password_is_denied_and_told_where_the_version_knows_how),
      TEST(without_a_hash_no_password_is_right), TEST(somebody_in_the_middle_is_found_by_the_key),
      TEST(credentials_are_not_given_to_a_server_with_another_key),
      TEST(a_message_that_was_changed_is_denied), TEST(nothing_is_heard_after_the_end),
      TEST(garbage_and_credentials_before_the_proof_are_refused),
      TEST(the_nt_hash_is_the_one_of_the_specification))
