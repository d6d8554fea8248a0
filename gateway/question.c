#include "question.h"

#include <string.h>

enum { EXPIRES_MAX_S = 3600 };

static const struct {
    const char *name, *answer_key;
} asks[QUESTION_ASK_COUNT] = {[QUESTION_CODE] = {"code", "code"},
                              [QUESTION_NEW_PASSWORD] = {"new-password", "new_password"},
                              [QUESTION_POOL] = {"pool", "pool"}};

const char *question_answer_key(enum question_ask ask)
{
    return asks[ask].answer_key;
}

/* Sentences and descriptions are people's: what is too long is cut between two characters, with a mark, and
 * control characters, which have no picture, become blanks. */
static void words_take(const char *text, char *ret, size_t size)
{
    static const char mark[] = "\xe2\x80\xa6";
    size_t len = text ? strlen(text) : 0;
    bool cut = len >= size;
    if (cut) {
        len = size - sizeof mark;
        while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
            len--;
    }
    for (size_t i = 0; i < len; i++)
        ret[i] = (unsigned char)text[i] < ' ' || text[i] == 0x7f ? ' ' : text[i];
    strcpy(ret + len, cut ? mark : "");
}

static int pool_parse(const json_t *object, struct lobby_pool *ret, struct error *err)
{
    const char *name = json_string_value(json_object_get(object, "name"));
    const char *state = json_string_value(json_object_get(object, "state"));
    json_int_t ready = json_integer_value(json_object_get(object, "ready"));
    if (!name || name_is_valid(name) != 1)
        return error_set(err, CE_BAD_INPUT, "a pool of the broker's question has no name");
    if (!state || (strcmp(state, "open") != 0 && strcmp(state, "closed") != 0))
        return error_set(err, CE_BAD_INPUT, "the 'state' of a pool of the question is not understood");
    strcpy(ret->name, name);
    ret->open = !strcmp(state, "open");
    ret->current = json_is_true(json_object_get(object, "current"));
    ret->ready = ready < 0 ? 0 : ready > LOBBY_READY_MAX ? LOBBY_READY_MAX : (unsigned)ready;
    words_take(json_string_value(json_object_get(object, "description")), ret->description,
               sizeof ret->description);
    words_take(json_string_value(json_object_get(object, "reason")), ret->reason, sizeof ret->reason);
    return 0;
}

static int pools_parse(const json_t *pools, struct question *ret, struct error *err)
{
    size_t count = json_array_size(pools);
    if (count == 0 || count > LOBBY_POOLS_MAX)
        return error_set(err, CE_BAD_INPUT, "the broker asks for one of %zu pools", count);
    for (size_t i = 0; i < count; i++) {
        int rc = pool_parse(json_array_get(pools, i), &ret->pools[i], err);
        if (rc)
            return rc;
    }
    ret->pool_count = (unsigned)count;
    return 0;
}

bool question_is(const json_t *body)
{
    const char *state = json_string_value(json_object_get(body, "state"));
    return state && !strcmp(state, "question");
}

int question_parse(const json_t *body, struct question *ret_question, struct error *err)
{
    struct question question = {.ask = QUESTION_ASK_COUNT};
    const json_t *object = json_object_get(body, "question");
    const char *id = json_string_value(json_object_get(object, "id"));
    const char *ask = json_string_value(json_object_get(object, "ask"));
    json_int_t expires_s = json_integer_value(json_object_get(object, "expires_in_s"));
    for (unsigned i = 0; ask && i < QUESTION_ASK_COUNT; i++)
        if (!strcmp(asks[i].name, ask))
            question.ask = (enum question_ask)i;
    if (!id || !*id || strlen(id) >= sizeof question.id)
        return error_set(err, CE_BAD_INPUT, "the broker's question has no id");
    if (question.ask == QUESTION_ASK_COUNT)
        return error_set(err, CE_BAD_INPUT, "what the broker asks for is not understood");
    if (expires_s < 1 || expires_s > EXPIRES_MAX_S)
        return error_set(err, CE_BAD_INPUT, "the question's 'expires_in_s' is not 1 to %d", EXPIRES_MAX_S);
    strcpy(question.id, id);
    question.expires_ms = (uint64_t)expires_s * 1000;
    question.bad = json_is_true(json_object_get(object, "bad"));
    words_take(json_string_value(json_object_get(object, "text")), question.text, sizeof question.text);
    int rc =
        question.ask == QUESTION_POOL ? pools_parse(json_object_get(object, "pools"), &question, err) : 0;
    if (!rc)
        *ret_question = question;
    return rc;
}
