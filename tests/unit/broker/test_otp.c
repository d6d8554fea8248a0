#include "otp.h"

#include <stdlib.h>
#include <string.h>

#include <liboath/oath.h>

#include "store_lab.h"
#include "suite.h"

static struct lab lab;
static struct user_row ann, bob;
static const struct secret_key key = {.bytes = {1, 2, 3}}, other_key = {.bytes = {4}};

static void begin(void)
{
    CU_ASSERT_EQUAL_FATAL(secret_library_init(), 0);
    CU_ASSERT_EQUAL_FATAL(totp_library_init(), 0);
    lab_open(&lab);
    lab_user(&lab, "ann", &ann);
    lab_user(&lab, "bob", &bob);
}

static void enable(const struct user_row *user, char base32[TOTP_BASE32_SIZE])
{
    CU_ASSERT_EQUAL_FATAL(LAB(&lab, otp_enable(lab.db, &key, user->id, base32)), 0);
}

/* What an authenticator shows, LATER steps from now. */
static void code_of(const char *base32, int later, char code[TOTP_DIGITS + 1])
{
    char *secret;
    size_t len;
    CU_ASSERT_EQUAL_FATAL(oath_base32_decode(base32, strlen(base32), &secret, &len), OATH_OK);
    CU_ASSERT_EQUAL_FATAL(oath_totp_generate(secret, len,
                                             (time_t)(store_now_ms() / 1000) + later * TOTP_STEP_S,
                                             TOTP_STEP_S, 0, TOTP_DIGITS, code),
                          OATH_OK);
    free(secret);
}

static int take(const struct user_row *user, const struct secret_key *with, const char *code)
{
    return LAB(&lab, otp_take(lab.db, with, user->id, code));
}

static void a_code_is_taken_once(void)
{
    char base32[TOTP_BASE32_SIZE], code[TOTP_DIGITS + 1], next[TOTP_DIGITS + 1];
    begin();
    CU_ASSERT_EQUAL(take(&ann, &key, "123456"), CE_NOT_FOUND);
    enable(&ann, base32);
    CU_ASSERT_EQUAL(strlen(base32), TOTP_BASE32_SIZE - 1);
    code_of(base32, 0, code);
    code_of(base32, 1, next);
    CU_ASSERT_EQUAL(take(&ann, &key, code), 0);
    CU_ASSERT_EQUAL(take(&ann, &key, code), CE_REFUSED);
    CU_ASSERT_EQUAL(take(&ann, &key, next), 0);
    CU_ASSERT_EQUAL(take(&ann, &key, next), CE_REFUSED);
    CU_ASSERT_EQUAL(take(&ann, &key, code), CE_REFUSED);
    lab_close(&lab);
}

/* What a job did whose transaction failed has not happened. */
static void a_code_of_a_job_that_failed_is_good(void)
{
    char base32[TOTP_BASE32_SIZE], code[TOTP_DIGITS + 1];
    begin();
    enable(&ann, base32);
    code_of(base32, 0, code);
    lab_begin(&lab);
    CU_ASSERT_EQUAL(otp_take(lab.db, &key, ann.id, code), 0);
    CU_ASSERT_EQUAL(lab_end(&lab, CE_BUSY), CE_BUSY);
    CU_ASSERT_EQUAL(take(&ann, &key, code), 0);
    lab_close(&lab);
}

static void a_secret_opens_for_its_user_and_its_key_only(void)
{
    char base32[TOTP_BASE32_SIZE], code[TOTP_DIGITS + 1];
    uint8_t sealed[SECRET_SEALED_MAX];
    size_t len = 0;
    int64_t step;
    begin();
    enable(&ann, base32);
    CU_ASSERT_EQUAL(LAB(&lab, otp_enable(lab.db, &key, ann.id, base32)), CE_EXISTS);
    code_of(base32, 0, code);
    CU_ASSERT_EQUAL(take(&ann, &other_key, code), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(LAB(&lab, store_otp_get(lab.db, ann.id, sealed, sizeof sealed, &len, &step)), 0);
    CU_ASSERT_EQUAL(LAB(&lab, store_otp_insert(lab.db, bob.id, sealed, len)), 0);
    CU_ASSERT_EQUAL(take(&bob, &key, code), CE_BAD_INPUT); /* copied from row to row */
    CU_ASSERT_EQUAL(take(&ann, &key, code), 0);
    lab_close(&lab);
}

static void modes_have_names(void)
{
    CU_ASSERT_EQUAL(otp_mode_parse("off"), OTP_OFF);
    CU_ASSERT_EQUAL(otp_mode_parse("optional"), OTP_OPTIONAL);
    CU_ASSERT_EQUAL(otp_mode_parse("required"), OTP_REQUIRED);
}

SUITE("otp", TEST(a_code_is_taken_once), TEST(a_code_of_a_job_that_failed_is_good),
      TEST(a_secret_opens_for_its_user_and_its_key_only), TEST(modes_have_names))
