#include "suite.h"

#include <string.h>

#include "api_json.h"

static json_t *parse(const char *text)
{
    json_t *value = json_loads(text, 0, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(value);
    return value;
}

/* Reads TEXT's member "name" as required text; returns the sentence of the refusal, "" for none. */
static const char *read_name(const char *text, char *ret, size_t size)
{
    static struct api_reader reader;
    json_t *body = parse(text);
    api_reader_init(&reader, body, "");
    api_reader_text(&reader, "name", API_REQUIRED, ret, size);
    int rc = api_reader_finish(&reader);
    json_decref(body);
    CU_ASSERT_EQUAL(rc, reader.err.code);
    return reader.err.text;
}

static void reads_the_members_that_are_asked_for(void)
{
    struct api_reader reader;
    char name[8] = "";
    uint32_t number = 0;
    uint64_t big = 0;
    bool flag = false;
    const json_t *array = NULL, *object = NULL;
    struct secret secret = {0};
    json_t *body =
        parse("{\"name\":\"ann\",\"n\":7,\"big\":9000000000,\"f\":true,\"a\":[1],\"o\":{},\"s\":\"pw\"}");
    api_reader_init(&reader, body, "");
    CU_ASSERT(api_reader_text(&reader, "name", API_REQUIRED, name, sizeof name));
    CU_ASSERT(api_reader_u32(&reader, "n", API_REQUIRED, 0, 10, &number));
    CU_ASSERT(api_reader_u64(&reader, "big", API_REQUIRED, 0, UINT64_MAX, &big));
    CU_ASSERT(api_reader_flag(&reader, "f", API_REQUIRED, &flag));
    CU_ASSERT(api_reader_array(&reader, "a", API_REQUIRED, &array));
    CU_ASSERT(api_reader_object(&reader, "o", API_REQUIRED, &object));
    CU_ASSERT(api_reader_secret(&reader, "s", API_REQUIRED, &secret));
    CU_ASSERT_FALSE(api_reader_text(&reader, "none", API_OPTIONAL, name, sizeof name));
    CU_ASSERT_EQUAL(api_reader_finish(&reader), 0);
    CU_ASSERT_STRING_EQUAL(name, "ann");
    CU_ASSERT_EQUAL(number, 7);
    CU_ASSERT_EQUAL(big, 9000000000u);
    CU_ASSERT(flag);
    CU_ASSERT_EQUAL(json_array_size(array), 1);
    CU_ASSERT_PTR_NOT_NULL(object);
    CU_ASSERT_EQUAL(secret.len, 2);
    json_decref(body);
}

static void names_the_member_that_is_missing_unknown_or_of_the_wrong_type(void)
{
    char name[8] = "old";
    CU_ASSERT_STRING_EQUAL(read_name("{}", name, sizeof name), "The member \"name\" is missing.");
    CU_ASSERT_STRING_EQUAL(read_name("{\"name\":5}", name, sizeof name),
                           "The member \"name\" must be a string.");
    CU_ASSERT_STRING_EQUAL(read_name("{\"name\":null}", name, sizeof name),
                           "The member \"name\" must be a string.");
    CU_ASSERT_STRING_EQUAL(read_name("{\"name\":\"12345678\"}", name, sizeof name),
                           "The member \"name\" is longer than 7 bytes.");
    CU_ASSERT_STRING_EQUAL(name, "old");
    CU_ASSERT_STRING_EQUAL(read_name("{\"name\":\"a\",\"nmae\":\"b\"}", name, sizeof name),
                           "The member \"nmae\" is not known here.");
}

static void refuses_control_characters(void)
{
    char name[16];
    CU_ASSERT_STRING_NOT_EQUAL(read_name("{\"name\":\"a\\nb\"}", name, sizeof name), "");
    CU_ASSERT_STRING_NOT_EQUAL(read_name("{\"name\":\"a\\u007fb\"}", name, sizeof name), "");
    CU_ASSERT_STRING_EQUAL(read_name("{\"name\":\"\\u00e4\"}", name, sizeof name), "");
}

static void refuses_numbers_outside_their_limits(void)
{
    static const char *const bad[] = {"{\"n\":-1}", "{\"n\":11}", "{\"n\":1.0}", "{\"n\":\"1\"}",
                                      "{\"n\":true}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct api_reader reader;
        uint32_t number = 3;
        json_t *body = parse(bad[i]);
        api_reader_init(&reader, body, "");
        CU_ASSERT_FALSE(api_reader_u32(&reader, "n", API_REQUIRED, 0, 10, &number));
        CU_ASSERT_EQUAL(api_reader_finish(&reader), CE_BAD_INPUT);
        CU_ASSERT_EQUAL(number, 3);
        json_decref(body);
    }
}

static int parse_colour(const char *name)
{
    return strcmp(name, "red") ? -1 : 4;
}

static void lists_the_choices_where_none_was_taken(void)
{
    struct api_reader reader;
    int choice = 0;
    json_t *body = parse("{\"c\":\"red\",\"d\":\"blue\"}");
    api_reader_init(&reader, body, "pen.");
    CU_ASSERT(api_reader_choice(&reader, "c", API_REQUIRED, parse_colour, "red", &choice));
    CU_ASSERT_FALSE(api_reader_choice(&reader, "d", API_REQUIRED, parse_colour, "red", &choice));
    CU_ASSERT_EQUAL(choice, 4);
    CU_ASSERT_EQUAL(api_reader_finish(&reader), CE_BAD_INPUT);
    CU_ASSERT_STRING_EQUAL(reader.err.text, "The member \"pen.d\" must be one of red.");
    json_decref(body);
}

static void keeps_the_first_refusal(void)
{
    struct api_reader reader;
    json_t *body = parse("{\"x\":1}");
    api_reader_init(&reader, body, "");
    api_reader_refuse(&reader, "The first.");
    api_reader_refuse(&reader, "The second.");
    CU_ASSERT_EQUAL(api_reader_finish(&reader), CE_BAD_INPUT);
    CU_ASSERT_STRING_EQUAL(reader.err.text, "The first.");
    json_decref(body);
}

static void writes_and_reads_times(void)
{
    int64_t ms = 0;
    json_t *time = api_json_time(1735732800007);
    CU_ASSERT_STRING_EQUAL(json_string_value(time), "2025-01-01T12:00:00.007Z");
    CU_ASSERT_EQUAL(api_json_time_parse(json_string_value(time), &ms), 0);
    CU_ASSERT_EQUAL(ms, 1735732800007);
    CU_ASSERT_EQUAL(api_json_time_parse("2025-01-01T12:00:00Z", &ms), 0);
    CU_ASSERT_EQUAL(ms, 1735732800000);
    CU_ASSERT_EQUAL(api_json_time_parse("2025-01-01T12:00:00+01:00", &ms), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(api_json_time_parse("yesterday", &ms), CE_BAD_INPUT);
    CU_ASSERT(json_is_null(api_json_time(0)));
    json_decref(time);
}

static void encodes_one_line_and_survives_bytes_that_are_no_utf8(void)
{
    size_t len = 0;
    json_t *value = json_pack("{s:o}", "a", api_json_text("x\xff\ny"));
    char *line = api_json_encode(value, &len);
    CU_ASSERT_STRING_EQUAL(line, "{\"a\":\"x?\\ny\"}\n");
    CU_ASSERT_EQUAL(len, strlen(line));
    api_json_free(line);
    json_decref(value);
}

int main(void)
{
    static const struct suite_test tests[] = {
        TEST(reads_the_members_that_are_asked_for),
        TEST(names_the_member_that_is_missing_unknown_or_of_the_wrong_type),
        TEST(refuses_control_characters),
        TEST(refuses_numbers_outside_their_limits),
        TEST(lists_the_choices_where_none_was_taken),
        TEST(keeps_the_first_refusal),
        TEST(writes_and_reads_times),
        TEST(encodes_one_line_and_survives_bytes_that_are_no_utf8),
    };
    api_json_init();
    return suite_main("api_json", tests, sizeof tests / sizeof tests[0]);
}
