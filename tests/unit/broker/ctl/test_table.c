#include "ctl/table.h"

#include <locale.h>
#include <string.h>

#include "suite.h"

static const struct field fields[] = {
    {.name = "name", .key = "name"},
    {.name = "state", .key = "state", .kind = FIELD_STATE},
    {.name = "size", .key = "size", .kind = FIELD_BYTES, .place = FIELD_RIGHT},
    {.name = "id", .title = "Number", .key = "id", .place = FIELD_HIDDEN},
    {.name = "why", .key = "why", .place = FIELD_SHOW_ONLY},
    {.name = "short", .key = "name", .place = FIELD_LIST_ONLY | FIELD_HIDDEN},
    {0},
};

static char *text, *errors;
static size_t text_len, errors_len;

/* Prints JSON (an array as a table, an object as show does) into TEXT. */
static int print(struct ctl ctl, const char *json)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    free(text);
    free(errors);
    text = errors = NULL;
    ctl.out = open_memstream(&text, &text_len);
    ctl.err = open_memstream(&errors, &errors_len);
    json_t *data = json_loads(json, 0, NULL);
    int rc = CTL_OK;
    if (json_is_array(data))
        rc = table_print(&ctl, fields, data);
    else
        table_show(&ctl, fields, data);
    json_decref(data);
    fclose(ctl.out);
    fclose(ctl.err);
    return rc;
}

#define TWO                                                                                                  \
    "[{\"name\":\"a\",\"state\":\"ready\",\"size\":1536,\"id\":1},{\"name\":\"b\\u00e9e\",\"size\":5}]"

static void aligns_columns_and_marks_what_is_absent(void)
{
    CU_ASSERT_EQUAL(print((struct ctl){0}, TWO), CTL_OK);
    CU_ASSERT_STRING_EQUAL(text, "NAME STATE    SIZE\na    ready 1.5 KiB\nb\xc3\xa9"
                                 "e  -         5 B\n");
}

/* Without headings, releases of libsmartcols differ in whether the unseen headings make a column wider. */
static void squeeze_blanks(char *line)
{
    char *to = line;
    for (const char *from = line; *from; from++)
        if (*from != ' ' || to == line || to[-1] != ' ')
            *to++ = *from;
    *to = '\0';
}

static void chooses_columns_in_the_order_asked_for(void)
{
    CU_ASSERT_EQUAL(print((struct ctl){.columns = "id,Name", .no_headings = true}, TWO), CTL_OK);
    squeeze_blanks(text);
    CU_ASSERT_STRING_EQUAL(text, "1 a\n- b\xc3\xa9"
                                 "e\n");
    CU_ASSERT_EQUAL(print((struct ctl){.columns = "all"}, TWO), CTL_OK);
    CU_ASSERT_EQUAL(strncmp(text, "NAME STATE    SIZE ID SHORT\n", 28), 0);
}

static void refuses_columns_that_there_are_not(void)
{
    static const char *const bad[] = {"nam", "name,", ",", "", "why", "name,,id", "all,name"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CU_ASSERT_EQUAL(print((struct ctl){.columns = bad[i]}, TWO), CTL_USAGE);
        CU_ASSERT_PTR_NOT_NULL(strstr(errors, "there are name, state, size, id, short\n"));
        CU_ASSERT_STRING_EQUAL(text, "");
    }
    char many[600] = "name";
    for (int i = 0; i < 100; i++)
        strcat(many, ",name");
    CU_ASSERT_EQUAL(print((struct ctl){.columns = many}, TWO), CTL_USAGE);
}

static void colours_states_on_a_terminal_only(void)
{
    CU_ASSERT_EQUAL(print((struct ctl){.out_tty = true}, TWO), CTL_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\x1b[32mready"));
    CU_ASSERT_EQUAL(print((struct ctl){0}, TWO), CTL_OK);
    CU_ASSERT_PTR_NULL(strchr(text, 0x1b));
}

static void items_that_are_no_objects_are_empty_lines(void)
{
    CU_ASSERT_EQUAL(print((struct ctl){.no_headings = true}, "[7,null,[],{}]"), CTL_OK);
    squeeze_blanks(text);
    CU_ASSERT_STRING_EQUAL(text, "- - -\n- - -\n- - -\n- - -\n");
    CU_ASSERT_EQUAL(print((struct ctl){0}, "[]"), CTL_OK);
}

static void shows_names_and_values_of_what_is_there(void)
{
    print((struct ctl){0}, "{\"name\":\"a\",\"why\":\"no \\u001b[1mdisk\",\"id\":3}");
    CU_ASSERT_STRING_EQUAL(text, "Name:    a\nNumber:  3\nWhy:     no ?[1mdisk\n");
    print((struct ctl){0}, "{}");
    CU_ASSERT_STRING_EQUAL(text, "");
    free(text);
    free(errors);
    text = errors = NULL;
}

SUITE("ctl/table", TEST(aligns_columns_and_marks_what_is_absent),
      TEST(chooses_columns_in_the_order_asked_for), TEST(refuses_columns_that_there_are_not),
      TEST(colours_states_on_a_terminal_only), TEST(items_that_are_no_objects_are_empty_lines),
      TEST(shows_names_and_values_of_what_is_there))
