#include "api.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "args.h"
#include "command.h"
#include "http_client.h"

struct api {
    uv_loop_t loop;
    struct http_client *client;
};

/* What one call waits for. */
struct answer {
    uv_loop_t
        *loop; /* stopped when it is there: a turn whose timers brought it would still wait for events */
    bool done;
    int status;
    json_t *body;
    char error[256];
};

static void put_encoded(FILE *out, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~@";
    for (const char *c = text; *c; c++) {
        if (strchr(plain, *c))
            fputc(*c, out);
        else
            fprintf(out, "%%%02X", (unsigned char)*c);
    }
}

char *api_path(const char *format, ...)
{
    char *path = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&path, &size);
    if (!out)
        abort();
    va_list ap;
    va_start(ap, format);
    for (const char *c = format; *c; c++) {
        if (c[0] == '%' && c[1] == 's') {
            put_encoded(out, va_arg(ap, const char *));
            c++;
        } else {
            fputc(*c, out);
        }
    }
    va_end(ap);
    if (fclose(out) || !path)
        abort();
    return path;
}

static int api_open(struct ctl *ctl)
{
    if (ctl->api)
        return 0;
    struct api *api = calloc(1, sizeof *api);
    if (!api)
        return CE_NOMEM;
    if (uv_loop_init(&api->loop)) {
        free(api);
        return CE_NOMEM;
    }
    int rc = http_client_open(&api->client, &api->loop, ctl->socket_path);
    if (rc) {
        uv_loop_close(&api->loop);
        free(api);
        return rc;
    }
    ctl->api = api;
    return 0;
}

static void on_closed(void *arg)
{
    *(bool *)arg = true;
}

void api_close(struct ctl *ctl)
{
    if (!ctl->api)
        return;
    bool closed = false;
    http_client_close(ctl->api->client, on_closed, &closed);
    uv_run(&ctl->api->loop, UV_RUN_DEFAULT);
    uv_loop_close(&ctl->api->loop);
    free(ctl->api);
    ctl->api = NULL;
}

static void on_answer(void *arg, const struct http_answer *answer)
{
    struct answer *a = arg;
    a->done = true;
    uv_stop(a->loop);
    a->status = answer->status;
    a->body = answer->body ? json_incref(answer->body) : NULL;
    snprintf(a->error, sizeof a->error, "%s", answer->error ? answer->error : "");
}

/* True when somebody serves the loop until DONE. */
static bool run_until(struct api *api, const bool *done)
{
    while (!*done) {
        if (!uv_run(&api->loop, UV_RUN_ONCE) && !*done)
            return false;
    }
    return true;
}

static struct answer call(struct ctl *ctl, const char *method, const char *path, json_t *body,
                          uint64_t timeout_ms)
{
    struct answer a = {.done = false, .status = CE_INTERNAL};
    int rc = api_open(ctl);
    if (!rc)
        a.loop = &ctl->api->loop;
    if (!rc)
        rc = http_client_call(ctl->api->client, method, path, body, timeout_ms, on_answer, &a, NULL);
    json_decref(body);
    if (rc)
        a.status = rc;
    else if (!run_until(ctl->api, &a.done))
        a.status = CE_INTERNAL;
    return a;
}

/* --- words for what went wrong ---------------------------------------------------------------------------
 */

enum ctl_exit api_exit_status(int http_status)
{
    switch (http_status) {
    case 400:
    case 413:
    case 422:
        return CTL_USAGE;
    case 404:
        return CTL_NOT_FOUND;
    case 401:
    case 403:
    case 409:
    case 410:
    case 429:
        return CTL_REFUSED;
    default:
        return CTL_FAILED;
    }
}

