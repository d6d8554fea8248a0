#include "banner_message.h"

#include <string.h>

#include <jansson.h>

enum {
    SCREEN_MIN = 200, /* pixels; nothing is readable below */
    SCREEN_MAX = 8192,
    SCALE_MIN = 100,
    SCALE_MAX = 500,
};

bool banner_depth_is_known(unsigned depth)
{
    return depth == 15 || depth == 16 || depth == 24 || depth == 32;
}

int banner_request_write(const struct banner_request *request, char ret[BANNER_MESSAGE_MAX_BYTES],
                         size_t *ret_len)
{
    json_t *object =
        json_pack("{s:s, s:i, s:i, s:i, s:i}", "text", request->text, "width", (int)request->width, "height",
                  (int)request->height, "scale", (int)request->scale, "depth", (int)request->depth);
    if (!object)
        return CE_NOMEM;
    size_t len = json_dumpb(object, ret, BANNER_MESSAGE_MAX_BYTES, JSON_COMPACT);
    json_decref(object);
    if (len == 0 || len > BANNER_MESSAGE_MAX_BYTES)
        return CE_LIMIT;
    *ret_len = len;
    return 0;
}

static bool number_read(const json_t *object, const char *key, json_int_t min, json_int_t max, unsigned *ret)
{
    const json_t *value = json_object_get(object, key);
    json_int_t n = json_integer_value(value);
    if (!json_is_integer(value) || n < min || n > max)
        return false;
    *ret = (unsigned)n;
    return true;
}

int banner_request_read(const char *bytes, size_t len, struct banner_request *ret)
{
    struct banner_request request = {.width = 0};
    if (len > BANNER_MESSAGE_MAX_BYTES)
        return CE_BAD_INPUT;
    json_t *object = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, NULL);
    const char *text = json_string_value(json_object_get(object, "text"));
    bool ok = text && *text && strlen(text) < sizeof request.text &&
              number_read(object, "width", SCREEN_MIN, SCREEN_MAX, &request.width) &&
              number_read(object, "height", SCREEN_MIN, SCREEN_MAX, &request.height) &&
              number_read(object, "scale", SCALE_MIN, SCALE_MAX, &request.scale) &&
              number_read(object, "depth", 0, 32, &request.depth) && banner_depth_is_known(request.depth);
    if (ok)
        strcpy(request.text, text);
    json_decref(object);
    if (!ok)
        return CE_BAD_INPUT;
    *ret = request;
    return 0;
}
