#include "form.h"

#include <string.h>

#include "suite.h"

static const struct form_spec login = {.field_count = 2,
                                       .fields = {{"User name", FORM_TEXT}, {"Password", FORM_SECRET}},
                                       .go = "Log in",
                                       .leave = "Cancel"};
static const struct form_spec code = {
    .field_count = 1, .fields = {{"Code", FORM_DIGITS}}, .go = "Continue", .leave = "Cancel"};
static const struct form_spec twice = {.field_count = 2,
                                       .fields = {{"New", FORM_SECRET}, {"Again", FORM_SECRET}},
                                       .is_twice = true,
                                       .go = "Continue",
                                       .leave = "Cancel"};
static const struct form_spec chooser = {.has_list = true, .go = "Continue", .leave = "Cancel"};
static const struct form_spec wait = {.is_calm = true, .leave = "Cancel"};
static const struct form_spec notice = {.leave = "Close"};

static struct form begun(const char *user)
{
    struct form form;
    form_begin(&form, &login, user, NULL);
    return form;
}

/* alpha (closed), beta, bravo, charlie (closed), delta, echo (closed) */
static struct form choosing(unsigned visible)
{
    struct form form;
    struct form_list list = {.count = 6, .chosen = 1};
    memcpy(list.initial, "abbcde", 6);
    list.open[1] = list.open[2] = list.open[4] = true;
    form_begin(&form, &chooser, "", &list);
    form_list_show(&form, visible);
    return form;
}

static void the_focus_is_where_somebody_has_to_type(void)
{
    CU_ASSERT_EQUAL(begun("").focus, FORM_FIRST);
    CU_ASSERT_EQUAL(begun("ada").focus, FORM_SECOND);
    CU_ASSERT_EQUAL(choosing(6).focus, FORM_LIST);
}

static void typing_and_enter_lead_to_a_log_in(void)
{
    struct form form = begun("");
    CU_ASSERT_EQUAL(form_type(&form, "ada"), FORM_CHANGED);
    CU_ASSERT_EQUAL(form_key(&form, FORM_KEY_ENTER), FORM_CHANGED);
    CU_ASSERT_EQUAL(form.focus, FORM_SECOND);
    CU_ASSERT_EQUAL(form_key(&form, FORM_KEY_ENTER), FORM_SAME);
    CU_ASSERT_EQUAL(form_type(&form, "s3cret"), FORM_CHANGED);
    CU_ASSERT_EQUAL(form_key(&form, FORM_KEY_ENTER), FORM_SENT);
    CU_ASSERT_STRING_EQUAL(form.fields[FORM_FIRST].text, "ada");
    CU_ASSERT_STRING_EQUAL(form.fields[FORM_SECOND].text, "s3cret");
    /* Whoever is impatient sends nothing twice. */
    CU_ASSERT_EQUAL(form_key(&form, FORM_KEY_ENTER), FORM_SAME);
    CU_ASSERT_EQUAL(form_type(&form, "x"), FORM_SAME);
    CU_ASSERT_EQUAL(form_key(&form, FORM_KEY_ESCAPE), FORM_LEFT);
}

static void the_button_works_when_all_is_filled_in(void)
{
    struct form form = begun("ada");
    CU_ASSERT_FALSE(form_can_go(&form));
    CU_ASSERT_EQUAL(form_click(&form, FORM_GO, 0), FORM_SAME);
    CU_ASSERT_EQUAL(form.focus, FORM_SECOND);
    form_type(&form, "x");
    CU_ASSERT_TRUE(form_can_go(&form));
    CU_ASSERT_EQUAL(form_click(&form, FORM_GO, 0), FORM_SENT);
}

