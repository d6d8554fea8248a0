#include "http_client_parts.h"

#include <stdlib.h>
#include <string.h>

#include "secret.h"

/* A longer answer is cut off and reported as CE_LIMIT. */
#define ANSWER_MAX_BYTES (8u << 20)
/* Idle connections are given up before the broker does it (broker.request_timeout). */
#define CONNECTION_IDLE_MAX_S 30L

/* The socket decides where a call goes; the host is only what the Host header says. */
#define URL_BASE "http://carrel"

static void bytes_free(char **bytes, size_t len)
{
    secret_wipe_bytes(*bytes, len);
    free(*bytes);
    *bytes = NULL;
}

void http_call_destroy(struct http_call **call)
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

/* ---- the answer ---- */

int http_call_error(CURLcode code)
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

/* ---- the request ---- */

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

int http_call_prepare(struct http_call *call, const char *method, const char *path, const json_t *body)
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
    bad |= curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, http_loop_close_socket);
    bad |= curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, call->client);
    return bad ? CE_NOMEM : 0;
}
