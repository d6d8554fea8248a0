#include "http_client.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "list.h"
#include "secret.h"

/* Calls under way at once, each on a connection of its own; the next ones wait in order, and their time runs
 * while they wait. More than a burst of long polls needs, less than the broker accepts. */
#define CALLS_ACTIVE_MAX 256
/* Calls that wait; one more is refused at once with CE_LIMIT. */
#define CALLS_WAITING_MAX 8192
/* A longer answer is cut off and reported as CE_LIMIT. */
#define ANSWER_MAX_BYTES (8u << 20)
/* Idle connections are given up before the broker does it (broker.request_timeout). */
#define CONNECTION_IDLE_MAX_S 30L

/* The socket decides where a call goes; the host is only what the Host header says. */
#define URL_BASE "http://carrel"

struct http_client {
    uv_loop_t *loop;
    CURLM *multi;
    uv_timer_t curl_timer; /* when libcurl wants to be called without an event */
    uv_timer_t wait_timer; /* the nearest deadline of the calls that wait and of the streams */
    struct list active;    /* struct http_call */
    struct list waiting;   /* struct http_call, oldest first */
    struct list sockets;   /* struct http_socket */
    unsigned active_count, waiting_count, open_handles;
    bool closing;
    char *socket_path;
    void (*closed)(void *arg);
    void *closed_arg;
};

struct http_call {
    struct list entry; /* on active or waiting */
    struct http_client *client;
    CURL *easy;
    struct curl_slist *headers;
    uint64_t deadline_ms; /* on the loop's clock */
    void (*answered)(void *arg, const struct http_answer *answer);
    void (*line)(void *arg, const char *line, size_t len); /* of a stream; else NULL */
    uint64_t silence_ms, silent_at_ms; /* of a stream: the deadline moves with every byte */
    void *arg;
    char *sent; /* the encoded body */
    size_t sent_len;
    char *got;
    size_t got_len, got_size;
    char words[CURL_ERROR_SIZE];
};

/* A connection's descriptor; freed in its close callback. libcurl forgets it after each call and asks for it
 * again with the next one; it stays watched meanwhile, because to begin and to end a watch takes seven system
 * calls. */
struct http_socket {
    uv_poll_t poll;
    struct list entry;
    struct http_client *client;
    curl_socket_t fd;
    int events; /* that are watched; 0: it is stopped */
    bool idle;  /* no call uses it */
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_once_result;

static void curl_start(void)
{
    curl_once_result = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static void client_start_waiting(struct http_client *client);

/* ---- a call's life ---- */

static void bytes_free(char **bytes, size_t len)
{
    secret_wipe_bytes(*bytes, len);
    free(*bytes);
    *bytes = NULL;
}

static void call_destroy(struct http_call **call)
{
    struct http_call *c = *call;
    *call = NULL;
    if (!c)
        return;
    curl_easy_cleanup(c->easy);
    curl_slist_free_all(c->headers);
    bytes_free(&c->sent, c->sent_len);
    bytes_free(&c->got, c->got_size);
    free(c);
}

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
    call_destroy(&call);
}

void http_call_cancel(struct http_call *call)
{
    struct http_client *client = call->client;
    call_detach(call);
    call_destroy(&call);
    client_start_waiting(client);
}

static int error_of_curl(CURLcode code)
{
    if (code == CURLE_OPERATION_TIMEDOUT)
        return CE_TIMEOUT;
    if (code == CURLE_OUT_OF_MEMORY)
        return CE_NOMEM;
    if (code == CURLE_WRITE_ERROR)
        return CE_LIMIT; /* from call_take_bytes() */
    if (code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_UNSUPPORTED_PROTOCOL)
        return CE_BAD_INPUT;
    return CE_UNREACHABLE;
}

static size_t call_take_bytes(char *bytes, size_t size, size_t count, void *arg)
{
    struct http_call *call = arg;
    size_t len = size * count;
    if (len > ANSWER_MAX_BYTES - call->got_len)
        return 0;
    if (len > call->got_size - call->got_len) {
        size_t grown = 2 * (call->got_len + len);
        char *copy = malloc(grown); /* not realloc(): what is left behind would not be wiped */
        if (!copy)
            return 0;
        if (call->got_len)
            memcpy(copy, call->got, call->got_len);
        bytes_free(&call->got, call->got_size);
        call->got = copy;
        call->got_size = grown;
    }
    memcpy(call->got + call->got_len, bytes, len);
    call->got_len += len;
    return len;
}

/* Hands out the whole lines that are there and keeps the beginning of the next one. */
static void call_hand_out_lines(struct http_call *call)
{
    size_t from = 0;
    for (;;) {
        const char *start = call->got + from;
        const char *end = memchr(start, '\n', call->got_len - from);
        if (!end)
            break;
        size_t len = (size_t)(end - start);
        from += len + 1;
        if (len)
            call->line(call->arg, start, len);
    }
    memmove(call->got, call->got + from, call->got_len - from);
    call->got_len -= from;
}

static size_t call_take_stream(char *bytes, size_t size, size_t count, void *arg)
{
    struct http_call *call = arg;
    long status = 0;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    call->silent_at_ms = uv_now(call->client->loop) + call->silence_ms;
    size_t taken = call_take_bytes(bytes, size, count, call);
    if (!taken || status != 200)
        return taken;
    call_hand_out_lines(call);
    return call->got_len > HTTP_LINE_MAX_BYTES ? 0 : taken;
}

/* ---- libcurl on the loop ---- */

static void client_collect(struct http_client *client)
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
            call_finish(call, error_of_curl(code), *call->words ? call->words : curl_easy_strerror(code));
    }
    client_start_waiting(client);
}

