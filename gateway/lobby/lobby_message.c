#include "lobby_message.h"

#include <string.h>

#include <jansson.h>

enum { PERCENT_MAX = 100, SECONDS_MAX = 86400 };

static const char *const pages[] = {
    [LOBBY_PAGE_WAIT] = "wait", [LOBBY_PAGE_FORM] = "form", [LOBBY_PAGE_NOTICE] = "notice"};
static const char *const dids[] = {[LOBBY_DID_LOGIN] = "login", [LOBBY_DID_LEAVE] = "leave"};

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

int lobby_show_write(const struct lobby_show *show, char ret[LOBBY_MESSAGE_MAX_BYTES], size_t *ret_len)
{
    return dump(json_pack("{s:s, s:s, s:s, s:s, s:b, s:i, s:i}", "page", pages[show->page], "text",
                          show->text, "session", show->session, "user", show->user, "bad", (int)show->bad,
                          "percent", (int)show->percent, "seconds", (int)show->seconds),
                ret, ret_len);
}

int lobby_act_write(const struct lobby_act *act, char ret[LOBBY_MESSAGE_MAX_BYTES], size_t *ret_len)
{
    if (act->did == LOBBY_DID_LEAVE)
        return dump(json_pack("{s:s}", "did", dids[act->did]), ret, ret_len);
    return dump(json_pack("{s:s, s:s, s:s#}", "did", dids[act->did], "user", act->user, "password",
                          act->password.bytes, (int)act->password.len),
                ret, ret_len);
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

int lobby_show_read(const char *bytes, size_t len, struct lobby_show *ret)
{
    struct lobby_show show = {0};
    json_t *object = load(bytes, len);
    int page = word_read(object, "page", pages, sizeof pages / sizeof pages[0]);
    bool ok = page >= 0 && text_read(object, "text", show.text, sizeof show.text) &&
              text_read(object, "session", show.session, sizeof show.session) &&
              text_read(object, "user", show.user, sizeof show.user) &&
              number_read(object, "percent", PERCENT_MAX, &show.percent) &&
              number_read(object, "seconds", SECONDS_MAX, &show.seconds);
    show.bad = json_is_true(json_object_get(object, "bad"));
    json_decref(object);
    if (!ok)
        return CE_BAD_INPUT;
    show.page = (enum lobby_page)page;
    *ret = show;
    return 0;
}

int lobby_act_read(const char *bytes, size_t len, struct lobby_act *ret)
{
    json_t *object = load(bytes, len);
    int did = word_read(object, "did", dids, sizeof dids / sizeof dids[0]);
    const json_t *password = json_object_get(object, "password");
    struct lobby_act act = {0};
    bool ok = did >= 0;
    act.did = ok ? (enum lobby_did)did : LOBBY_DID_LEAVE;
    if (ok && act.did == LOBBY_DID_LOGIN)
        ok = text_read(object, "user", act.user, sizeof act.user) && json_is_string(password) &&
             secret_set(&act.password, json_string_value(password), json_string_length(password)) == 0;
    json_decref(object);
    if (ok)
        *ret = act;
    secret_wipe(&act.password);
    return ok ? 0 : CE_BAD_INPUT;
}
