#include "question.h"

#include <stdio.h>
#include <string.h>

#include "suite.h"

#define BEGINNING                                                                                            \
    "{\"state\":\"question\",\"question\":{\"id\":\"q-1\",\"text\":\"Please.\",\"expires_in_s\":120,"

static struct question question;
static struct error err;

static int parse(const char *text)
{
    json_t *body = json_loads(text, 0, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(body);
    CU_ASSERT_TRUE(question_is(body));
    memset(&err, 0, sizeof err);
    int rc = question_parse(body, &question, &err);
    json_decref(body);
    return rc;
}

static void a_code_is_asked_for(void)
{
    CU_ASSERT_EQUAL(parse(BEGINNING "\"ask\":\"code\",\"bad\":true}}"), 0);
    CU_ASSERT_STRING_EQUAL(question.id, "q-1");
    CU_ASSERT_EQUAL(question.ask, QUESTION_CODE);
    CU_ASSERT_STRING_EQUAL(question.text, "Please.");
    CU_ASSERT_TRUE(question.bad);
    CU_ASSERT_EQUAL(question.expires_ms, 120000);
    CU_ASSERT_STRING_EQUAL(question_answer_key(QUESTION_NEW_PASSWORD), "new_password");
}

static void pools_have_what_people_choose_by(void)
{
    CU_ASSERT_EQUAL(
        parse(BEGINNING "\"ask\":\"pool\",\"bad\":false,\"pools\":["
                        "{\"name\":\"office\",\"description\":\"The\\nusual\",\"ready\":3,\"state\":\"open\","
                        "\"current\":true},"
                        "{\"name\":\"lab\",\"description\":\"\",\"ready\":0,\"state\":\"closed\","
                        "\"reason\":\"Not at night.\",\"current\":false}]}}"),
        0);
    CU_ASSERT_EQUAL(question.pool_count, 2);
    CU_ASSERT_STRING_EQUAL(question.pools[0].name, "office");
    CU_ASSERT_STRING_EQUAL(question.pools[0].description, "The usual");
    CU_ASSERT_EQUAL(question.pools[0].ready, 3);
    CU_ASSERT_TRUE(question.pools[0].open && question.pools[0].current);
    CU_ASSERT_FALSE(question.pools[1].open || question.pools[1].current);
    CU_ASSERT_STRING_EQUAL(question.pools[1].reason, "Not at night.");
}

static void what_is_too_long_is_cut_between_characters(void)
{
    char text[3000] = BEGINNING "\"ask\":\"code\",\"text\":\"x";
    size_t at = strlen(text);
    for (unsigned i = 0; i < 600; i++, at += 2)
        memcpy(text + at, "\xc3\xa4", 2);
    strcpy(text + at, "\"}}");
    json_t *body = json_loads(text, 0, NULL); /* the later of two "text" counts */
    CU_ASSERT_EQUAL(question_parse(body, &question, &err), 0);
    json_decref(body);
    size_t len = strlen(question.text);
    CU_ASSERT_TRUE(len < sizeof question.text && len > sizeof question.text - 8);
    CU_ASSERT_STRING_EQUAL(question.text + len - 5, "\xc3\xa4\xe2\x80\xa6");
}

static void refuses_what_is_not_understood(void)
{
    static const char *const bad[] = {
        "{\"state\":\"question\"}",
        "{\"state\":\"question\",\"question\":7}",
        "{\"state\":\"question\",\"question\":{\"ask\":\"code\",\"expires_in_s\":5}}",
        "{\"state\":\"question\",\"question\":{\"id\":\"\",\"ask\":\"code\",\"expires_in_s\":5}}",
        "{\"state\":\"question\",\"question\":{\"id\":\"q-012345678901234567890123456789\",\"ask\":\"code\","
        "\"expires_in_s\":5}}",
        "{\"state\":\"question\",\"question\":{\"id\":\"q-1\",\"ask\":\"code\"}}",
        "{\"state\":\"question\",\"question\":{\"id\":\"q-1\",\"ask\":\"code\",\"expires_in_s\":0}}",
        BEGINNING "\"ask\":\"shoe size\"}}",
        BEGINNING "\"ask\":\"pool\"}}",
        BEGINNING "\"ask\":\"pool\",\"pools\":[]}}",
        BEGINNING "\"ask\":\"pool\",\"pools\":[{\"name\":\"a b\",\"state\":\"open\"}]}}",
        BEGINNING "\"ask\":\"pool\",\"pools\":[{\"name\":\"a\",\"state\":\"ajar\"}]}}",
        BEGINNING "\"ask\":\"pool\",\"pools\":[{\"name\":\"a\"}]}}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CU_ASSERT_EQUAL(parse(bad[i]), CE_BAD_INPUT);
        CU_ASSERT_TRUE(err.text[0]);
    }
}

static void more_pools_than_there_is_room_for_are_refused(void)
{
    char text[6000] = BEGINNING "\"ask\":\"pool\",\"pools\":[";
    for (unsigned i = 0; i <= LOBBY_POOLS_MAX; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s{\"name\":\"p%u\",\"state\":\"open\"}",
                 i ? "," : "", i);
    strcat(text, "]}}");
    CU_ASSERT_EQUAL(parse(text), CE_BAD_INPUT);
}

static void a_ticket_is_no_question(void)
{
    json_t *body = json_pack("{s:s}", "state", "waiting");
    CU_ASSERT_FALSE(question_is(body));
    json_decref(body);
    CU_ASSERT_FALSE(question_is(NULL));
}

SUITE("question", TEST(a_code_is_asked_for), TEST(pools_have_what_people_choose_by),
      TEST(what_is_too_long_is_cut_between_characters), TEST(refuses_what_is_not_understood),
      TEST(more_pools_than_there_is_room_for_are_refused), TEST(a_ticket_is_no_question))