static void client_act(struct http_client *client, curl_socket_t fd, int events)
{
    int running;
    curl_multi_socket_action(client->multi, fd, events, &running);
    client_collect(client);
}

static void on_curl_timer(uv_timer_t *timer)
{
    client_act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int on_curl_wants_timer(CURLM *multi, long timeout_ms, void *arg)
{
    (void)multi;
    struct http_client *client = arg;
    if (timeout_ms < 0)
        return uv_timer_stop(&client->curl_timer);
    if (client->closing)
        return 0;
    /* A loop that was busy has an old clock, and a deadline counted from it would come too early. */
    uv_update_time(client->loop);
    return uv_timer_start(&client->curl_timer, on_curl_timer, (uint64_t)timeout_ms, 0);
}

static void on_socket_event(uv_poll_t *poll, int status, int events)
{
    struct http_socket *s = poll->data;
    int flags = status < 0 ? CURL_CSELECT_ERR : 0;
    if (s->idle || status < 0) {
        (void)uv_poll_stop(poll);
        s->events = 0;
    }
    if (s->idle)
        return; /* the broker closed it: libcurl finds that out when it wants to use it */
    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    client_act(s->client, s->fd, flags);
}

static void on_handle_closed(struct http_client *client)
{
    if (--client->open_handles || !client->closing)
        return;
    void (*closed)(void *) = client->closed;
    void *arg = client->closed_arg;
    free(client->socket_path);
    free(client);
    if (closed)
        closed(arg);
}

static void on_timer_closed(uv_handle_t *handle)
{
    on_handle_closed(handle->data);
}

static void on_socket_closed(uv_handle_t *handle)
{
    struct http_socket *s = handle->data;
    struct http_client *client = s->client;
    free(s);
    on_handle_closed(client);
}

static void socket_close(struct http_socket *s)
{
    list_remove(&s->entry);
    uv_close((uv_handle_t *)&s->poll, on_socket_closed);
}

static struct http_socket *socket_find(struct http_client *client, curl_socket_t fd)
{
    list_for_each (at, &client->sockets) {
        struct http_socket *s = list_entry(at, struct http_socket, entry);
        if (s->fd == fd)
            return s;
    }
    return NULL;
}

/* A connection that no call uses does not keep the loop going. */
static void socket_rest(struct http_socket *s, bool idle)
{
    s->idle = idle;
    if (idle)
        uv_unref((uv_handle_t *)&s->poll);
    else
        uv_ref((uv_handle_t *)&s->poll);
}

/* libcurl closes a connection. */
static int on_curl_closes_socket(void *arg, curl_socket_t fd)
{
    struct http_socket *s = socket_find(arg, fd);
    if (s)
        socket_close(s);
    return close(fd);
}

static struct http_socket *socket_open(struct http_client *client, curl_socket_t fd)
{
    struct http_socket *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    if (uv_poll_init_socket(client->loop, &s->poll, fd)) {
        free(s);
        return NULL;
    }
    s->poll.data = s;
    s->client = client;
    s->fd = fd;
    list_append(&client->sockets, &s->entry);
    client->open_handles++;
    return s;
}

static int on_curl_wants_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    (void)easy;
    struct http_client *client = arg;
    struct http_socket *s = socket_arg;
    if (what == CURL_POLL_REMOVE) {
        curl_multi_assign(client->multi, fd, NULL);
        if (s)
            socket_rest(s, true);
        return 0;
    }
    if (!s) {
        s = socket_find(client, fd);
        if (!s)
            s = socket_open(client, fd);
        if (!s)
            return -1;
        curl_multi_assign(client->multi, fd, s);
    }
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    socket_rest(s, false);
    if (s->events == events)
        return 0;
    s->events = events;
    return uv_poll_start(&s->poll, events, on_socket_event) ? -1 : 0;
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
    curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_curl_wants_timer);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_curl_wants_socket);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)CALLS_ACTIVE_MAX);
    uv_timer_init(loop, &client->curl_timer);
    uv_timer_init(loop, &client->wait_timer);
    client->curl_timer.data = client->wait_timer.data = client;
    client->open_handles = 2;
    *ret = client;
    return 0;
}