static void tab_goes_round_both_ways_past_what_cannot_be_pressed(void)
{
    static const enum form_part empty[] = {FORM_FIRST, FORM_SECOND, FORM_LEAVE},
                                full[] = {FORM_SECOND, FORM_GO, FORM_LEAVE, FORM_FIRST};
    struct form form = begun("");
    for (unsigned i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(form.focus, empty[i]);
        form_key(&form, FORM_KEY_TAB);
    }
    CU_ASSERT_EQUAL(form.focus, FORM_FIRST);
    form_key(&form, FORM_KEY_BACKTAB);
    CU_ASSERT_EQUAL(form.focus, FORM_LEAVE);
    form = begun("ada");
    form_type(&form, "x");
    for (unsigned i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(form.focus, full[i]);
        form_key(&form, i % 2 ? FORM_KEY_TAB : FORM_KEY_DOWN);
    }
    form_key(&form, FORM_KEY_UP);
    form_key(&form, FORM_KEY_UP);
    CU_ASSERT_EQUAL(form.focus, FORM_LEAVE);
    CU_ASSERT_EQUAL(form_key(&form, FORM_KEY_SPACE), FORM_LEFT);
}

static void the_caret_goes_by_characters_and_not_by_bytes(void)
{
    struct form form = begun("");
    struct form_field *field = &form.fields[FORM_FIRST];
    size_t before;
    form_type(&form, "a\xc3\xa9z");
    form_key(&form, FORM_KEY_LEFT);
    form_key(&form, FORM_KEY_BACKSPACE);
    CU_ASSERT_STRING_EQUAL(field->text, "az");
    form_type(&form, "\xe2\x82\xac");
    CU_ASSERT_STRING_EQUAL(field->text, "a\xe2\x82\xacz");
    CU_ASSERT_EQUAL(form_characters(field, &before), 3);
    CU_ASSERT_EQUAL(before, 2);
    CU_ASSERT_EQUAL(form_offset(field, 2), 4);
    CU_ASSERT_EQUAL(form_offset(field, 9), 5);
    form_key(&form, FORM_KEY_HOME);
    form_key(&form, FORM_KEY_RIGHT);
    form_key(&form, FORM_KEY_DELETE);
    CU_ASSERT_STRING_EQUAL(field->text, "az");
}

static void a_click_places_the_caret_between_characters(void)
{
    struct form form = begun("a\xc3\xa9z");
    CU_ASSERT_EQUAL(form_click(&form, FORM_FIRST, 2), FORM_CHANGED);
    CU_ASSERT_EQUAL(form.focus, FORM_FIRST);
    CU_ASSERT_EQUAL(form.fields[FORM_FIRST].caret, 1);
    CU_ASSERT_EQUAL(form_click(&form, FORM_FIRST, 1), FORM_SAME);
    CU_ASSERT_EQUAL(form_click(&form, FORM_FIRST, 999), FORM_CHANGED);
    CU_ASSERT_EQUAL(form.fields[FORM_FIRST].caret, 4);
}

static void what_does_not_fit_or_is_no_character_is_not_taken(void)
{
    struct form form = begun("");
    for (unsigned i = 0; i < 2 * FORM_FIELD_SIZE; i++)
        form_type(&form, "x");
    CU_ASSERT_EQUAL(strlen(form.fields[FORM_FIRST].text), FORM_FIELD_SIZE - 1);
    form_key(&form, FORM_KEY_CLEAR);
    CU_ASSERT_STRING_EQUAL(form.fields[FORM_FIRST].text, "");
    CU_ASSERT_EQUAL(form_type(&form, "\x1b"), FORM_SAME);
}

static void a_code_is_digits(void)
{
    struct form form;
    form_begin(&form, &code, "ada", NULL);
    CU_ASSERT_STRING_EQUAL(form.fields[FORM_FIRST].text, "");
    CU_ASSERT_EQUAL(form_type(&form, "a"), FORM_SAME);
    CU_ASSERT_EQUAL(form_type(&form, " "), FORM_SAME);
    CU_ASSERT_EQUAL(form_type(&form, "12 3-4"), FORM_CHANGED);
    CU_ASSERT_STRING_EQUAL(form.fields[FORM_FIRST].text, "1234");
    CU_ASSERT_EQUAL(form_key(&form, FORM_KEY_ENTER), FORM_SENT);
}

