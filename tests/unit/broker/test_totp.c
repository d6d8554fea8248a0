#include "totp.h"

#include <string.h>

#include "suite.h"

/* RFC 6238, appendix B: SHA-1, of whose eight digits the last six are ours. */
static struct secret secret;

static void begin(void)
{
    CU_ASSERT_EQUAL_FATAL(secret_library_init(), 0);
    CU_ASSERT_EQUAL_FATAL(totp_library_init(), 0);
    CU_ASSERT_EQUAL_FATAL(secret_set(&secret, "12345678901234567890", TOTP_SECRET_BYTES), 0);
}

static int64_t step_of(const char *code, int64_t now_s)
{
    int64_t step = -1;
    int rc = totp_check(&secret, code, now_s, &step);
    CU_ASSERT_TRUE(rc == 0 || rc == CE_REFUSED);
    CU_ASSERT_EQUAL(rc == 0, step != -1);
    return step;
}

static void knows_the_codes_of_the_specification(void)
{
    begin();
    CU_ASSERT_EQUAL(step_of("287082", 59), 1);
    CU_ASSERT_EQUAL(step_of("081804", 1111111109), 1111111109 / 30);
    CU_ASSERT_EQUAL(step_of("050471", 1111111111), 1111111111 / 30);
    CU_ASSERT_EQUAL(step_of("005924", 1234567890), 1234567890 / 30);
    CU_ASSERT_EQUAL(step_of("279037", 2000000000), 2000000000 / 30);
    CU_ASSERT_EQUAL(step_of("353130", 20000000000), 20000000000 / 30);
    CU_ASSERT_EQUAL(step_of("287083", 59), -1);
}

static void the_steps_beside_the_present_one_count(void)
{
    begin();
    CU_ASSERT_EQUAL(step_of("287082", 60), 1);
    CU_ASSERT_EQUAL(step_of("287082", 89), 1);
    CU_ASSERT_EQUAL(step_of("287082", 90), -1);
    CU_ASSERT_EQUAL(step_of("287082", 0), 1);
    CU_ASSERT_EQUAL(step_of("081804", 1111111109 / 30 * 30 - 1), 1111111109 / 30);
    CU_ASSERT_EQUAL(step_of("081804", 1111111109 / 30 * 30 - 31), -1);
}

static void six_digits_are_a_code_and_nothing_else_is(void)
{
    static const char *const others[] = {"",       " ",      "28708",  "2870822",  "94287082",
                                         "28708a", "-87082", "287 08", "287082\n", "+287082"};
    begin();
    CU_ASSERT_EQUAL(step_of("287 082", 59), 1);
    CU_ASSERT_EQUAL(step_of(" 287082 ", 59), 1);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        CU_ASSERT_EQUAL(step_of(others[i], 59), -1);
}

static void secrets_are_random_and_written_in_base32(void)
{
    char text[TOTP_BASE32_SIZE];
    struct secret other = {0};
    begin();
    CU_ASSERT_EQUAL(totp_base32(&secret, text), 0);
    CU_ASSERT_STRING_EQUAL(text, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    CU_ASSERT_EQUAL(totp_base32(&other, text), CE_BAD_INPUT);
    totp_make(&secret);
    totp_make(&other);
    CU_ASSERT_EQUAL(secret.len, TOTP_SECRET_BYTES);
    CU_ASSERT_NOT_EQUAL(memcmp(secret.bytes, other.bytes, TOTP_SECRET_BYTES), 0);
}

SUITE("totp", TEST(knows_the_codes_of_the_specification), TEST(the_steps_beside_the_present_one_count),
      TEST(six_digits_are_a_code_and_nothing_else_is), TEST(secrets_are_random_and_written_in_base32))