/* Encodes into memory of our own, because json_dumps() leaves copies behind that are not wiped. */
static int call_encode(struct http_call *call, const json_t *body)
{
    size_t len = json_dumpb(body, NULL, 0, JSON_COMPACT);
    if (!len)
        return CE_BAD_INPUT;
    call->sent = malloc(len);
    if (!call->sent)
        return CE_NOMEM;
    call->sent_len = len;
    return json_dumpb(body, call->sent, len, JSON_COMPACT) == len ? 0 : CE_INTERNAL;
}

static int call_add_header(struct http_call *call, const char *line)
{
    struct curl_slist *longer = curl_slist_append(call->headers, line);
    if (!longer)
        return CE_NOMEM;
    call->headers = longer;
    return 0;
}

static int call_set_method(struct http_call *call, const char *method, bool has_body)
{
    CURL *e = call->easy;
    int bad = curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, method);
    if (has_body || !strcmp(method, "POST") || !strcmp(method, "PUT") || !strcmp(method, "PATCH")) {
        bad |= curl_easy_setopt(e, CURLOPT_POSTFIELDS, has_body ? call->sent : "");
        bad |= curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->sent_len);
        bad |= call_add_header(call, has_body ? "Content-Type: application/json" : "Content-Type:");
        bad |= call_add_header(call, "Expect:"); /* no round trip to ask whether the body may come */
    }
    return bad ? CE_NOMEM : 0;
}

static int call_set_url(struct http_call *call, const char *path)
{
    size_t size = sizeof URL_BASE + strlen(path);
    char *url = malloc(size);
    if (!url)
        return CE_NOMEM;
    strcpy(url, URL_BASE);
    strcat(url, path);
    int bad = curl_easy_setopt(call->easy, CURLOPT_URL, url);
    free(url);
    return bad ? CE_NOMEM : 0;
}

static int call_prepare(struct http_call *call, const char *method, const char *path, const json_t *body)
{
    call->easy = curl_easy_init();
    if (!call->easy)
        return CE_NOMEM;
    CURL *e = call->easy;
    int rc = body ? call_encode(call, body) : 0;
    if (!rc)
        rc = call_set_url(call, path);
    if (!rc)
        rc = call_set_method(call, method, body != NULL);
    if (!rc)
        rc = call_add_header(call, "Accept: application/json, application/problem+json");
    if (rc)
        return rc;
    int bad = curl_easy_setopt(e, CURLOPT_UNIX_SOCKET_PATH, call->client->socket_path);
    bad |= curl_easy_setopt(e, CURLOPT_HTTPHEADER, call->headers);
    bad |= curl_easy_setopt(e, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    bad |= curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
    bad |= curl_easy_setopt(e, CURLOPT_PROXY, ""); /* http_proxy of the environment is not for us */
    bad |= curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    bad |= curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, CONNECTION_IDLE_MAX_S);
    bad |= curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, call->line ? call_take_stream : call_take_bytes);
    bad |= curl_easy_setopt(e, CURLOPT_WRITEDATA, call);
    bad |= curl_easy_setopt(e, CURLOPT_ERRORBUFFER, call->words);
    bad |= curl_easy_setopt(e, CURLOPT_PRIVATE, call);
    bad |= curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, on_curl_closes_socket);
    bad |= curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, call->client);
    return bad ? CE_NOMEM : 0;
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
    int rc = call_prepare(call, method, path, body);
    if (rc) {
        call_destroy(&call);
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
    /* This closes the connections, and with them the watches. */
    curl_multi_cleanup(client->multi);
    client->multi = NULL;
    list_for_each_safe (at, &client->sockets)
        socket_close(list_entry(at, struct http_socket, entry));
    uv_close((uv_handle_t *)&client->curl_timer, on_timer_closed);
    uv_close((uv_handle_t *)&client->wait_timer, on_timer_closed);
}