static int fail_unreachable(struct ctl *ctl, const struct answer *a)
{
    const char *path = ctl->socket_path;
    if (access(path, F_OK) && errno == ENOENT)
        return ctl_fail(
            ctl, CTL_UNREACHABLE,
            "there is no broker at %s: is carrel-broker running? Another socket is named with --socket "
            "or CARREL_SOCKET",
            path);
    if (access(path, W_OK) && errno == EACCES)
        return ctl_fail(ctl, CTL_UNREACHABLE,
                        "this user may not open %s: the broker lets in the users that broker.admins of its "
                        "configuration names",
                        path);
    if (a->status == CE_TIMEOUT)
        return ctl_fail(ctl, CTL_UNREACHABLE, "the broker at %s took too long to answer", path);
    /* libcurl's words for a refused connection speak of a port that a unix socket does not have. */
    if (!*a->error || strstr(a->error, " port "))
        return ctl_fail(ctl, CTL_UNREACHABLE, "nobody listens at %s: is carrel-broker running?", path);
    return ctl_fail(ctl, CTL_UNREACHABLE, "the broker at %s broke off: %s", path, a->error);
}

/* The option that sets the member NAME (LEN bytes) of a request, or NULL. */
static const struct ctl_option *option_of(const struct ctl_option *options, const char *name, size_t len)
{
    static const char unit[] = "_mib"; /* sizes are typed with a unit, which the member has in its name */
    if (len > sizeof unit && !strncmp(name + len - (sizeof unit - 1), unit, sizeof unit - 1))
        len -= sizeof unit - 1;
    for (const struct ctl_option *o = options; o && o->name; o++) {
        size_t i = 0;
        while (i < len && o->name[i] == (name[i] == '_' ? '-' : name[i]))
            i++;
        if (i == len && !o->name[i])
            return o;
    }
    return NULL;
}

void api_put_complaint(const struct ctl_option *options, const char *detail, char *ret, size_t size)
{
    static const char member[] = "The member \"";
    const char *rest = detail;
    char begin[80] = "";
    if (!strncmp(detail, member, sizeof member - 1)) {
        const char *name = detail + sizeof member - 1;
        size_t len = strcspn(name, "\"");
        const struct ctl_option *option = option_of(options, name, len);
        if (name[len] && len < sizeof begin / 2) {
            if (option)
                snprintf(begin, sizeof begin, "--%s", option->name);
            else
                snprintf(begin, sizeof begin, "the %.*s", (int)len, name);
            rest = name + len + 1;
        }
    }
    /* A sentence begins small, and a single one has no full stop. */
    size_t len = strlen(detail);
    bool one = len && detail[len - 1] == '.' && !strstr(detail, ". ");
    bool small = rest == detail && *rest >= 'A' && *rest <= 'Z' &&
                 (rest[1] == ' ' || (rest[1] >= 'a' && rest[1] <= 'z'));
    if (small)
        snprintf(begin, sizeof begin, "%c", *rest++ - 'A' + 'a');
    snprintf(ret, size, "%s%.*s", begin, (int)(strlen(rest) - one), rest);
}

static int fail_http(struct ctl *ctl, const char *method, const char *path, const struct answer *a)
{
    enum ctl_exit status = api_exit_status(a->status);
    const char *detail = api_text(a->body, "detail");
    if (!*detail)
        detail = api_text(a->body, "title");
    if (!*detail)
        return ctl_fail(ctl, status, "the broker answered %d to %s %s, without a word why", a->status, method,
                        path);

    char words[2048];
    api_put_complaint(ctl->args && ctl->args->command ? ctl->args->command->options : NULL, detail, words,
                      sizeof words);
    ctl_complain(ctl, "%s", words);
    if (ctl->json)
        ctl_print_json(ctl, a->body);
    return status;
}

static int judge(struct ctl *ctl, const char *method, const char *path, const struct answer *a)
{
    if (a->status >= 200 && a->status < 300)
        return CTL_OK;
    if (a->status >= 100)
        return fail_http(ctl, method, path, a);
    if (a->status == CE_UNREACHABLE || a->status == CE_TIMEOUT || a->status == CE_IO)
        return fail_unreachable(ctl, a);
    return ctl_fail(ctl, CTL_FAILED, "%s %s failed: %s", method, path,
                    *a->error ? a->error : error_name(a->status));
}

