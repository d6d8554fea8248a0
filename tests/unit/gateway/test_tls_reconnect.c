#include "tls_reconnect.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "suite.h"

static void the_verifier_is_the_clients_hmac_of_no_random(void)
{
    static const uint8_t nothing[32];
    uint8_t random[RECONNECT_RANDOM_LEN], verifier[EVP_MAX_MD_SIZE];
    char wanted[2 * RECONNECT_VERIFIER_LEN + 1];
    struct secret got = {0};
    unsigned len;
    CU_ASSERT_EQUAL_FATAL(tls_reconnect_make(random, &got), 0);
    HMAC(EVP_md5(), random, sizeof random, nothing, sizeof nothing, verifier, &len);
    reconnect_verifier_print(verifier, wanted);
    CU_ASSERT_STRING_EQUAL(got.bytes, wanted);
}

static void no_two_cookies_are_alike(void)
{
    uint8_t first[RECONNECT_RANDOM_LEN], second[RECONNECT_RANDOM_LEN];
    struct secret a = {0}, b = {0};
    CU_ASSERT_EQUAL_FATAL(tls_reconnect_make(first, &a), 0);
    CU_ASSERT_EQUAL_FATAL(tls_reconnect_make(second, &b), 0);
    CU_ASSERT_NOT_EQUAL(memcmp(first, second, sizeof first), 0);
    CU_ASSERT_STRING_NOT_EQUAL(a.bytes, b.bytes);
}

SUITE("tls_reconnect", TEST(the_verifier_is_the_clients_hmac_of_no_random), TEST(no_two_cookies_are_alike))
