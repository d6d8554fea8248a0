#include "question.h"

#include <stdio.h>
#include <string.h>

#include "suite.h"

static struct questions *questions;
static struct login_progress ann;

static void begin(void)
{
    CU_ASSERT_EQUAL_FATAL(secret_library_init(), 0);
    CU_ASSERT_EQUAL_FATAL(questions_open(&questions), 0);
    ann = (struct login_progress){.code_done = true, .who = {.gateway = "gw1", .address = "192.0.2.1"}};
    login_attempt_set_name(&ann.who, "ann");
}

static void end(void)
{
    questions_destroy(&questions);
    CU_ASSERT_PTR_NULL(questions);
    questions_destroy(&questions);
}

static void put(enum question_ask ask, int64_t now_ms, char ret_id[ID_SIZE])
{
    CU_ASSERT_EQUAL_FATAL(questions_put(questions, ask, &ann, now_ms, ret_id), 0);
}

static int take(const char *id, const char *gateway, const char *address, int64_t now_ms)
{
    struct login_attempt who = {0};
    struct login_progress got = {0};
    snprintf(who.gateway, sizeof who.gateway, "%s", gateway);
    snprintf(who.address, sizeof who.address, "%s", address);
    int rc = questions_take(questions, id, &who, now_ms, &got);
    if (!rc) {
        CU_ASSERT_STRING_EQUAL(got.who.name, "ann");
        CU_ASSERT_TRUE(got.code_done);
    } else {
        CU_ASSERT_EQUAL(rc, CE_NOT_FOUND);
        CU_ASSERT_EQUAL(questions_look(questions, id, &who, now_ms), ASK_NOTHING);
    }
    return rc;
}

static void a_question_is_answered_once(void)
{
    char id[ID_SIZE], other[ID_SIZE];
    begin();
    put(ASK_CODE, 0, id);
    put(ASK_POOL, 0, other);
    CU_ASSERT_EQUAL(id[0], 'q');
    CU_ASSERT_STRING_NOT_EQUAL(id, other);
    CU_ASSERT_EQUAL(questions_look(questions, id, &ann.who, 0), ASK_CODE);
    CU_ASSERT_EQUAL(questions_look(questions, other, &ann.who, 0), ASK_POOL);
    CU_ASSERT_EQUAL(take(id, "gw1", "192.0.2.1", 0), 0);
    CU_ASSERT_EQUAL(take(id, "gw1", "192.0.2.1", 0), CE_NOT_FOUND);
    CU_ASSERT_EQUAL(take(other, "gw1", "192.0.2.1", 0), 0);
    CU_ASSERT_EQUAL(take("q-0000000000000000", "gw1", "192.0.2.1", 0), CE_NOT_FOUND);
    CU_ASSERT_EQUAL(take("", "gw1", "192.0.2.1", 0), CE_NOT_FOUND);
    end();
}

static void it_is_good_for_its_gateway_and_its_client_only(void)
{
    char id[ID_SIZE];
    begin();
    put(ASK_CODE, 0, id);
    CU_ASSERT_EQUAL(take(id, "gw2", "192.0.2.1", 0), CE_NOT_FOUND);
    CU_ASSERT_EQUAL(take(id, "gw1", "192.0.2.2", 0), CE_NOT_FOUND);
    CU_ASSERT_EQUAL(take(id, "gw1", "", 0), CE_NOT_FOUND);
    CU_ASSERT_EQUAL(take(id, "gw1", "192.0.2.1", 0), 0);
    end();
}

static void it_lapses_with_and_without_a_sweep(void)
{
    char id[ID_SIZE], other[ID_SIZE];
    begin();
    put(ASK_CODE, 1000, id);
    put(ASK_CODE, 1000, other);
    questions_sweep(questions, 1000 + QUESTION_LIFE_MS - 1);
    CU_ASSERT_EQUAL(take(other, "gw1", "192.0.2.1", 1000 + QUESTION_LIFE_MS - 1), 0);
    CU_ASSERT_EQUAL(take(id, "gw1", "192.0.2.1", 1000 + QUESTION_LIFE_MS), CE_NOT_FOUND);
    questions_sweep(questions, 1000 + QUESTION_LIFE_MS);
    CU_ASSERT_EQUAL(take(id, "gw1", "192.0.2.1", 1000), CE_NOT_FOUND); /* and is gone */
    end();
}

static void the_oldest_gives_way_in_a_flood(void)
{
    char first[ID_SIZE], second[ID_SIZE], id[ID_SIZE];
    begin();
    put(ASK_CODE, 0, first);
    put(ASK_CODE, 0, second);
    for (unsigned i = 2; i < QUESTION_MAX; i++)
        put(ASK_CODE, 0, id);
    CU_ASSERT_EQUAL(questions_look(questions, first, &ann.who, 0), ASK_CODE);
    put(ASK_CODE, 0, id);
    CU_ASSERT_EQUAL(questions_look(questions, first, &ann.who, 0), ASK_NOTHING);
    CU_ASSERT_EQUAL(questions_look(questions, second, &ann.who, 0), ASK_CODE);
    CU_ASSERT_EQUAL(questions_look(questions, id, &ann.who, 0), ASK_CODE);
    end();
}

SUITE("question", TEST(a_question_is_answered_once), TEST(it_is_good_for_its_gateway_and_its_client_only),
      TEST(it_lapses_with_and_without_a_sweep), TEST(the_oldest_gives_way_in_a_flood))
