#include "form.h"

#include <string.h>

#include "suite.h"

static struct form begun(const char *user)
{
    struct form form;
    form_begin(&form, user);
    return form;
}

static void the_focus_is_where_somebody_has_to_type(void)
{
    CU_ASSERT_EQUAL(begun("").focus, FORM_USER);
    CU_ASSERT_EQUAL(begun("ada").focus, FORM_PASSWORD);
}

static void typing_and_enter_lead_to_a_log_in(void)
{
    struct form form = begun("");
    CU_ASSERT_EQUAL(form_type(&form, "ada"), FORM_CHANGED);
    CU_ASSERT_EQUAL(form_key(&form, FORM_KEY_ENTER), FORM_CHANGED);
    CU_ASSERT_EQUAL(form.focus, FORM_PASSWORD);
    CU_ASSERT_EQUAL(form_key(&form, FORM_KEY_ENTER), FORM_SAME);
    CU_ASSERT_EQUAL(form_type(&form, "s3cret"), FORM_CHANGED);
    CU_ASSERT_EQUAL(form_key(&form, FORM_KEY_ENTER), FORM_SENT);
    CU_ASSERT_STRING_EQUAL(form.fields[FORM_USER].text, "ada");
    CU_ASSERT_STRING_EQUAL(form.fields[FORM_PASSWORD].text, "s3cret");
}

static void tab_goes_round_both_ways(void)
{
    struct form form = begun("");
    for (unsigned i = 0; i < FORM_PART_COUNT; i++) {
        CU_ASSERT_EQUAL(form.focus, i);
        form_key(&form, FORM_KEY_TAB);
    }
    CU_ASSERT_EQUAL(form.focus, FORM_USER);
    form_key(&form, FORM_KEY_BACKTAB);
    CU_ASSERT_EQUAL(form.focus, FORM_LEAVE);
    CU_ASSERT_EQUAL(form_key(&form, FORM_KEY_SPACE), FORM_LEFT);
}

static void the_caret_goes_by_characters_and_not_by_bytes(void)
{
    struct form form = begun("");
    size_t before;
    form_type(&form, "a\xc3\xa9z");
    form_key(&form, FORM_KEY_LEFT);
    form_key(&form, FORM_KEY_BACKSPACE);
    CU_ASSERT_STRING_EQUAL(form.fields[FORM_USER].text, "az");
    form_type(&form, "\xe2\x82\xac");
    CU_ASSERT_STRING_EQUAL(form.fields[FORM_USER].text, "a\xe2\x82\xacz");
    CU_ASSERT_EQUAL(form_characters(&form.fields[FORM_USER], &before), 3);
    CU_ASSERT_EQUAL(before, 2);
    form_key(&form, FORM_KEY_HOME);
    form_key(&form, FORM_KEY_RIGHT);
    form_key(&form, FORM_KEY_DELETE);
    CU_ASSERT_STRING_EQUAL(form.fields[FORM_USER].text, "az");
}

static void what_does_not_fit_or_is_no_character_is_not_taken(void)
{
    struct form form = begun("");
    for (unsigned i = 0; i < 2 * FORM_FIELD_SIZE; i++)
        form_type(&form, "x");
    CU_ASSERT_EQUAL(strlen(form.fields[FORM_USER].text), FORM_FIELD_SIZE - 1);
    form_key(&form, FORM_KEY_CLEAR);
    CU_ASSERT_STRING_EQUAL(form.fields[FORM_USER].text, "");
    CU_ASSERT_EQUAL(form_type(&form, "\x1b"), FORM_SAME);
}

static void a_deleted_password_is_not_left_behind(void)
{
    static const char zeros[FORM_FIELD_SIZE];
    struct form form = begun("ada");
    form_type(&form, "s3cret");
    form_key(&form, FORM_KEY_CLEAR);
    CU_ASSERT_EQUAL(memcmp(form.fields[FORM_PASSWORD].text, zeros, sizeof zeros), 0);
}

SUITE("form", TEST(the_focus_is_where_somebody_has_to_type), TEST(typing_and_enter_lead_to_a_log_in),
      TEST(tab_goes_round_both_ways), TEST(the_caret_goes_by_characters_and_not_by_bytes),
      TEST(what_does_not_fit_or_is_no_character_is_not_taken), TEST(a_deleted_password_is_not_left_behind))
