#include "broker_link.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway.h"
#include "http_stub.h"
#include "suite.h"

/* A broker on the test's own loop. What the link asks is noted; a plan says how it is answered. */
static struct {
    uv_loop_t loop;
    uv_timer_t patience;
    struct gateway gateway;
    struct broker_link *link;
    struct http_stub *stub;
    char folder[64], socket[96];
    int report_status; /* how connection reports are answered; 0: the connection is cut */
    const char *heartbeat_answer, *orders_answer;
    unsigned heartbeats, orders, reports, refused;
    int64_t strange_connection,
        lost_connection; /* a report that is not understood; one that comes too late */
    char last_heartbeat[4096], last_orders_path[256], report_log[4096];
    unsigned closed_sessions;
    char closed_session[ID_SIZE];
    enum fail closed_code;
    bool link_closed, late;
} t;

/* Each one that is taken or refused is logged: "CONNECTION STATE;". A request ends with "|". */
static void on_reports(const struct http_stub_request *request)
{
    json_t *body = json_loads(request->body, 0, NULL), *items = json_array(), *report;
    size_t i;
    int status = t.report_status;
    json_array_foreach(json_object_get(body, "reports"), i, report)
    {
        json_int_t connection = json_integer_value(json_object_get(report, "connection"));
        size_t used = strlen(t.report_log);
        snprintf(t.report_log + used, sizeof t.report_log - used, "%lld %s;", (long long)connection,
                 json_string_value(json_object_get(report, "state")));
        if (connection == t.strange_connection)
            status = 400;
        json_array_append_new(items,
                              json_pack("{s:i}", "status", connection == t.lost_connection ? 409 : 200));
    }
    strcat(t.report_log, "|");
    *(status == 200 ? &t.reports : &t.refused) += (unsigned)i;
    json_t *answer = json_pack("{s:o}", "items", items);
    char *text = json_dumps(answer, 0);
    http_stub_answer(request->peer, status, text);
    free(text);
    json_decref(answer);
    json_decref(body);
}

static void on_request(void *arg, const struct http_stub_request *request)
{
    (void)arg;
    if (strstr(request->path, "/orders")) {
        t.orders++;
        snprintf(t.last_orders_path, sizeof t.last_orders_path, "%s", request->path);
        if (t.orders_answer) /* otherwise it waits, as a long poll does */
            http_stub_answer(request->peer, 200, t.orders_answer);
        t.orders_answer = NULL;
    } else if (strstr(request->path, "/v1/gateways/gw1/reports")) {
        on_reports(request);
    } else {
        t.heartbeats++;
        snprintf(t.last_heartbeat, sizeof t.last_heartbeat, "%s", request->body);
        http_stub_answer(request->peer, 200, t.heartbeat_answer);
    }
}

static void on_close_session(void *arg, const char *session, int64_t connection, enum fail fail)
{
    (void)arg;
    (void)connection;
    t.closed_sessions++;
    t.closed_code = fail;
    snprintf(t.closed_session, sizeof t.closed_session, "%s", session);
}

static void on_late(uv_timer_t *timer)
{
    (void)timer;
    t.late = true;
}

