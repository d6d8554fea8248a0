#include "http_client_parts.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Calls under way at once, each on a connection of its own; the next ones wait in order, and their time runs
 * while they wait. More than a burst of long polls needs, less than the broker accepts. */
#define CALLS_ACTIVE_MAX 256
/* Calls that wait; one more is refused at once with CE_LIMIT. */
#define CALLS_WAITING_MAX 8192

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_once_result;

static void curl_start(void)
{
    curl_once_result = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static void client_start_waiting(struct http_client *client);

/* ---- a call's end ---- */

/* Takes the call from libcurl and from its list: nothing finds it any more. */
static void call_detach(struct http_call *call)
{
    struct http_client *client = call->client;
    if (call->deadline_ms) {
        client->waiting_count--;
    } else {
        client->active_count--;
        curl_multi_remove_handle(client->multi, call->easy);
    }
    list_remove(&call->entry);
}

/* The caller may do anything in answered(), close the client too; so the call is detached before. */
static void call_finish(struct http_call *call, int status, const char *words)
{
    struct http_answer answer = {.status = status, .error = status < 0 ? words : NULL};
    call_detach(call);
    if (status > 0 && call->got_len && !(call->line && status == 200))
        answer.body = json_loadb(call->got, call->got_len, 0, NULL);
    call->answered(call->arg, &answer);
    json_decref(answer.body);
    http_call_destroy(&call);
}

void http_call_cancel(struct http_call *call)
{
    struct http_client *client = call->client;
    call_detach(call);
    http_call_destroy(&call);
    client_start_waiting(client);
}

void http_client_collect(struct http_client *client)
{
    CURLMsg *message;
    int left;
    while (!client->closing && (message = curl_multi_info_read(client->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode code = message->data.result;
        struct http_call *call;
        long status = 0;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
        curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
        if (code == CURLE_OK && status > 0)
            call_finish(call, (int)status, NULL);
        else
            call_finish(call, http_call_error(code), *call->words ? call->words : curl_easy_strerror(code));
    }
    client_start_waiting(client);
}

/* ---- calls that wait for their turn ---- */

static int call_start(struct http_call *call)
{
    struct http_client *client = call->client;
    uint64_t now_ms = uv_now(client->loop);
    long left_ms = call->deadline_ms > now_ms ? (long)(call->deadline_ms - now_ms) : 1;
    if (call->line) {
        left_ms = 0; /* a stream has no end of its own */
        call->silent_at_ms = call->deadline_ms;
    }
    if (curl_easy_setopt(call->easy, CURLOPT_TIMEOUT_MS, left_ms) ||
        curl_multi_add_handle(client->multi, call->easy))
        return CE_NOMEM;
    call->deadline_ms = 0; /* libcurl keeps it from here */
    list_remove(&call->entry);
    list_append(&client->active, &call->entry);
    client->waiting_count--;
    client->active_count++;
    return 0;
}

static void on_wait_timer(uv_timer_t *timer);

static void client_arm_wait_timer(struct http_client *client)
{
    uint64_t now_ms = uv_now(client->loop), least_ms = UINT64_MAX;
    list_for_each (at, &client->waiting) {
        const struct http_call *call = list_entry(at, struct http_call, entry);
        if (call->deadline_ms < least_ms)
            least_ms = call->deadline_ms;
    }
    list_for_each (at, &client->active) {
        const struct http_call *call = list_entry(at, struct http_call, entry);
        if (call->line && call->silent_at_ms < least_ms)
            least_ms = call->silent_at_ms;
    }
    if (least_ms == UINT64_MAX)
        uv_timer_stop(&client->wait_timer);
    else
        uv_timer_start(&client->wait_timer, on_wait_timer, least_ms > now_ms ? least_ms - now_ms : 0, 0);
}

static struct http_call *client_find_late(struct http_client *client)
{
    uint64_t now_ms = uv_now(client->loop);
    list_for_each (at, &client->waiting) {
        struct http_call *call = list_entry(at, struct http_call, entry);
        if (call->deadline_ms <= now_ms)
            return call;
    }
    list_for_each (at, &client->active) {
        struct http_call *call = list_entry(at, struct http_call, entry);
        if (call->line && call->silent_at_ms <= now_ms)
            return call;
    }
    return NULL;
}

static void on_wait_timer(uv_timer_t *timer)
{
    struct http_client *client = timer->data;
    struct http_call *call;
    while (!client->closing && (call = client_find_late(client)))
        call_finish(call, CE_TIMEOUT,
                    call->line ? "the stream fell silent" : "no connection became free in time");
    if (!client->closing)
        client_arm_wait_timer(client);
}

static void client_start_waiting(struct http_client *client)
{
    while (!client->closing && client->active_count < CALLS_ACTIVE_MAX && !list_is_empty(&client->waiting)) {
        /* No memory now: the call stays where it is, and its deadline or the next free place takes it on. */
        if (call_start(list_entry(client->waiting.next, struct http_call, entry)))
            return;
    }
}

/* ---- open, call, close ---- */

int http_client_open(struct http_client **ret, uv_loop_t *loop, const char *socket_path)
{
    pthread_once(&curl_once, curl_start);
    if (curl_once_result != CURLE_OK)
        return CE_NOMEM;
    struct http_client *client = calloc(1, sizeof *client);
    if (!client)
        return CE_NOMEM;
    client->loop = loop;
    client->socket_path = strdup(socket_path);
    client->multi = curl_multi_init();
    if (!client->socket_path || !client->multi) {
        curl_multi_cleanup(client->multi);
        free(client->socket_path);
        free(client);
        return CE_NOMEM;
    }
    list_init(&client->active);
    list_init(&client->waiting);
    list_init(&client->sockets);
    curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)CALLS_ACTIVE_MAX);
    http_loop_open(client);
    *ret = client;
    return 0;
}

/* BLANK has what is particular to the call; it is copied. */
static int client_submit(struct http_client *client, const struct http_call *blank, const char *method,
                         const char *path, const json_t *body, uint64_t timeout_ms,
                         struct http_call **ret_call)
{
    if (client->closing)
        return CE_CANCELLED;
    if (client->waiting_count >= CALLS_WAITING_MAX)
        return CE_LIMIT;
    struct http_call *call = calloc(1, sizeof *call);
    if (!call)
        return CE_NOMEM;
    *call = *blank;
    call->client = client;
    int rc = http_call_prepare(call, method, path, body);
    if (rc) {
        http_call_destroy(&call);
        return rc;
    }
    uv_update_time(client->loop);
    call->deadline_ms = uv_now(client->loop) + (timeout_ms ? timeout_ms : 1);
    list_append(&client->waiting, &call->entry);
    client->waiting_count++;
    client_start_waiting(client);
    if (call->deadline_ms || call->line)
        client_arm_wait_timer(client);
    if (ret_call)
        *ret_call = call;
    return 0;
}

int http_client_call(struct http_client *client, const char *method, const char *path, const json_t *body,
                     uint64_t timeout_ms, void (*answered)(void *arg, const struct http_answer *answer),
                     void *arg, struct http_call **ret_call)
{
    struct http_call blank = {.answered = answered, .arg = arg};
    return client_submit(client, &blank, method, path, body, timeout_ms, ret_call);
}

int http_client_follow(struct http_client *client, const char *path, uint64_t silence_ms,
                       void (*line)(void *arg, const char *line, size_t len),
                       void (*answered)(void *arg, const struct http_answer *answer), void *arg,
                       struct http_call **ret_call)
{
    struct http_call blank = {.answered = answered, .line = line, .silence_ms = silence_ms, .arg = arg};
    return client_submit(client, &blank, "GET", path, NULL, silence_ms, ret_call);
}

void http_client_close(struct http_client *client, void (*closed)(void *arg), void *arg)
{
    client->closing = true;
    client->closed = closed;
    client->closed_arg = arg;
    while (!list_is_empty(&client->active))
        call_finish(list_entry(client->active.next, struct http_call, entry), CE_CANCELLED, "closing");
    while (!list_is_empty(&client->waiting))
        call_finish(list_entry(client->waiting.next, struct http_call, entry), CE_CANCELLED, "closing");
    http_loop_close(client);
}
