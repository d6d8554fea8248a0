#include "password_rule.h"

#include <string.h>

#include "suite.h"

static bool refuses(const char *password, const char *name, uint64_t min_length,
                    char text[PASSWORD_RULE_TEXT_SIZE])
{
    struct secret secret CLEANUP_SECRET = {0};
    CU_ASSERT_EQUAL_FATAL(secret_set(&secret, password, strlen(password)), 0);
    return password_rule_refuses(&secret, name, min_length, text);
}

static void length_is_counted_in_characters(void)
{
    char text[PASSWORD_RULE_TEXT_SIZE];
    CU_ASSERT_FALSE(refuses("12345678", "ann", 8, text));
    CU_ASSERT_TRUE(refuses("1234567", "ann", 8, text));
    CU_ASSERT_STRING_EQUAL(text, "A password must have at least 8 characters.");
    CU_ASSERT_TRUE(refuses("päßwört", "ann", 8, text)); /* seven, of ten bytes */
    CU_ASSERT_FALSE(refuses("päßwörte", "ann", 8, text));
    CU_ASSERT_FALSE(refuses("x", "ann", 1, text));
    CU_ASSERT_TRUE(refuses("", "ann", 1, text));
    CU_ASSERT_TRUE(refuses("", "ann", 0, text));
    CU_ASSERT_STRING_EQUAL(text, "A password must not be empty.");
}

static void the_name_in_any_letters_is_refused(void)
{
    char text[PASSWORD_RULE_TEXT_SIZE];
    CU_ASSERT_TRUE(refuses("Annabella", "annabellA", 8, text));
    CU_ASSERT_STRING_EQUAL(text, "A password must not be the name of its user.");
    CU_ASSERT_FALSE(refuses("Annabella1", "annabella", 8, text));
    CU_ASSERT_FALSE(refuses("annabella", "annabella", 0, text)); /* no rule */
}

static void a_password_expires_by_age_or_by_order(void)
{
    struct user_row user = {.password_ms = 1000};
    CU_ASSERT_FALSE(password_is_expired(&user, 0, INT64_MAX));
    CU_ASSERT_FALSE(password_is_expired(&user, 500, 1499));
    CU_ASSERT_TRUE(password_is_expired(&user, 500, 1500));
    user.must_change = true;
    CU_ASSERT_TRUE(password_is_expired(&user, 0, 1000));
}

SUITE("password_rule", TEST(length_is_counted_in_characters), TEST(the_name_in_any_letters_is_refused),
      TEST(a_password_expires_by_age_or_by_order))
