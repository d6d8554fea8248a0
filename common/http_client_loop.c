#include "http_client_parts.h"

#include <stdlib.h>
#include <unistd.h>

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

static void client_act(struct http_client *client, curl_socket_t fd, int events)
{
    int running;
    curl_multi_socket_action(client->multi, fd, events, &running);
    http_client_collect(client);
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
int http_loop_close_socket(void *arg, curl_socket_t fd)
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

void http_loop_open(struct http_client *client)
{
    curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_curl_wants_timer);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_curl_wants_socket);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    uv_timer_init(client->loop, &client->curl_timer);
    uv_timer_init(client->loop, &client->wait_timer);
    client->curl_timer.data = client->wait_timer.data = client;
    client->open_handles = 2;
}

void http_loop_close(struct http_client *client)
{
    /* This closes the connections, and with them the watches. */
    curl_multi_cleanup(client->multi);
    client->multi = NULL;
    list_for_each_safe (at, &client->sockets)
        socket_close(list_entry(at, struct http_socket, entry));
    uv_close((uv_handle_t *)&client->curl_timer, on_timer_closed);
    uv_close((uv_handle_t *)&client->wait_timer, on_timer_closed);
}
