#include "lobby_message.h"

#include <string.h>

#include <jansson.h>

enum { PERCENT_MAX = 100, SECONDS_MAX = 86400 };

static const char *const pages[LOBBY_PAGE_COUNT] = {[LOBBY_PAGE_WAIT] = "wait",
                                                    [LOBBY_PAGE_LOGIN] = "login",
                                                    [LOBBY_PAGE_NOTICE] = "notice",
                                                    [LOBBY_PAGE_CODE] = "code",
                                                    [LOBBY_PAGE_NEW_PASSWORD] = "new-password",
                                                    [LOBBY_PAGE_POOL] = "pool"};
static const char *const dids[] = {
    [LOBBY_DID_LOGIN] = "login", [LOBBY_DID_ANSWER] = "answer", [LOBBY_DID_LEAVE] = "leave"};

static int dump(json_t *object, char ret[LOBBY_MESSAGE_MAX_BYTES], size_t *ret_len)
{
    if (!object)
        return CE_NOMEM;
    size_t len = json_dumpb(object, ret, LOBBY_MESSAGE_MAX_BYTES, JSON_COMPACT);
    json_decref(object);
    if (len == 0 || len > LOBBY_MESSAGE_MAX_BYTES)
        return CE_LIMIT;
    *ret_len = len;
    return 0;
}

static json_t *pools_pack(const struct lobby_show *show)
{
    json_t *pools = json_array();
    for (unsigned i = 0; i < show->pool_count; i++) {
        const struct lobby_pool *pool = &show->pools[i];
        json_t *object = json_pack("{s:s, s:s, s:s, s:i, s:b, s:b}", "name", pool->name, "description",
                                   pool->description, "reason", pool->reason, "ready", (int)pool->ready,
                                   "open", (int)pool->open, "current", (int)pool->current);
        if (json_array_append_new(pools, object)) {
            json_decref(pools);
            return NULL;
        }
    }
    return pools;
}

int lobby_show_write(const struct lobby_show *show, char ret[LOBBY_MESSAGE_MAX_BYTES], size_t *ret_len)
{
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:i, s:i}", "page", pages[show->page], "text", show->text,
                  "session", show->session, "message", show->message, "user", show->user, "bad",
                  (int)show->bad, "percent", (int)show->percent, "seconds", (int)show->seconds);
    if (object && show->page == LOBBY_PAGE_POOL && json_object_set_new(object, "pools", pools_pack(show))) {
        json_decref(object);
        object = NULL;
    }
    return dump(object, ret, ret_len);
}

int lobby_act_write(const struct lobby_act *act, char ret[LOBBY_MESSAGE_MAX_BYTES], size_t *ret_len)
{
    json_t *object = json_pack("{s:s}", "did", dids[act->did]);
    json_t *secret = json_stringn(act->secret.bytes, act->secret.len);
    int rc = object && secret ? 0 : -1;
    if (!rc && act->did == LOBBY_DID_LOGIN)
        rc = json_object_set_new(object, "user", json_string(act->user)) ||
             json_object_set(object, "password", secret);
    else if (!rc && act->did == LOBBY_DID_ANSWER)
        rc = json_object_set_new(object, "page", json_string(pages[act->page])) ||
             json_object_set(object, "answer", secret);
    json_decref(secret);
    if (rc) {
        json_decref(object);
        object = NULL;
    }
    return dump(object, ret, ret_len);
}

static json_t *load(const char *bytes, size_t len)
{
    if (len > LOBBY_MESSAGE_MAX_BYTES)
        return NULL;
    json_t *object = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(object)) {
        json_decref(object);
        return NULL;
    }
    return object;
}

/* Which of the names, or -1. */
static int word_read(const json_t *object, const char *key, const char *const *names, size_t count)
{
    const char *word = json_string_value(json_object_get(object, key));
    for (size_t i = 0; word && i < count; i++)
        if (!strcmp(names[i], word))
            return (int)i;
    return -1;
}

