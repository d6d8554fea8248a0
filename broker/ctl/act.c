#include "act.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "api.h"
#include "args.h"
#include "progress.h"

#define SENTENCE_SIZE 512
#define ORDER_WAIT_S 300
#define ORDER_LOOK_MS 300

static void say(struct ctl *ctl, const json_t *answer, const char *sentence)
{
    if (ctl->json)
        ctl_print_json(ctl, answer);
    else
        ctl_say(ctl, "%s", sentence);
}

int act(struct ctl *ctl, const char *method, char *path, json_t *body, const char *fmt, ...)
{
    CLEANUP_TEXT char *owned = path;
    CLEANUP_JSON json_t *answer = NULL;
    char sentence[SENTENCE_SIZE];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(sentence, sizeof sentence, fmt, ap);
    va_end(ap);
    int rc = api_call(ctl, method, owned, body, &answer);
    if (!rc)
        say(ctl, answer, sentence);
    return rc;
}

int act_wait_order(struct ctl *ctl, const json_t *ordered, const char *sentence)
{
    uint64_t patience_s = ORDER_WAIT_S;
    int rc = args_seconds(ctl, "timeout", &patience_s);
    double until_s = act_clock_s() + (double)patience_s;
    char number[32];
    snprintf(number, sizeof number, "%lld", api_number(ordered, "order"));
    CLEANUP_TEXT char *path = api_path("/v1/orders/%s", number);
    while (!rc) {
        CLEANUP_JSON json_t *order = NULL;
        rc = api_call(ctl, "GET", path, NULL, &order);
        if (rc)
            break;
        const char *state = api_text(order, "state"), *reason = api_text(order, "reason");
        if (!strcmp(state, "done")) {
            if (sentence)
                say(ctl, order, sentence);
            return CTL_OK;
        }
        if (!strcmp(state, "failed"))
            return ctl_fail(ctl, CTL_FAILED, "it failed%s%s", *reason ? ": " : "", reason);
        if (act_clock_s() >= until_s)
            return ctl_fail(ctl, CTL_FAILED, "order %s is not done yet; it stays in force", number);
        rc = api_pause(ctl, ORDER_LOOK_MS);
    }
    return rc;
}

/* PATH and BODY are taken over. */
static int order_call(struct ctl *ctl, const char *method, char *path, json_t *body, const char *sentence)
{
    CLEANUP_TEXT char *owned = path;
    CLEANUP_JSON json_t *answer = NULL;
    uint64_t unused = 0;
    int rc = args_seconds(ctl, "timeout", &unused);
    if (rc) {
        json_decref(body);
        return rc;
    }
    rc = api_call(ctl, method, owned, body, &answer);
    if (rc)
        return rc;
    if (args_given(ctl, "wait"))
        return act_wait_order(ctl, answer, sentence);
    char ordered[SENTENCE_SIZE + 32];
    snprintf(ordered, sizeof ordered, "%s: ordered (%lld)", sentence, api_number(answer, "order"));
    say(ctl, answer, ordered);
    return CTL_OK;
}

int act_order(struct ctl *ctl, char *path, const char *fmt, ...)
{
    char sentence[SENTENCE_SIZE];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(sentence, sizeof sentence, fmt, ap);
    va_end(ap);
    return order_call(ctl, "POST", path, NULL, sentence);
}

int act_order_body(struct ctl *ctl, const char *method, char *path, json_t *body, const char *fmt, ...)
{
    char sentence[SENTENCE_SIZE];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(sentence, sizeof sentence, fmt, ap);
    va_end(ap);
    return order_call(ctl, method, path, body, sentence);
}

void act_set_text(struct ctl *ctl, json_t *object, const char *option, const char *key)
{
    const char *value = args_value(ctl, option);
    if (value)
        json_object_set_new(object, key, json_string(value));
}

char *act_absolute_path(struct ctl *ctl, const char *file)
{
    char *path = realpath(file, NULL);
    if (!path)
        (void)ctl_fail(ctl, CTL_USAGE, "%s: %s", file, strerror(errno));
    return path;
}

double act_clock_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}
