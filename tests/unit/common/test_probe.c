#include "suite.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "probe.h"

/* A listener that answers each connection's first bytes with what a test gives it, or hangs up. */
static uv_loop_t loop;
static uv_tcp_t listener;
static struct sockaddr_in address;
static const char *answer; /* NULL: none */
static size_t answer_len;
static bool hangs_up;
static unsigned accepted;
static char heard[64];
static size_t heard_len;

static struct probe *probe;
static int result;
static unsigned results;

static const char confirm[] = {3, 0, 0, 19, 14, (char)0xd0, 0, 0, 0x12, 0x34, 0, 2, 0, 8, 0, 1, 0, 0, 0};

static void on_closed(uv_handle_t *handle)
{
    free(handle);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    *buf = uv_buf_init(heard, sizeof heard);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    if (got < 0) {
        uv_close((uv_handle_t *)stream, on_closed);
        return;
    }
    heard_len = (size_t)got;
    uv_buf_t bytes = uv_buf_init((char *)(uintptr_t)answer, (unsigned)answer_len);
    if (answer)
        CU_ASSERT_EQUAL(uv_try_write(stream, &bytes, 1), (int)answer_len);
}

static void on_connection(uv_stream_t *server, int status)
{
    uv_tcp_t *client = malloc(sizeof *client);
    CU_ASSERT_EQUAL_FATAL(uv_tcp_init(&loop, client), 0);
    CU_ASSERT_EQUAL_FATAL(uv_accept(server, (uv_stream_t *)client), 0);
    accepted++;
    if (hangs_up)
        uv_close((uv_handle_t *)client, on_closed);
    else
        CU_ASSERT_EQUAL(uv_read_start((uv_stream_t *)client, on_alloc, on_read), 0);
}

static void begin(void)
{
    int len = sizeof address;
    answer = confirm;
    answer_len = sizeof confirm;
    hangs_up = false;
    accepted = results = 0;
    result = 1;
    CU_ASSERT_EQUAL_FATAL(uv_loop_init(&loop), 0);
    CU_ASSERT_EQUAL_FATAL(uv_tcp_init(&loop, &listener), 0);
    CU_ASSERT_EQUAL_FATAL(uv_ip4_addr("127.0.0.1", 0, &address), 0);
    CU_ASSERT_EQUAL_FATAL(uv_tcp_bind(&listener, (struct sockaddr *)&address, 0), 0);
    CU_ASSERT_EQUAL_FATAL(uv_listen((uv_stream_t *)&listener, 16, on_connection), 0);
    CU_ASSERT_EQUAL_FATAL(uv_tcp_getsockname(&listener, (struct sockaddr *)&address, &len), 0);
}

static void end(void)
{
    probe_close(&probe);
    CU_ASSERT_PTR_NULL(probe);
    if (!uv_is_closing((uv_handle_t *)&listener))
        uv_close((uv_handle_t *)&listener, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    CU_ASSERT_EQUAL(uv_loop_close(&loop), 0);
}

static void on_result(void *arg, int rc)
{
    result = rc;
    results++;
}

static void ask(unsigned tries)
{
    CU_ASSERT_EQUAL_FATAL(
        probe_open(&probe, &loop, "127.0.0.1", ntohs(address.sin_port), tries, on_result, NULL), 0);
    while (!results)
        uv_run(&loop, UV_RUN_ONCE);
}

static void a_confirm_is_an_answer(void)
{
    begin();
    ask(1);
    CU_ASSERT_EQUAL(result, 0);
    CU_ASSERT_EQUAL(results, 1);
    CU_ASSERT_EQUAL(heard_len, 19);
    CU_ASSERT_EQUAL(heard[5], (char)0xe0); /* a connection request */
    CU_ASSERT_EQUAL(heard[11], 1);         /* with a negotiation request */
    CU_ASSERT_EQUAL(heard[15], 0);         /* for neither TLS nor CredSSP: a guest begins no handshake */
    end();
}

static void a_refusal_is_an_answer_too(void)
{
    static const char failure[] = {3, 0, 0, 19, 14, (char)0xd0, 0, 0, 0, 0,
                                   0, 3, 0, 8,  0,  5,          0, 0, 0}; /* HYBRID_REQUIRED_BY_SERVER */
    begin();
    answer = failure;
    ask(1);
    CU_ASSERT_EQUAL(result, 0);
    end();
}

static void what_is_not_rdp_is_none(void)
{
    begin();
    answer = "SSH-2.0-OpenSSH";
    answer_len = strlen(answer);
    ask(1);
    CU_ASSERT_EQUAL(result, CE_UNREACHABLE);
    CU_ASSERT_STRING_EQUAL(probe_why(probe), "what answers there is not RDP");
    end();
}

static void a_connection_that_is_closed_is_none_and_tried_again(void)
{
    begin();
    hangs_up = true;
    ask(2);
    CU_ASSERT_EQUAL(result, CE_UNREACHABLE);
    CU_ASSERT_EQUAL(accepted, 2);
    end();
}

static void nobody_there_is_told_in_words(void)
{
    begin();
    uv_close((uv_handle_t *)&listener, NULL);
    while (uv_is_active((uv_handle_t *)&listener))
        uv_run(&loop, UV_RUN_ONCE);
    ask(1);
    CU_ASSERT_EQUAL(result, CE_UNREACHABLE);
    CU_ASSERT_STRING_EQUAL(probe_why(probe), uv_strerror(UV_ECONNREFUSED));
    end();
}

static void silence_is_none_after_its_time(void)
{
    begin();
    answer = NULL;
    ask(1);
    CU_ASSERT_EQUAL(result, CE_UNREACHABLE);
    CU_ASSERT_STRING_EQUAL(probe_why(probe), "no answer in time");
    end();
}

static void one_that_is_given_up_says_nothing(void)
{
    begin();
    CU_ASSERT_EQUAL_FATAL(probe_open(&probe, &loop, "127.0.0.1", ntohs(address.sin_port), 0, on_result, NULL),
                          0);
    while (!accepted)
        uv_run(&loop, UV_RUN_ONCE);
    end();
    CU_ASSERT_EQUAL(results, 0);
}

static void a_name_is_no_address(void)
{
    begin();
    CU_ASSERT_EQUAL(probe_open(&probe, &loop, "localhost", 1, 1, on_result, NULL), CE_BAD_INPUT);
    CU_ASSERT_PTR_NULL(probe);
    end();
}

SUITE("probe", TEST(a_confirm_is_an_answer), TEST(a_refusal_is_an_answer_too), TEST(what_is_not_rdp_is_none),
      TEST(a_connection_that_is_closed_is_none_and_tried_again), TEST(nobody_there_is_told_in_words),
      TEST(silence_is_none_after_its_time), TEST(one_that_is_given_up_says_nothing),
      TEST(a_name_is_no_address))
