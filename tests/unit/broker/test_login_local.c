#include "suite.h"

#include <stdio.h>
#include <string.h>

#include "login_local.h"

#define TASKS 6

static uv_loop_t loop;
static struct login_workers *workers;
static struct login_task tasks[TASKS];
static unsigned done_count;
static bool closed_called;

static void on_done(struct login_task *task)
{
    done_count++;
}

static void on_closed(void *arg)
{
    closed_called = true;
}

static void begin(unsigned threads)
{
    struct error err;
    done_count = 0;
    closed_called = false;
    memset(tasks, 0, sizeof tasks);
    CU_ASSERT_EQUAL_FATAL(uv_loop_init(&loop), 0);
    CU_ASSERT_EQUAL_FATAL(login_workers_open(&workers, &loop, threads, &err), 0);
}

static void end(void)
{
    login_workers_close(workers, on_closed, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    CU_ASSERT(closed_called);
    CU_ASSERT_EQUAL(uv_loop_close(&loop), 0);
}

static void submit(struct login_task *task, enum login_work work, const struct secret *password)
{
    task->work = work;
    task->password = password;
    task->done = on_done;
    CU_ASSERT_EQUAL_FATAL(login_workers_submit(workers, task), 0);
}

static void run_until(unsigned count)
{
    while (done_count < count)
        uv_run(&loop, UV_RUN_ONCE);
}

static void checks_passwords_against_what_it_made(void)
{
    struct secret right = {0}, wrong = {0};
    CU_ASSERT_EQUAL_FATAL(secret_set(&right, "right", 5), 0);
    CU_ASSERT_EQUAL_FATAL(secret_set(&wrong, "wrong", 5), 0);
    begin(2);
    submit(&tasks[0], LOGIN_HASH, &right);
    run_until(1);
    CU_ASSERT_EQUAL(tasks[0].rc, 0);
    CU_ASSERT_EQUAL(strncmp(tasks[0].hash, "$argon2id$", 10), 0);
    memcpy(tasks[1].hash, tasks[0].hash, sizeof tasks[0].hash);
    memcpy(tasks[2].hash, tasks[0].hash, sizeof tasks[0].hash);
    submit(&tasks[1], LOGIN_VERIFY, &right);
    submit(&tasks[2], LOGIN_VERIFY, &wrong);
    run_until(3);
    CU_ASSERT_EQUAL(tasks[1].rc, 0);
    CU_ASSERT_EQUAL(tasks[2].rc, CE_REFUSED);
    end();
}

static void replaces_a_password_by_another_one_only(void)
{
    struct secret old = {0}, new = {0};
    CU_ASSERT_EQUAL_FATAL(secret_set(&old, "old", 3), 0);
    CU_ASSERT_EQUAL_FATAL(secret_set(&new, "new", 3), 0);
    begin(1);
    submit(&tasks[0], LOGIN_REPLACE, &old); /* there is none yet */
    run_until(1);
    CU_ASSERT_EQUAL(tasks[0].rc, 0);
    memcpy(tasks[1].hash, tasks[0].hash, sizeof tasks[0].hash);
    memcpy(tasks[2].hash, tasks[0].hash, sizeof tasks[0].hash);
    submit(&tasks[1], LOGIN_REPLACE, &old);
    submit(&tasks[2], LOGIN_REPLACE, &new);
    run_until(3);
    CU_ASSERT_EQUAL(tasks[1].rc, CE_EXISTS);
    CU_ASSERT_STRING_EQUAL(tasks[1].hash, tasks[0].hash);
    CU_ASSERT_EQUAL(tasks[2].rc, 0);
    memcpy(tasks[3].hash, tasks[2].hash, sizeof tasks[2].hash);
    submit(&tasks[3], LOGIN_VERIFY, &new);
    run_until(4);
    CU_ASSERT_EQUAL(tasks[3].rc, 0);
    end();
}

static void takes_as_long_for_nobody_as_for_somebody(void)
{
    struct secret password = {0};
    CU_ASSERT_EQUAL_FATAL(secret_set(&password, "x", 1), 0);
    begin(1);
    submit(&tasks[0], LOGIN_HASH, &password);
    run_until(1);
    memcpy(tasks[1].hash, tasks[0].hash, sizeof tasks[0].hash);
    uint64_t begun = uv_hrtime();
    submit(&tasks[1], LOGIN_VERIFY, &password);
    run_until(2);
    uint64_t known_ns = uv_hrtime() - begun;
    begun = uv_hrtime();
    submit(&tasks[2], LOGIN_VERIFY, &password); /* no hash: an unknown user */
    run_until(3);
    uint64_t unknown_ns = uv_hrtime() - begun;
    CU_ASSERT_EQUAL(tasks[1].rc, 0);
    CU_ASSERT_EQUAL(tasks[2].rc, CE_REFUSED);
    /* Other programs run beside; a missing hash that is refused at once would be thousands of times faster.
     */
    CU_ASSERT(unknown_ns > known_ns / 10);
    end();
}

static void gives_up_what_waits_at_the_end_and_says_so(void)
{
    struct secret password = {0};
    CU_ASSERT_EQUAL_FATAL(secret_set(&password, "x", 1), 0);
    begin(1);
    for (size_t i = 0; i < TASKS; i++)
        submit(&tasks[i], LOGIN_HASH, &password);
    end();
    CU_ASSERT_EQUAL(done_count, TASKS);
    CU_ASSERT_EQUAL(tasks[TASKS - 1].rc, CE_CANCELLED);
}

static void does_not_check_what_was_given_up(void)
{
    struct secret password = {0};
    CU_ASSERT_EQUAL_FATAL(secret_set(&password, "x", 1), 0);
    begin(1);
    for (size_t i = 0; i < TASKS; i++)
        submit(&tasks[i], LOGIN_HASH, &password);
    for (size_t i = 2; i < TASKS; i++)
        login_workers_give_up(workers, &tasks[i]);
    run_until(TASKS);
    CU_ASSERT_EQUAL(tasks[0].rc, 0);
    CU_ASSERT_EQUAL(tasks[1].rc, 0);
    for (size_t i = 2; i < TASKS; i++)
        CU_ASSERT_EQUAL(tasks[i].rc, CE_CANCELLED);
    login_workers_give_up(workers, &tasks[0]); /* done already: nothing happens */
    end();
    CU_ASSERT_EQUAL(done_count, TASKS);
}

static void takes_nothing_and_gives_up_what_waits_once_it_stops(void)
{
    struct secret password = {0};
    struct login_task late = {.work = LOGIN_HASH, .password = &password, .done = on_done};
    CU_ASSERT_EQUAL_FATAL(secret_set(&password, "x", 1), 0);
    begin(1);
    for (size_t i = 0; i < TASKS; i++)
        submit(&tasks[i], LOGIN_HASH, &password);
    login_workers_stop(workers);
    CU_ASSERT_EQUAL(login_workers_submit(workers, &late), CE_LIMIT);
    run_until(TASKS); /* before the end: requests are answered while the threads still stand */
    for (size_t i = 1; i < TASKS; i++)
        CU_ASSERT_EQUAL(tasks[i].rc, CE_CANCELLED);
    end();
    CU_ASSERT_EQUAL(done_count, TASKS);
}

static void refuses_more_than_its_queue_holds(void)
{
    static struct login_task many[LOGIN_QUEUE_MAX + 2];
    struct secret password = {0};
    unsigned taken = 0;
    begin(1);
    for (size_t i = 0; i < sizeof many / sizeof many[0]; i++) {
        many[i] = (struct login_task){.work = LOGIN_HASH, .password = &password, .done = on_done};
        taken += login_workers_submit(workers, &many[i]) == 0;
    }
    /* One may be with the worker already. */
    CU_ASSERT(taken == LOGIN_QUEUE_MAX || taken == LOGIN_QUEUE_MAX + 1);
    end();
    CU_ASSERT_EQUAL(done_count, taken);
}

int main(void)
{
    static const struct suite_test tests[] = {
        TEST(checks_passwords_against_what_it_made),
        TEST(replaces_a_password_by_another_one_only),
        TEST(takes_as_long_for_nobody_as_for_somebody),
        TEST(gives_up_what_waits_at_the_end_and_says_so),
        TEST(does_not_check_what_was_given_up),
        TEST(takes_nothing_and_gives_up_what_waits_once_it_stops),
        TEST(refuses_more_than_its_queue_holds),
    };
    if (secret_library_init())
        return 2;
    return suite_main("login_local", tests, sizeof tests / sizeof tests[0]);
}
