#include "ctl/field.h"

#include <string.h>

#include "suite.h"

#define NOW_S 1735732980 /* three minutes behind the time below */

static char text[FIELD_TEXT_SIZE];

static const char *format(enum field_kind kind, const char *key, const char *json, bool long_form)
{
    struct field f = {.name = "x", .key = key, .kind = kind};
    json_t *object = json_loads(json, 0, NULL);
    field_format(&f, object, long_form, NOW_S, text, sizeof text);
    json_decref(object);
    return text;
}

static void each_kind_has_its_form(void)
{
    CU_ASSERT_STRING_EQUAL(format(FIELD_TEXT, "a", "{\"a\":\"b\"}", false), "b");
    CU_ASSERT_STRING_EQUAL(format(FIELD_TEXT, "a", "{\"a\":-5}", false), "-5");
    CU_ASSERT_STRING_EQUAL(format(FIELD_FLAG, "a", "{\"a\":true}", false), "yes");
    CU_ASSERT_STRING_EQUAL(format(FIELD_FLAG, "a", "{\"a\":false}", false), "no");
    CU_ASSERT_STRING_EQUAL(format(FIELD_MIB, "a", "{\"a\":1536}", false), "1.5 GiB");
    CU_ASSERT_STRING_EQUAL(format(FIELD_PERCENT, "a", "{\"a\":40}", false), "40 %");
    CU_ASSERT_STRING_EQUAL(format(FIELD_NAMES, "a", "{\"a\":[\"x\",\"y\",7]}", false), "x, y, ?");
    CU_ASSERT_STRING_EQUAL(format(FIELD_FINGERPRINT, "a", "{\"a\":\"00ffa\"}", false), "00:ff:a");
    CU_ASSERT_STRING_EQUAL(format(FIELD_TEXT, "a.b", "{\"a\":{\"b\":3}}", false), "3");
    CU_ASSERT_STRING_EQUAL(format(FIELD_TEXT, "a.b.c", "{\"a\":{\"b\":3}}", false), "");
}

static void times_are_ages_in_tables_and_both_in_show(void)
{
    const char *past = "{\"a\":\"2025-01-01T12:00:00.000Z\"}", *future = "{\"a\":\"2025-01-01T12:05:00Z\"}";
    CU_ASSERT_STRING_EQUAL(format(FIELD_TIME, "a", past, false), "3 min");
    CU_ASSERT_STRING_EQUAL(format(FIELD_TIME, "a", future, false), "in 2 min");
    CU_ASSERT_PTR_NOT_NULL(strstr(format(FIELD_TIME, "a", past, true), " (3 min ago)"));
    CU_ASSERT_PTR_NOT_NULL(strstr(format(FIELD_TIME, "a", future, true), " (in 2 min)"));
}

static void what_is_absent_or_of_another_kind_is_empty(void)
{
    for (int kind = FIELD_TEXT; kind <= FIELD_FINGERPRINT; kind++) {
        CU_ASSERT_STRING_EQUAL(format((enum field_kind)kind, "a", "{}", true), "");
        CU_ASSERT_STRING_EQUAL(format((enum field_kind)kind, "a", "{\"a\":null}", true), "");
        CU_ASSERT_STRING_EQUAL(format((enum field_kind)kind, "a", "{\"a\":{}}", true), "");
        CU_ASSERT_STRING_EQUAL(format((enum field_kind)kind, "a", "[]", true), "");
    }
    CU_ASSERT_STRING_EQUAL(format(FIELD_BYTES, "a", "{\"a\":-1}", false), "");
    CU_ASSERT_STRING_EQUAL(format(FIELD_BYTES, "a", "{\"a\":\"5\"}", false), "");
    CU_ASSERT_STRING_EQUAL(format(FIELD_TIME, "a", "{\"a\":\"soon\"}", false), "");
}

static void a_zero_that_says_nothing_is_empty(void)
{
    struct field f = {.name = "x", .key = "a", .kind = FIELD_BYTES, .place = FIELD_NOT_ZERO};
    json_t *object = json_pack("{s:i}", "a", 0);
    CU_ASSERT_STRING_EQUAL(field_format(&f, object, false, NOW_S, text, sizeof text), "");
    f.place = 0;
    CU_ASSERT_STRING_EQUAL(field_format(&f, object, false, NOW_S, text, sizeof text), "0 B");
    json_decref(object);
}

static void endless_names_and_fingerprints_are_cut(void)
{
    json_t *object = json_object(), *names = json_array();
    for (int i = 0; i < 1000; i++)
        json_array_append_new(names, json_string("a-rather-long-name"));
    json_object_set_new(object, "a", names);
    struct field f = {.name = "x", .key = "a", .kind = FIELD_NAMES};
    field_format(&f, object, false, NOW_S, text, sizeof text);
    CU_ASSERT_EQUAL(strlen(text), FIELD_TEXT_SIZE - 1);

    char hex[5000];
    memset(hex, 'a', sizeof hex - 1);
    hex[sizeof hex - 1] = '\0';
    json_object_set_new(object, "a", json_string(hex));
    f.kind = FIELD_FINGERPRINT;
    field_format(&f, object, false, NOW_S, text, sizeof text);
    CU_ASSERT_TRUE(strlen(text) < FIELD_TEXT_SIZE);
    json_decref(object);
}

static void states_have_colours_by_their_first_word(void)
{
    CU_ASSERT_STRING_EQUAL(field_state_colour("ready"), "green");
    CU_ASSERT_STRING_EQUAL(field_state_colour("booting 40 %"), "yellow");
    CU_ASSERT_STRING_EQUAL(field_state_colour("failed"), "red");
    CU_ASSERT_PTR_NULL(field_state_colour("readyish"));
    CU_ASSERT_PTR_NULL(field_state_colour(""));
}

static void finds_columns_without_regard_to_case(void)
{
    static const struct field fields[] = {{.name = "name", .key = ""}, {.name = "na", .key = ""}, {0}};
    CU_ASSERT_PTR_EQUAL(field_find(fields, "NAME", 4), &fields[0]);
    CU_ASSERT_PTR_EQUAL(field_find(fields, "name", 2), &fields[1]);
    CU_ASSERT_PTR_NULL(field_find(fields, "names", 5));
    CU_ASSERT_PTR_NULL(field_find(fields, "", 0));
    CU_ASSERT_PTR_NULL(field_find(NULL, "name", 4));
}

SUITE("ctl/field", TEST(each_kind_has_its_form), TEST(times_are_ages_in_tables_and_both_in_show),
      TEST(what_is_absent_or_of_another_kind_is_empty), TEST(a_zero_that_says_nothing_is_empty),
      TEST(endless_names_and_fingerprints_are_cut), TEST(states_have_colours_by_their_first_word),
      TEST(finds_columns_without_regard_to_case))
