#include "lobby_message.h"

#include <stdio.h>
#include <string.h>

#include "suite.h"

static void what_is_written_is_read(void)
{
    char bytes[LOBBY_MESSAGE_MAX_BYTES];
    size_t len;
    struct lobby_show read = {0}, show = {.page = LOBBY_PAGE_FORM,
                                          .text = "no \"such\" user",
                                          .bad = true,
                                          .percent = 40,
                                          .seconds = 8,
                                          .user = "\xc3\xa9",
                                          .session = "s-1"};
    struct lobby_act did = {0}, act = {.did = LOBBY_DID_LOGIN, .user = "ada"};
    CU_ASSERT_EQUAL(lobby_show_write(&show, bytes, &len), 0);
    CU_ASSERT_EQUAL(lobby_show_read(bytes, len, &read), 0);
    CU_ASSERT_EQUAL(read.page, LOBBY_PAGE_FORM);
    CU_ASSERT_STRING_EQUAL(read.text, show.text);
    CU_ASSERT_STRING_EQUAL(read.user, show.user);
    CU_ASSERT_STRING_EQUAL(read.session, show.session);
    CU_ASSERT(read.bad);
    CU_ASSERT_EQUAL(read.percent, 40);
    CU_ASSERT_EQUAL(read.seconds, 8);
    CU_ASSERT_EQUAL(secret_set(&act.password, "s3\"cret", 7), 0);
    CU_ASSERT_EQUAL(lobby_act_write(&act, bytes, &len), 0);
    CU_ASSERT_EQUAL(lobby_act_read(bytes, len, &did), 0);
    CU_ASSERT_STRING_EQUAL(did.user, "ada");
    CU_ASSERT_STRING_EQUAL(did.password.bytes, "s3\"cret");
}

static void refuses_what_is_not_such_an_object(void)
{
    static const char *const bad[] = {"",
                                      "[]",
                                      "{}",
                                      "{\"did\":\"dance\"}",
                                      "{\"did\":\"login\",\"user\":\"a\"}",
                                      "{\"did\":\"login\",\"user\":7,\"password\":\"x\"}",
                                      "{\"did\":\"leave\"} trailing",
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

SUITE("lobby_message", TEST(what_is_written_is_read), TEST(refuses_what_is_not_such_an_object))