int api_call(struct ctl *ctl, const char *method, const char *path, json_t *body, json_t **ret)
{
    struct answer a = call(ctl, method, path, body, API_CALL_TIMEOUT_MS);
    CLEANUP_JSON json_t *answered = a.body;
    int rc = judge(ctl, method, path, &a);
    if (rc || !ret)
        return rc;
    if (!answered && a.status == 204)
        answered = json_object();
    if (!json_is_object(answered))
        return ctl_fail(ctl, CTL_FAILED,
                        "the answer to %s %s is no JSON object: is it Carrel's broker that listens at %s?",
                        method, path, ctl->socket_path);
    *ret = json_incref(answered);
    return CTL_OK;
}

json_t *api_ask(struct ctl *ctl, const char *path)
{
    struct answer a = call(ctl, "GET", path, NULL, API_COMPLETE_TIMEOUT_MS);
    if (a.status == 200 && json_is_object(a.body))
        return a.body;
    json_decref(a.body);
    return NULL;
}

/* --- streams and pauses ----------------------------------------------------------------------------------
 */

struct follow {
    struct answer answer; /* first: on_answer() gets it */
    struct ctl *ctl;
    bool (*event)(void *arg, const json_t *event);
    void *arg;
    bool enough;
};

static void on_line(void *arg, const char *line, size_t len)
{
    struct follow *f = arg;
    CLEANUP_JSON json_t *event = json_loadb(line, len, 0, NULL);
    if (!event)
        ctl_complain(f->ctl, "a line of the stream is no JSON and was left out");
    else if (!f->enough)
        f->enough = !f->event(f->arg, event);
    if (f->enough)
        uv_stop(f->answer.loop);
}

int api_follow(struct ctl *ctl, const char *path, bool (*event)(void *arg, const json_t *event), void *arg)
{
    struct follow f = {.answer = {.status = CE_INTERNAL}, .ctl = ctl, .event = event, .arg = arg};
    struct http_call *under_way = NULL;
    int rc = api_open(ctl);
    if (!rc)
        f.answer.loop = &ctl->api->loop;
    if (!rc)
        rc = http_client_follow(ctl->api->client, path, API_FOLLOW_SILENCE_MS, on_line, on_answer, &f,
                                &under_way);
    if (rc)
        f.answer.status = rc;
    while (!rc && !f.answer.done && !f.enough)
        uv_run(&ctl->api->loop, UV_RUN_ONCE);
    if (!rc && f.enough && !f.answer.done) {
        http_call_cancel(under_way);
        return CTL_OK;
    }
    rc = judge(ctl, "GET", path, &f.answer);
    json_decref(f.answer.body);
    return rc;
}

static void on_pause_over(uv_timer_t *timer)
{
    uv_close((uv_handle_t *)timer, NULL);
    uv_stop(timer->loop);
}

int api_pause(struct ctl *ctl, uint64_t ms)
{
    uv_timer_t timer;
    if (api_open(ctl) || uv_timer_init(&ctl->api->loop, &timer))
        return ctl_fail(ctl, CTL_FAILED, "out of memory");
    uv_update_time(&ctl->api->loop);
    uv_timer_start(&timer, on_pause_over, ms, 0);
    /* A closed handle leaves the loop in the turn after its callback. */
    do {
        uv_run(&ctl->api->loop, UV_RUN_ONCE);
    } while (!uv_is_closing((uv_handle_t *)&timer));
    uv_run(&ctl->api->loop, UV_RUN_NOWAIT);
    return CTL_OK;
}

/* --- reading answers -------------------------------------------------------------------------------------
 */

const char *api_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

long long api_number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_real(value) ? (long long)json_real_value(value) : json_integer_value(value);
}

bool api_flag(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}
