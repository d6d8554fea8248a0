#include "http_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http_stub.h"
#include "suite.h"

#define DEADLINE_MS 60000 /* of a test; no test comes near it unless something is wrong */
#define CALL_MS 30000     /* of a call that is meant to be answered */
#define HELD_MAX 1024

/* One loop, one server, one client; what the server held back and what came back to the client. */
static struct {
    uv_loop_t loop;
    uv_timer_t deadline;
    struct http_stub *stub;
    struct http_client *client;
    char dir[64], path[128];
    struct http_stub_peer *held[HELD_MAX];
    unsigned held_count, closed_count;
    unsigned answers, answers_ok; /* of all calls made with count() */
} t;

struct result {
    int count, status;
    char body[512];
    char words[300];
};

static void on_deadline(uv_timer_t *timer)
{
    (void)timer;
    fprintf(stderr, "\n  the test's deadline has passed\n");
    abort();
}

static void serve(void *arg, const struct http_stub_request *r)
{
    (void)arg;
    char body[1024];
    if (!strcmp(r->path, "/echo")) {
        snprintf(body, sizeof body, "{\"method\":\"%s\",\"body\":%s,\"peer\":%u,\"json\":%s}", r->method,
                 r->body_len ? r->body : "null", r->peer_number,
                 strcasestr(r->head, "Content-Type: application/json") ? "true" : "false");
        http_stub_answer(r->peer, 200, body);
    } else if (!strcmp(r->path, "/hold")) {
        t.held[t.held_count++ % HELD_MAX] = r->peer;
    } else if (!strcmp(r->path, "/chunked")) {
        static const char *const parts[] = {"HTTP/1.1 200 OK\r\nTransfer-Enc",
                                            "oding: chunked\r\n\r\n",
                                            "3\r\n{\"a",
                                            "\r\n6\r\n\": [1]\r",
                                            "\n1;x=y\r\n}\r\n0\r\n",
                                            "\r\n"};
        for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
            http_stub_send(r->peer, parts[i], strlen(parts[i]));
    } else if (!strcmp(r->path, "/cut-body")) {
        static const char part[] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"half\":";
        http_stub_send(r->peer, part, sizeof part - 1);
        http_stub_cut(r->peer);
    } else if (!strcmp(r->path, "/cut")) {
        http_stub_cut(r->peer);
    } else if (!strcmp(r->path, "/garbage")) {
        http_stub_send(r->peer, "\x16\x03\x01\x02\x00\x01 nothing like it\r\n\r\n", 26);
        http_stub_cut(r->peer);
    } else if (!strcmp(r->path, "/big")) {
        static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 16777216\r\n\r\n";
        char *bytes = calloc(1, 16777216);
        http_stub_send(r->peer, head, sizeof head - 1);
        http_stub_send(r->peer, bytes, 16777216);
        free(bytes);
    } else if (!strcmp(r->path, "/stream")) {
        static const char head[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        http_stub_send(r->peer, head, sizeof head - 1);
        t.held[t.held_count++ % HELD_MAX] = r->peer;
    } else if (!strcmp(r->path, "/last")) {
        http_stub_answer(r->peer, 200, "{}");
        http_stub_cut(r->peer);
    } else if (!strcmp(r->path, "/text")) {
        http_stub_answer(r->peer, 200, "plain words");
    } else if (!strcmp(r->path, "/nothing")) {
        http_stub_answer(r->peer, 204, NULL);
    } else {
        http_stub_answer(r->peer, 404, "{\"code\":\"not-found\"}");
    }
}

static void begin(void)
{
    memset(&t, 0, sizeof t);
    strcpy(t.dir, "/tmp/carrel-http.XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(t.dir));
    snprintf(t.path, sizeof t.path, "%s/sock", t.dir);
    uv_loop_init(&t.loop);
    uv_timer_init(&t.loop, &t.deadline);
    uv_timer_start(&t.deadline, on_deadline, DEADLINE_MS, 0);
    uv_unref((uv_handle_t *)&t.deadline);
    t.stub = http_stub_open(&t.loop, t.path, serve, NULL);
    CU_ASSERT_EQUAL_FATAL(http_client_open(&t.client, &t.loop, t.path), 0);
}

static void on_closed(void *arg)
{
    (void)arg;
    t.closed_count++;
}

static void end(void)
{
    if (t.client)
        http_client_close(t.client, on_closed, NULL);
    if (t.stub)
        http_stub_close(t.stub);
    uv_close((uv_handle_t *)&t.deadline, NULL);
    uv_run(&t.loop, UV_RUN_DEFAULT);
    CU_ASSERT_EQUAL(t.closed_count, 1);
    CU_ASSERT_EQUAL(uv_loop_close(&t.loop), 0);
    unlink(t.path);
    CU_ASSERT_EQUAL(rmdir(t.dir), 0);
}

static void run_until_answered(const struct result *result)
{
    while (!result->count)
        uv_run(&t.loop, UV_RUN_ONCE);
}

static void run_until_held(unsigned count)
{
    while (t.held_count < count)
        uv_run(&t.loop, UV_RUN_ONCE);
}

static void keep(void *arg, const struct http_answer *answer)
{
    struct result *result = arg;
    result->count++;
    result->status = answer->status;
    snprintf(result->words, sizeof result->words, "%s", answer->error ? answer->error : "");
    char *text = answer->body ? json_dumps(answer->body, JSON_COMPACT) : NULL;
    snprintf(result->body, sizeof result->body, "%s", text ? text : "");
    free(text);
}

static void count(void *arg, const struct http_answer *answer)
{
    t.answers++;
    t.answers_ok += answer->status == (arg ? *(const int *)arg : 200);
}

static struct result call(const char *method, const char *path, const char *body)
{
    struct result result = {0};
    json_t *json = body ? json_loads(body, 0, NULL) : NULL;
    CU_ASSERT_EQUAL_FATAL(http_client_call(t.client, method, path, json, CALL_MS, keep, &result, NULL), 0);
    json_decref(json);
    run_until_answered(&result);
    return result;
}

static void carries_method_path_and_body(void)
{
    begin();
    CU_ASSERT_STRING_EQUAL(
        call("POST", "/echo", "{\"a\": [1, \"\\u00e4\"]}").body,
        "{\"method\":\"POST\",\"body\":{\"a\":[1,\"\xc3\xa4\"]},\"peer\":1,\"json\":true}");
    CU_ASSERT_STRING_EQUAL(call("GET", "/echo", NULL).body,
                           "{\"method\":\"GET\",\"body\":null,\"peer\":1,\"json\":false}");
    CU_ASSERT_STRING_EQUAL(call("DELETE", "/echo", NULL).body,
                           "{\"method\":\"DELETE\",\"body\":null,\"peer\":1,\"json\":false}");
    CU_ASSERT_STRING_EQUAL(call("PATCH", "/echo", "{}").body,
                           "{\"method\":\"PATCH\",\"body\":{},\"peer\":1,\"json\":true}");
    CU_ASSERT_STRING_EQUAL(call("POST", "/echo", NULL).body,
                           "{\"method\":\"POST\",\"body\":null,\"peer\":1,\"json\":false}");
    end();
}

static void keeps_its_connection_for_the_next_call(void)
{
    begin();
    for (int i = 0; i < 20; i++)
        CU_ASSERT_EQUAL(call("POST", "/echo", "{}").status, 200);
    CU_ASSERT_EQUAL(http_stub_peers_ever(t.stub), 1);
    end();
}

static void statuses_and_problem_bodies_come_through(void)
{
    begin();
    struct result r = call("GET", "/elsewhere", NULL);
    CU_ASSERT_EQUAL(r.status, 404);
    CU_ASSERT_STRING_EQUAL(r.body, "{\"code\":\"not-found\"}");
    r = call("GET", "/nothing", NULL);
    CU_ASSERT_EQUAL(r.status, 204);
    CU_ASSERT_STRING_EQUAL(r.body, "");
    r = call("GET", "/text", NULL);
    CU_ASSERT_EQUAL(r.status, 200);
    CU_ASSERT_STRING_EQUAL(r.body, "");
    end();
}

static void puts_chunks_together(void)
{
    begin();
    CU_ASSERT_STRING_EQUAL(call("GET", "/chunked", NULL).body, "{\"a\":[1]}");
    CU_ASSERT_EQUAL(call("GET", "/echo", NULL).status, 200);
    CU_ASSERT_EQUAL(http_stub_peers_ever(t.stub), 1);
    end();
}

static void a_slow_answer_holds_up_nobody_else(void)
{
    begin();
    struct result slow = {0};
    CU_ASSERT_EQUAL(http_client_call(t.client, "GET", "/hold", NULL, CALL_MS, keep, &slow, NULL), 0);
    run_until_held(1);
    for (int i = 0; i < 10; i++)
        CU_ASSERT_EQUAL(call("GET", "/echo", NULL).status, 200);
    CU_ASSERT_EQUAL(slow.count, 0);
    http_stub_answer(t.held[0], 200, "{\"late\":1}");
    run_until_answered(&slow);
    CU_ASSERT_STRING_EQUAL(slow.body, "{\"late\":1}");
    end();
}

static void a_server_that_breaks_off_is_unreachable(void)
{
    begin();
    struct result r = call("GET", "/cut-body", NULL);
    CU_ASSERT_EQUAL(r.status, CE_UNREACHABLE);
    CU_ASSERT_NOT_EQUAL(strlen(r.words), 0);
    CU_ASSERT_STRING_EQUAL(r.body, "");
    CU_ASSERT_EQUAL(call("GET", "/cut", NULL).status, CE_UNREACHABLE);
    CU_ASSERT_EQUAL(call("GET", "/echo", NULL).status, 200);
    end();
}

static void nobody_listening_is_unreachable(void)
{
    begin();
    http_stub_close(t.stub);
    t.stub = NULL;
    struct result r = call("POST", "/echo", "{}");
    CU_ASSERT_EQUAL(r.status, CE_UNREACHABLE);
    CU_ASSERT_NOT_EQUAL(strlen(r.words), 0);
    unlink(t.path);
    CU_ASSERT_EQUAL(call("POST", "/echo", "{}").status, CE_UNREACHABLE);
    /* and when it comes back, so do the calls */
    t.stub = http_stub_open(&t.loop, t.path, serve, NULL);
    CU_ASSERT_EQUAL(call("POST", "/echo", "{}").status, 200);
    end();
}

static void a_kept_connection_that_the_server_closed_is_replaced(void)
{
    begin();
    for (int i = 0; i < 10; i++)
        CU_ASSERT_EQUAL(call("POST", "/last", "{}").status, 200);
    CU_ASSERT_EQUAL(http_stub_peers_ever(t.stub), 10);
    end();
}

static void what_is_no_http_is_bad_input(void)
{
    begin();
    CU_ASSERT_EQUAL(call("GET", "/garbage", NULL).status, CE_BAD_INPUT);
    end();
}

static void an_answer_without_end_is_cut_off(void)
{
    begin();
    CU_ASSERT_EQUAL(call("GET", "/big", NULL).status, CE_LIMIT);
    CU_ASSERT_EQUAL(call("GET", "/echo", NULL).status, 200);
    end();
}

static void silence_ends_with_a_time_out(void)
{
    begin();
    struct result r = {0};
    uint64_t before_ms = uv_hrtime() / 1000000;
    CU_ASSERT_EQUAL(http_client_call(t.client, "GET", "/hold", NULL, 80, keep, &r, NULL), 0);
    run_until_answered(&r);
    CU_ASSERT_EQUAL(r.status, CE_TIMEOUT);
    CU_ASSERT_TRUE(uv_hrtime() / 1000000 - before_ms >= 79);
    r.count = 0;
    CU_ASSERT_EQUAL(http_client_call(t.client, "GET", "/hold", NULL, 0, keep, &r, NULL), 0);
    run_until_answered(&r);
    CU_ASSERT_EQUAL(r.status, CE_TIMEOUT);
    end();
}

static void a_cancelled_call_is_not_answered(void)
{
    begin();
    struct result cancelled = {0};
    struct http_call *handle = NULL;
    CU_ASSERT_EQUAL(http_client_call(t.client, "GET", "/hold", NULL, CALL_MS, keep, &cancelled, &handle), 0);
    run_until_held(1);
    http_call_cancel(handle);
    CU_ASSERT_EQUAL(http_client_call(t.client, "GET", "/echo", NULL, CALL_MS, keep, &cancelled, &handle), 0);
    http_call_cancel(handle); /* before the loop ran at all */
    CU_ASSERT_EQUAL(call("GET", "/echo", NULL).status, 200);
    while (http_stub_peers_now(t.stub) > 1) /* the held connection cannot be used again: it is closed */
        uv_run(&t.loop, UV_RUN_ONCE);
    CU_ASSERT_EQUAL(cancelled.count, 0);
    end();
}

static void a_hundred_calls_go_side_by_side(void)
{
    begin();
    for (int i = 0; i < 100; i++)
        CU_ASSERT_EQUAL(http_client_call(t.client, "GET", "/hold", NULL, CALL_MS, count, NULL, NULL), 0);
    run_until_held(100);
    CU_ASSERT_EQUAL(http_stub_peers_now(t.stub), 100);
    for (int i = 99; i >= 0; i--)
        http_stub_answer(t.held[i], 200, "{}");
    while (t.answers < 100)
        uv_run(&t.loop, UV_RUN_ONCE);
    CU_ASSERT_EQUAL(t.answers_ok, 100);
    end();
}

static void more_than_256_wait_for_their_turn(void)
{
    begin();
    for (int i = 0; i < 400; i++)
        CU_ASSERT_EQUAL(http_client_call(t.client, "GET", "/hold", NULL, CALL_MS, count, NULL, NULL), 0);
    run_until_held(256);
    CU_ASSERT_EQUAL(http_stub_peers_ever(t.stub), 256);
    for (int i = 0; i < 256; i++)
        http_stub_answer(t.held[i], 200, "{}");
    run_until_held(400);
    for (int i = 256; i < 400; i++)
        http_stub_answer(t.held[i], 200, "{}");
    while (t.answers < 400)
        uv_run(&t.loop, UV_RUN_ONCE);
    CU_ASSERT_EQUAL(t.answers_ok, 400);
    CU_ASSERT_EQUAL(http_stub_peers_ever(t.stub), 256);
    end();
}

static void the_time_of_a_call_runs_while_it_waits(void)
{
    begin();
    for (int i = 0; i < 256; i++)
        CU_ASSERT_EQUAL(http_client_call(t.client, "GET", "/hold", NULL, CALL_MS, count, NULL, NULL), 0);
    struct result late = {0}, cancelled = {0};
    struct http_call *handle = NULL;
    CU_ASSERT_EQUAL(http_client_call(t.client, "GET", "/echo", NULL, CALL_MS, keep, &cancelled, &handle), 0);
    CU_ASSERT_EQUAL(http_client_call(t.client, "GET", "/echo", NULL, 50, keep, &late, NULL), 0);
    http_call_cancel(handle);
    run_until_answered(&late);
    CU_ASSERT_EQUAL(late.status, CE_TIMEOUT);
    CU_ASSERT_EQUAL(cancelled.count, 0);
    CU_ASSERT_EQUAL(t.answers, 0);
    end();
    CU_ASSERT_EQUAL(t.answers, 256);
}

static void a_full_queue_refuses_at_once(void)
{
    begin();
    int accepted = 0, rc = 0, cancelled = CE_CANCELLED;
    while (accepted < 20000 &&
           !(rc = http_client_call(t.client, "GET", "/hold", NULL, CALL_MS, count, &cancelled, NULL)))
        accepted++;
    CU_ASSERT_EQUAL(rc, CE_LIMIT);
    CU_ASSERT_EQUAL(accepted, 256 + 8192);
    http_client_close(t.client, on_closed, NULL);
    t.client = NULL;
    CU_ASSERT_EQUAL(t.answers_ok, (unsigned)accepted);
    end();
}

static void closing_answers_what_is_under_way(void)
{
    begin();
    int cancelled = CE_CANCELLED;
    for (int i = 0; i < 10; i++)
        CU_ASSERT_EQUAL(http_client_call(t.client, "GET", "/hold", NULL, CALL_MS, count, &cancelled, NULL),
                        0);
    run_until_held(10);
    http_client_close(t.client, on_closed, NULL);
    CU_ASSERT_EQUAL(t.answers_ok, 10);
    CU_ASSERT_EQUAL(http_client_call(t.client, "GET", "/echo", NULL, CALL_MS, count, NULL, NULL),
                    CE_CANCELLED);
    t.client = NULL;
    end();
}

static void close_from_inside(void *arg, const struct http_answer *answer)
{
    keep(arg, answer);
    http_client_close(t.client, on_closed, NULL);
    t.client = NULL;
}

static void the_client_may_be_closed_from_an_answer(void)
{
    begin();
    int cancelled = CE_CANCELLED;
    struct result r = {0};
    for (int i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(http_client_call(t.client, "GET", "/hold", NULL, CALL_MS, count, &cancelled, NULL),
                        0);
    run_until_held(5);
    CU_ASSERT_EQUAL(http_client_call(t.client, "GET", "/echo", NULL, CALL_MS, close_from_inside, &r, NULL),
                    0);
    run_until_answered(&r);
    CU_ASSERT_EQUAL(r.status, 200);
    CU_ASSERT_EQUAL(t.answers_ok, 5);
    end();
}

static void send_chunk(struct http_stub_peer *peer, const char *text)
{
    char chunk[256];
    int len = snprintf(chunk, sizeof chunk, "%zx\r\n%s\r\n", strlen(text), text);
    http_stub_send(peer, chunk, (size_t)len);
}

static struct result streamed; /* words: the lines so far, each with a bar behind it */
static int line_count;

static void on_line(void *arg, const char *line, size_t len)
{
    size_t at = strlen(streamed.words);
    CU_ASSERT_PTR_EQUAL(arg, &streamed);
    if (at + len + 2 < sizeof streamed.words)
        snprintf(streamed.words + at, sizeof streamed.words - at, "%.*s|", (int)len, line);
    line_count++;
}

static void on_stream_end(void *arg, const struct http_answer *answer)
{
    struct result *result = arg;
    result->count++;
    result->status = answer->status;
    CU_ASSERT_EQUAL(answer->body != NULL, answer->status == 404);
}

static struct http_call *follow(const char *path, uint64_t silence_ms)
{
    struct http_call *handle = NULL;
    memset(&streamed, 0, sizeof streamed);
    line_count = 0;
    CU_ASSERT_EQUAL_FATAL(
        http_client_follow(t.client, path, silence_ms, on_line, on_stream_end, &streamed, &handle), 0);
    return handle;
}

static void run_until_lines(int lines)
{
    while (line_count < lines)
        uv_run(&t.loop, UV_RUN_ONCE);
}

static void a_stream_comes_line_by_line(void)
{
    begin();
    follow("/stream", CALL_MS);
    run_until_held(1);
    send_chunk(t.held[0], "{\"a\":1}\n{\"b\"");
    run_until_lines(1);
    CU_ASSERT_STRING_EQUAL(streamed.words, "{\"a\":1}|");
    send_chunk(t.held[0], ":2}\n\n\n{\"c\":3}\n");
    run_until_lines(3);
    CU_ASSERT_STRING_EQUAL(streamed.words, "{\"a\":1}|{\"b\":2}|{\"c\":3}|");
    CU_ASSERT_EQUAL(streamed.count, 0);
    http_stub_send(t.held[0], "0\r\n\r\n", 5);
    run_until_answered(&streamed);
    CU_ASSERT_EQUAL(streamed.status, 200);
    CU_ASSERT_EQUAL(line_count, 3);
    end();
}

static void a_stream_that_falls_silent_times_out(void)
{
    begin();
    follow("/stream", 60);
    run_until_held(1);
    send_chunk(t.held[0], "one\n");
    run_until_answered(&streamed);
    CU_ASSERT_EQUAL(streamed.status, CE_TIMEOUT);
    CU_ASSERT_TRUE(line_count <= 1);
    end();
}

static void a_stream_that_is_refused_gives_its_problem(void)
{
    begin();
    follow("/elsewhere", CALL_MS);
    run_until_answered(&streamed);
    CU_ASSERT_EQUAL(streamed.status, 404);
    CU_ASSERT_EQUAL(line_count, 0);
    end();
}

static void a_stream_can_be_cancelled_and_broken_off(void)
{
    begin();
    struct http_call *handle = follow("/stream", CALL_MS);
    run_until_held(1);
    send_chunk(t.held[0], "one\n");
    run_until_lines(1);
    http_call_cancel(handle);
    CU_ASSERT_EQUAL(streamed.count, 0);
    follow("/stream", CALL_MS);
    run_until_held(2);
    http_stub_cut(t.held[1]);
    run_until_answered(&streamed);
    CU_ASSERT_EQUAL(streamed.status, CE_UNREACHABLE);
    end();
}

static void a_line_without_end_is_cut_off(void)
{
    begin();
    follow("/stream", CALL_MS);
    run_until_held(1);
    for (int i = 0; i < HTTP_LINE_MAX_BYTES / 100 + 1; i++)
        send_chunk(t.held[0],
                   "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                   "xxxxxxxxxxxx");
    run_until_answered(&streamed);
    CU_ASSERT_EQUAL(streamed.status, CE_LIMIT);
    CU_ASSERT_EQUAL(line_count, 0);
    end();
}

static struct http_call *victim;

static void cancel_other_and_call_again(void *arg, const struct http_answer *answer)
{
    (void)answer;
    http_call_cancel(victim);
    CU_ASSERT_EQUAL(http_client_call(t.client, "GET", "/echo", NULL, CALL_MS, keep, arg, NULL), 0);
}

static void an_answer_may_cancel_another_call_and_make_one(void)
{
    begin();
    struct result next = {0};
    unsigned before = t.answers;
    CU_ASSERT_EQUAL(http_client_call(t.client, "GET", "/hold", NULL, CALL_MS, count, NULL, &victim), 0);
    CU_ASSERT_EQUAL(
        http_client_call(t.client, "GET", "/echo", NULL, CALL_MS, cancel_other_and_call_again, &next, NULL),
        0);
    run_until_answered(&next);
    CU_ASSERT_EQUAL(next.status, 200);
    CU_ASSERT_EQUAL(t.answers, before);
    end();
}

static void the_environment_sends_nothing_to_a_proxy(void)
{
    setenv("http_proxy", "http://127.0.0.1:9", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:9", 1);
    begin();
    CU_ASSERT_EQUAL(call("GET", "/echo", NULL).status, 200);
    end();
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
}

static void a_body_that_is_no_document_is_refused(void)
{
    begin();
    json_t *number = json_integer(5);
    CU_ASSERT_EQUAL(http_client_call(t.client, "POST", "/echo", number, CALL_MS, count, NULL, NULL),
                    CE_BAD_INPUT);
    json_decref(number);
    CU_ASSERT_EQUAL(t.answers, 0);
    end();
}

SUITE("http_client", TEST(carries_method_path_and_body), TEST(keeps_its_connection_for_the_next_call),
      TEST(statuses_and_problem_bodies_come_through), TEST(puts_chunks_together),
      TEST(a_slow_answer_holds_up_nobody_else), TEST(a_server_that_breaks_off_is_unreachable),
      TEST(nobody_listening_is_unreachable), TEST(a_kept_connection_that_the_server_closed_is_replaced),
      TEST(what_is_no_http_is_bad_input), TEST(an_answer_without_end_is_cut_off),
      TEST(silence_ends_with_a_time_out), TEST(a_cancelled_call_is_not_answered),
      TEST(a_hundred_calls_go_side_by_side), TEST(more_than_256_wait_for_their_turn),
      TEST(the_time_of_a_call_runs_while_it_waits), TEST(a_full_queue_refuses_at_once),
      TEST(closing_answers_what_is_under_way), TEST(the_client_may_be_closed_from_an_answer),
      TEST(an_answer_may_cancel_another_call_and_make_one), TEST(a_stream_comes_line_by_line),
      TEST(a_stream_that_falls_silent_times_out), TEST(a_stream_that_is_refused_gives_its_problem),
      TEST(a_stream_can_be_cancelled_and_broken_off), TEST(a_line_without_end_is_cut_off),
      TEST(the_environment_sends_nothing_to_a_proxy), TEST(a_body_that_is_no_document_is_refused))