static void a_new_password_has_to_be_typed_twice_the_same(void)
{
    static const char zeros[FORM_FIELD_SIZE];
    struct form form;
    form_begin(&form, &twice, "", NULL);
    form_type(&form, "one");
    form_key(&form, FORM_KEY_ENTER);
    form_type(&form, "two");
    CU_ASSERT_EQUAL(form_key(&form, FORM_KEY_ENTER), FORM_DIFFERENT);
    CU_ASSERT_EQUAL(form.focus, FORM_SECOND);
    CU_ASSERT_EQUAL(memcmp(form.fields[FORM_SECOND].text, zeros, sizeof zeros), 0);
    form_type(&form, "one");
    CU_ASSERT_EQUAL(form_key(&form, FORM_KEY_ENTER), FORM_SENT);
}

static void a_deleted_password_is_not_left_behind(void)
{
    static const char zeros[FORM_FIELD_SIZE];
    struct form form = begun("ada");
    form_type(&form, "s3cret");
    form_key(&form, FORM_KEY_CLEAR);
    CU_ASSERT_EQUAL(memcmp(form.fields[FORM_SECOND].text, zeros, sizeof zeros), 0);
}

static void keys_choose_among_open_rows(void)
{
    struct form form = choosing(6);
    form_key(&form, FORM_KEY_DOWN);
    CU_ASSERT_EQUAL(form.list.chosen, 2);
    form_key(&form, FORM_KEY_DOWN);
    CU_ASSERT_EQUAL(form.list.chosen, 4);
    CU_ASSERT_EQUAL(form_key(&form, FORM_KEY_DOWN), FORM_SAME);
    form_key(&form, FORM_KEY_UP);
    CU_ASSERT_EQUAL(form.list.chosen, 2);
    form_key(&form, FORM_KEY_END);
    CU_ASSERT_EQUAL(form.list.chosen, 4);
    form_key(&form, FORM_KEY_HOME);
    CU_ASSERT_EQUAL(form.list.chosen, 1);
    form_key(&form, FORM_KEY_PAGE_DOWN);
    CU_ASSERT_EQUAL(form.list.chosen, 4);
    form_key(&form, FORM_KEY_PAGE_UP);
    CU_ASSERT_EQUAL(form.list.chosen, 1);
    CU_ASSERT_EQUAL(form_key(&form, FORM_KEY_ENTER), FORM_SENT);
}

static void a_letter_jumps_to_the_next_row_that_begins_so(void)
{
    struct form form = choosing(6);
    form_type(&form, "B");
    CU_ASSERT_EQUAL(form.list.chosen, 2);
    form_type(&form, "b");
    CU_ASSERT_EQUAL(form.list.chosen, 1);
    form_type(&form, "d");
    CU_ASSERT_EQUAL(form.list.chosen, 4);
    CU_ASSERT_EQUAL(form_type(&form, "a"), FORM_SAME); /* closed */
    CU_ASSERT_EQUAL(form_type(&form, "x"), FORM_SAME);
}

static void a_long_list_scrolls(void)
{
    struct form form = choosing(2);
    CU_ASSERT_EQUAL(form.list.top, 0);
    form_key(&form, FORM_KEY_DOWN);
    CU_ASSERT_EQUAL(form.list.top, 1);
    form_key(&form, FORM_KEY_END); /* what is closed at the end is seen, too */
    CU_ASSERT_EQUAL(form.list.chosen, 4);
    CU_ASSERT_EQUAL(form.list.top, 4);
    form_key(&form, FORM_KEY_HOME);
    CU_ASSERT_EQUAL(form.list.top, 0);
    CU_ASSERT_EQUAL(form_scroll(&form, 1), FORM_CHANGED);
    CU_ASSERT_EQUAL(form_scroll(&form, 99), FORM_CHANGED);
    CU_ASSERT_EQUAL(form.list.top, 4);
    CU_ASSERT_EQUAL(form_scroll(&form, 1), FORM_SAME);
    CU_ASSERT_EQUAL(form_scroll(&form, -99), FORM_CHANGED);
    CU_ASSERT_EQUAL(form.list.top, 0);
    CU_ASSERT_EQUAL(form.list.chosen, 1); /* the wheel chooses nothing */
}