static void begin(void)
{
    struct config config;
    struct error err;
    memset(&t, 0, sizeof t);
    t.report_status = 200;
    t.heartbeat_answer = "{\"lease_seconds\":15,\"stale\":[]}";
    strcpy(t.folder, "/tmp/carrel-link-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(t.folder));
    snprintf(t.socket, sizeof t.socket, "%s/broker.sock", t.folder);
    uv_loop_init(&t.loop);
    uv_timer_init(&t.loop, &t.patience);
    registry_init(&t.gateway.registry);
    strcpy(t.gateway.name, "gw1");
    config_init(&config);
    strcpy(config.gateway_broker_socket, t.socket);
    config.gateway_heartbeat_ms = 50;
    CU_ASSERT_EQUAL_FATAL(broker_link_open(&t.link, &t.loop, &t.gateway, &config, "192.0.2.1:3389",
                                           on_close_session, NULL, &err),
                          0);
    broker_link_set_fingerprint(t.link, "abcd");
}

static void stub_open(void)
{
    t.stub = http_stub_open(&t.loop, t.socket, on_request, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(t.stub);
}

static void run_until(bool (*enough)(void))
{
    uv_timer_start(&t.patience, on_late, 30000, 0);
    while (!enough() && !t.late)
        uv_run(&t.loop, UV_RUN_ONCE);
    uv_timer_stop(&t.patience);
    CU_ASSERT_FALSE(t.late);
}

static void on_link_closed(void *arg)
{
    (void)arg;
    t.link_closed = true;
}

static bool link_is_closed(void)
{
    return t.link_closed;
}

static void end(void)
{
    broker_link_close(t.link, on_link_closed, NULL);
    run_until(link_is_closed);
    if (t.stub)
        http_stub_close(t.stub);
    uv_close((uv_handle_t *)&t.patience, NULL);
    uv_run(&t.loop, UV_RUN_DEFAULT);
    CU_ASSERT_EQUAL(uv_loop_close(&t.loop), 0);
    registry_finish(&t.gateway.registry);
    unlink(t.socket);
    rmdir(t.folder);
}

static void report(int64_t connection, bool closed)
{
    broker_link_report(t.link, &(struct broker_report){.session = "s-1",
                                                       .connection = connection,
                                                       .closed = closed,
                                                       .fail = FAIL_CLIENT_CLOSED,
                                                       .detail = "it left"});
}

static bool one_heartbeat(void)
{
    return t.heartbeats >= 1;
}

static void the_heartbeat_lists_the_live_sessions(void)
{
    struct registry_entry entry = {.session = "s-live", .connection = 3};
    begin();
    stub_open();
    atomic_store(&entry.bytes_out, 4711);
    registry_add(&t.gateway.registry, &entry);
    broker_link_start(t.link);
    run_until(one_heartbeat);
    json_t *body = json_loads(t.last_heartbeat, 0, NULL);
    const json_t *first = json_array_get(json_object_get(body, "sessions"), 0);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(body, "fingerprint")), "abcd");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(body, "address")), "192.0.2.1:3389");
    CU_ASSERT_EQUAL(strlen(json_string_value(json_object_get(body, "boot_id"))), 18);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(first, "session")), "s-live");
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(first, "connection")), 3);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(first, "bytes_out")), 4711);
    json_decref(body);
    registry_remove(&t.gateway.registry, &entry);
    end();
}

static bool one_closed_session(void)
{
    return t.closed_sessions >= 1;
}

static void stale_connections_are_closed_with_their_code(void)
{
    begin();
    stub_open();
    t.heartbeat_answer = "{\"stale\":[{\"session\":\"s-old\",\"connection\":1,\"code\":\"taken-over\"}]}";
    broker_link_start(t.link);
    run_until(one_closed_session);
    CU_ASSERT_STRING_EQUAL(t.closed_session, "s-old");
    CU_ASSERT_EQUAL(t.closed_code, FAIL_TAKEN_OVER);
    end();
}

static bool asked_twice(void)
{
    return t.orders >= 2;
}

static void an_order_is_obeyed_and_acknowledged_with_the_next_question(void)
{
    begin();
    stub_open();
    t.orders_answer = "{\"items\":[{\"number\":7,\"verb\":\"close\",\"session\":\"s-x\",\"connection\":2,"
                      "\"code\":\"admin-disconnect\"},{\"number\":8,\"verb\":\"dance\"}]}";
    broker_link_start(t.link);
    run_until(asked_twice);
    CU_ASSERT_EQUAL(t.closed_code, FAIL_ADMIN_DISCONNECT);
    CU_ASSERT_PTR_NOT_NULL(strstr(t.last_orders_path, "after=8"));
    end();
}

static bool four_reports(void)
{
    return t.reports >= 4;
}