/* A text that stands there and fits; jansson has refused what is no UTF-8 or has a NUL inside. */
static bool text_read(const json_t *object, const char *key, char *ret, size_t size)
{
    const char *text = json_string_value(json_object_get(object, key));
    if (!text || strlen(text) >= size)
        return false;
    strcpy(ret, text);
    return true;
}

static bool number_read(const json_t *object, const char *key, json_int_t max, unsigned *ret)
{
    const json_t *value = json_object_get(object, key);
    json_int_t n = json_integer_value(value);
    if (!json_is_integer(value) || n < 0 || n > max)
        return false;
    *ret = (unsigned)n;
    return true;
}

static bool pool_read(const json_t *object, struct lobby_pool *ret)
{
    ret->open = json_is_true(json_object_get(object, "open"));
    ret->current = json_is_true(json_object_get(object, "current"));
    return text_read(object, "name", ret->name, sizeof ret->name) &&
           text_read(object, "description", ret->description, sizeof ret->description) &&
           text_read(object, "reason", ret->reason, sizeof ret->reason) &&
           number_read(object, "ready", LOBBY_READY_MAX, &ret->ready);
}

static bool pools_read(const json_t *array, struct lobby_show *ret)
{
    if (!json_is_array(array) || json_array_size(array) > LOBBY_POOLS_MAX)
        return false;
    for (size_t i = 0; i < json_array_size(array); i++)
        if (!pool_read(json_array_get(array, i), &ret->pools[i]))
            return false;
    ret->pool_count = (unsigned)json_array_size(array);
    return true;
}

int lobby_show_read(const char *bytes, size_t len, struct lobby_show *ret)
{
    struct lobby_show show = {0};
    json_t *object = load(bytes, len);
    int page = word_read(object, "page", pages, LOBBY_PAGE_COUNT);
    bool ok = page >= 0 && text_read(object, "text", show.text, sizeof show.text) &&
              text_read(object, "session", show.session, sizeof show.session) &&
              text_read(object, "message", show.message, sizeof show.message) &&
              text_read(object, "user", show.user, sizeof show.user) &&
              number_read(object, "percent", PERCENT_MAX, &show.percent) &&
              number_read(object, "seconds", SECONDS_MAX, &show.seconds);
    if (ok && page == LOBBY_PAGE_POOL)
        ok = pools_read(json_object_get(object, "pools"), &show);
    show.bad = json_is_true(json_object_get(object, "bad"));
    json_decref(object);
    if (!ok)
        return CE_BAD_INPUT;
    show.page = (enum lobby_page)page;
    *ret = show;
    return 0;
}

static bool secret_read(const json_t *object, const char *key, struct secret *ret)
{
    const json_t *value = json_object_get(object, key);
    return json_is_string(value) && !secret_set(ret, json_string_value(value), json_string_length(value));
}

int lobby_act_read(const char *bytes, size_t len, struct lobby_act *ret)
{
    json_t *object = load(bytes, len);
    int did = word_read(object, "did", dids, sizeof dids / sizeof dids[0]), page;
    struct lobby_act act = {0};
    bool ok = did >= 0;
    act.did = ok ? (enum lobby_did)did : LOBBY_DID_LEAVE;
    if (ok && act.did == LOBBY_DID_LOGIN) {
        ok = text_read(object, "user", act.user, sizeof act.user) &&
             secret_read(object, "password", &act.secret);
    } else if (ok && act.did == LOBBY_DID_ANSWER) {
        page = word_read(object, "page", pages, LOBBY_PAGE_COUNT);
        ok = page >= LOBBY_PAGE_CODE && secret_read(object, "answer", &act.secret);
        act.page = ok ? (enum lobby_page)page : LOBBY_PAGE_WAIT;
    }
    json_decref(object);
    if (ok)
        *ret = act;
    secret_wipe(&act.secret);
    return ok ? 0 : CE_BAD_INPUT;
}