static void rows_are_clicked(void)
{
    struct form form = choosing(6);
    CU_ASSERT_EQUAL(form_pick(&form, 0, false), FORM_SAME); /* closed */
    CU_ASSERT_EQUAL(form_pick(&form, 0, true), FORM_SAME);
    CU_ASSERT_EQUAL(form_pick(&form, 4, false), FORM_CHANGED);
    CU_ASSERT_EQUAL(form.list.chosen, 4);
    CU_ASSERT_EQUAL(form_pick(&form, 77, false), FORM_SAME);
    CU_ASSERT_EQUAL(form_pick(&form, 4, true), FORM_SENT);
}

static void where_all_is_closed_one_can_only_leave(void)
{
    struct form form;
    const struct form_list list = {.count = 3, .chosen = 3};
    form_begin(&form, &chooser, "", &list);
    form_list_show(&form, 3);
    CU_ASSERT_EQUAL(form.focus, FORM_LEAVE);
    CU_ASSERT_FALSE(form_can_go(&form));
    form_key(&form, FORM_KEY_TAB);
    CU_ASSERT_EQUAL(form.focus, FORM_LEAVE);
    CU_ASSERT_EQUAL(form_key(&form, FORM_KEY_ENTER), FORM_LEFT);
}

static void an_impatient_enter_does_not_leave_a_wait(void)
{
    struct form form;
    form_begin(&form, &wait, "", NULL);
    CU_ASSERT_EQUAL(form_key(&form, FORM_KEY_ENTER), FORM_SAME);
    CU_ASSERT_EQUAL(form_key(&form, FORM_KEY_SPACE), FORM_SAME);
    CU_ASSERT_EQUAL(form_key(&form, FORM_KEY_ESCAPE), FORM_LEFT);
    CU_ASSERT_EQUAL(form_key(&form, FORM_KEY_TAB), FORM_CHANGED);
    CU_ASSERT_EQUAL(form_key(&form, FORM_KEY_ENTER), FORM_LEFT);
    form_begin(&form, &notice, "", NULL);
    CU_ASSERT_EQUAL(form_key(&form, FORM_KEY_ENTER), FORM_LEFT);
}

static void before_the_first_page_nothing_is_taken(void)
{
    struct form form = {0};
    CU_ASSERT_EQUAL(form_key(&form, FORM_KEY_ENTER), FORM_SAME);
    CU_ASSERT_EQUAL(form_type(&form, "x"), FORM_SAME);
    CU_ASSERT_EQUAL(form_click(&form, FORM_GO, 0), FORM_SAME);
    CU_ASSERT_EQUAL(form_pick(&form, 0, true), FORM_SAME);
    CU_ASSERT_EQUAL(form_scroll(&form, 1), FORM_SAME);
}

SUITE("form", TEST(the_focus_is_where_somebody_has_to_type), TEST(typing_and_enter_lead_to_a_log_in),
      TEST(the_button_works_when_all_is_filled_in),
      TEST(tab_goes_round_both_ways_past_what_cannot_be_pressed),
      TEST(the_caret_goes_by_characters_and_not_by_bytes), TEST(a_click_places_the_caret_between_characters),
      TEST(what_does_not_fit_or_is_no_character_is_not_taken), TEST(a_code_is_digits),
      TEST(a_new_password_has_to_be_typed_twice_the_same), TEST(a_deleted_password_is_not_left_behind),
      TEST(keys_choose_among_open_rows), TEST(a_letter_jumps_to_the_next_row_that_begins_so),
      TEST(a_long_list_scrolls), TEST(rows_are_clicked), TEST(where_all_is_closed_one_can_only_leave),
      TEST(an_impatient_enter_does_not_leave_a_wait), TEST(before_the_first_page_nothing_is_taken))