static void reports_of_one_connection_keep_their_order(void)
{
    begin();
    stub_open();
    report(1, false);
    report(1, true);
    report(2, false);
    report(2, true);
    run_until(four_reports);
    CU_ASSERT_PTR_NOT_NULL_FATAL(strstr(t.report_log, "1 connected;"));
    CU_ASSERT_TRUE(strstr(t.report_log, "1 connected;") < strstr(t.report_log, "1 closed;"));
    CU_ASSERT_TRUE(strstr(t.report_log, "2 connected;") < strstr(t.report_log, "2 closed;"));
    end();
}

static bool one_report(void)
{
    return t.reports >= 1;
}

static bool three_reports(void)
{
    return t.reports >= 3;
}

static bool two_refused(void)
{
    return t.refused >= 2;
}

static bool two_reports(void)
{
    return t.reports >= 2;
}

static void those_that_come_while_others_are_under_way_go_together(void)
{
    begin();
    stub_open();
    report(1, false);
    run_until(one_report);
    for (int64_t i = 2; i <= 4; i++)
        report(i, false);
    run_until(four_reports);
    CU_ASSERT_STRING_EQUAL(t.report_log, "1 connected;|2 connected;3 connected;4 connected;|");
    end();
}

static void one_that_is_not_understood_takes_no_other_with_it(void)
{
    begin();
    stub_open();
    t.strange_connection = 2;
    for (int64_t i = 1; i <= 4; i++)
        report(i, false);
    run_until(three_reports);
    CU_ASSERT_STRING_EQUAL(t.report_log,
                           "1 connected;2 connected;3 connected;4 connected;|1 connected;|2 connected;|"
                           "3 connected;|4 connected;|");
    end();
}

static void a_connection_that_was_taken_over_is_closed(void)
{
    begin();
    stub_open();
    t.lost_connection = 2;
    for (int64_t i = 1; i <= 3; i++)
        report(i, false);
    run_until(one_closed_session);
    CU_ASSERT_EQUAL(t.closed_sessions, 1);
    CU_ASSERT_EQUAL(t.closed_code, FAIL_TAKEN_OVER);
    end();
}

static void a_broker_in_trouble_is_told_again_later(void)
{
    begin();
    stub_open();
    t.report_status = 503;
    report(1, false);
    report(1, true);
    run_until(two_refused);
    CU_ASSERT_STRING_EQUAL(t.report_log, "1 connected;1 closed;|");
    t.report_status = 200;
    run_until(two_reports);
    CU_ASSERT_STRING_EQUAL(t.report_log, "1 connected;1 closed;|1 connected;1 closed;|");
    end();
}

static void reports_wait_for_a_broker_that_is_not_there(void)
{
    begin();
    report(1, true);
    for (unsigned i = 0; i < 20; i++)
        uv_run(&t.loop, UV_RUN_NOWAIT);
    stub_open();
    run_until(one_report);
    end();
}

static void the_queue_is_bounded_and_counts_what_it_loses(void)
{
    begin();
    for (unsigned i = 0; i < BROKER_REPORTS_MAX + 5; i++)
        report(i, true);
    CU_ASSERT_EQUAL(counter_get(&t.gateway.counters.lost_reports), 5);
    end();
}

static void the_last_reports_leave_before_the_link_is_closed(void)
{
    begin();
    stub_open();
    for (unsigned i = 1; i <= 50; i++)
        report(i, true);
    end();
    CU_ASSERT_EQUAL(t.reports, 50);
}

SUITE("broker_link", TEST(the_heartbeat_lists_the_live_sessions),
      TEST(stale_connections_are_closed_with_their_code),
      TEST(an_order_is_obeyed_and_acknowledged_with_the_next_question),
      TEST(reports_of_one_connection_keep_their_order), TEST(a_broker_in_trouble_is_told_again_later),
      TEST(those_that_come_while_others_are_under_way_go_together),
      TEST(one_that_is_not_understood_takes_no_other_with_it),
      TEST(a_connection_that_was_taken_over_is_closed), TEST(reports_wait_for_a_broker_that_is_not_there),
      TEST(the_queue_is_bounded_and_counts_what_it_loses),
      TEST(the_last_reports_leave_before_the_link_is_closed))
