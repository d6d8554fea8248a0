#include "lobby_message.h"

#include <stdio.h>
#include <string.h>

#include "suite.h"

static void what_is_written_is_read(void)
{
    char bytes[LOBBY_MESSAGE_MAX_BYTES];
    size_t len;
    struct lobby_show read = {0}, show = {.page = LOBBY_PAGE_LOGIN,
                                          .text = "no \"such\" user",
                                          .bad = true,
                                          .percent = 40,
                                          .seconds = 8,
                                          .user = "\xc3\xa9",
                                          .session = "s-1"};
    struct lobby_act did = {0}, act = {.did = LOBBY_DID_LOGIN, .user = "ada"};
    CU_ASSERT_EQUAL(lobby_show_write(&show, bytes, &len), 0);
    CU_ASSERT_EQUAL(lobby_show_read(bytes, len, &read), 0);
    CU_ASSERT_EQUAL(read.page, LOBBY_PAGE_LOGIN);
    CU_ASSERT_STRING_EQUAL(read.text, show.text);
    CU_ASSERT_STRING_EQUAL(read.user, show.user);
    CU_ASSERT_STRING_EQUAL(read.session, show.session);
    CU_ASSERT(read.bad);
    CU_ASSERT_EQUAL(read.percent, 40);
    CU_ASSERT_EQUAL(read.seconds, 8);
    CU_ASSERT_EQUAL(secret_set(&act.secret, "s3\"cret", 7), 0);
    CU_ASSERT_EQUAL(lobby_act_write(&act, bytes, &len), 0);
    CU_ASSERT_EQUAL(lobby_act_read(bytes, len, &did), 0);
    CU_ASSERT_STRING_EQUAL(did.user, "ada");
    CU_ASSERT_STRING_EQUAL(did.secret.bytes, "s3\"cret");
}

static void a_chooser_of_the_longest_pools_goes_through(void)
{
    static struct lobby_show show, read;
    char bytes[LOBBY_MESSAGE_MAX_BYTES], again[LOBBY_MESSAGE_MAX_BYTES];
    size_t len, again_len;
    show = (struct lobby_show){.page = LOBBY_PAGE_POOL, .pool_count = LOBBY_POOLS_MAX};
    for (unsigned i = 0; i < LOBBY_POOLS_MAX; i++) {
        struct lobby_pool *pool = &show.pools[i];
        memset(pool->name, '"', sizeof pool->name - 1);
        memset(pool->description, '\\', sizeof pool->description - 1);
        memset(pool->reason, '"', sizeof pool->reason - 1);
        pool->ready = LOBBY_READY_MAX;
        pool->open = i % 2;
        pool->current = i == 7;
    }
    memset(show.text, '"', sizeof show.text - 1);
    CU_ASSERT_EQUAL_FATAL(lobby_show_write(&show, bytes, &len), 0);
    CU_ASSERT_EQUAL_FATAL(lobby_show_read(bytes, len, &read), 0);
    CU_ASSERT_EQUAL(read.pool_count, LOBBY_POOLS_MAX);
    CU_ASSERT_STRING_EQUAL(read.pools[7].reason, show.pools[7].reason);
    CU_ASSERT_TRUE(read.pools[7].open && read.pools[7].current && !read.pools[8].current);
    CU_ASSERT_EQUAL_FATAL(lobby_show_write(&read, again, &again_len), 0);
    CU_ASSERT_EQUAL(again_len, len);
    CU_ASSERT_EQUAL(memcmp(again, bytes, len), 0);
}

static void an_answer_names_its_question(void)
{
    char bytes[LOBBY_MESSAGE_MAX_BYTES];
    size_t len;
    struct lobby_act did = {0}, act = {.did = LOBBY_DID_ANSWER, .page = LOBBY_PAGE_NEW_PASSWORD};
    CU_ASSERT_EQUAL(secret_set(&act.secret, "n\xc3\xa4w", 4), 0);
    CU_ASSERT_EQUAL(lobby_act_write(&act, bytes, &len), 0);
    CU_ASSERT_EQUAL(lobby_act_read(bytes, len, &did), 0);
    CU_ASSERT_EQUAL(did.did, LOBBY_DID_ANSWER);
    CU_ASSERT_EQUAL(did.page, LOBBY_PAGE_NEW_PASSWORD);
    CU_ASSERT_STRING_EQUAL(did.secret.bytes, "n\xc3\xa4w");
}

/* Choosers without a list, and with one of something else. */
static const char no_pools[] =
    "{\"page\":\"pool\",\"text\":\"\",\"session\":\"\",\"user\":\"\",\"percent\":0,\"seconds\":0}";
static const char odd_pools[] =
    "{\"page\":\"pool\",\"text\":\"\",\"session\":\"\",\"user\":\"\",\"percent\":0,"
    "\"seconds\":0,\"pools\":[7]}";

static void refuses_what_is_not_such_an_object(void)
{
    static const char *const bad[] = {"",
                                      "[]",
                                      "{}",
                                      "{\"did\":\"dance\"}",
                                      "{\"did\":\"login\",\"user\":\"a\"}",
                                      "{\"did\":\"login\",\"user\":7,\"password\":\"x\"}",
                                      "{\"did\":\"leave\"} trailing",
                                      "{\"did\":\"answer\",\"answer\":\"1\"}",
                                      "{\"did\":\"answer\",\"page\":\"code\"}",
                                      "{\"did\":\"answer\",\"page\":\"login\",\"answer\":\"1\"}",
                                      no_pools,
                                      odd_pools,
                                      "{\"page\":\"wait\"}"};
    char too_long[400];
    struct lobby_act act;
    struct lobby_show show;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CU_ASSERT_EQUAL(lobby_act_read(bad[i], strlen(bad[i]), &act), CE_BAD_INPUT);
        CU_ASSERT_EQUAL(lobby_show_read(bad[i], strlen(bad[i]), &show), CE_BAD_INPUT);
    }
    snprintf(too_long, sizeof too_long, "{\"did\":\"login\",\"password\":\"x\",\"user\":\"%0300d\"}", 0);
    CU_ASSERT_EQUAL(lobby_act_read(too_long, strlen(too_long), &act), CE_BAD_INPUT);
}

SUITE("lobby_message", TEST(what_is_written_is_read), TEST(a_chooser_of_the_longest_pools_goes_through),
      TEST(an_answer_names_its_question), TEST(refuses_what_is_not_such_an_object))
