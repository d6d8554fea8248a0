/* Several processes on one file: what two brokers or a broker and vmpool do to each other, and what kill -9
 * leaves behind. The processes are forked before this one makes a loop or a thread. */
#include "suite.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store_lab.h"
#include "store_run.h"

enum { PROCESSES = 3, USERS_EACH = 40, DESKTOPS = 25, ROUNDS = 4 };

static struct lab lab;
static struct pool_row pool;
static struct user_row users[PROCESSES][USERS_EACH];

struct attempt {
    const char *user_id;
    struct claim claim;
    int rc;
    unsigned *done;
};

static int attempt_run(struct db *db, void *arg)
{
    struct attempt *attempt = arg;
    struct session_request request = {.user_id = attempt->user_id, .pool_id = pool.id, .gateway = "gw1"};
    return store_claim(db, &request, &attempt->claim);
}

static void attempt_done(void *arg, int rc)
{
    struct attempt *attempt = arg;
    attempt->rc = rc;
    ++*attempt->done;
}

/* Claims for all its users at once; tells the parent which desktops it was given, a line each. */
static int claim_all(unsigned process, int out)
{
    static struct attempt attempts[USERS_EACH];
    struct store_run run;
    unsigned done = 0;
    store_run_open(&run, lab.path, "claimer");
    for (unsigned i = 0; i < USERS_EACH; i++) {
        attempts[i] = (struct attempt){.user_id = users[process][i].id, .done = &done};
        if (store_submit(run.store, STORE_WRITE, attempt_run, attempt_done, &attempts[i]))
            return 2;
    }
    store_run_until(&run, &done, USERS_EACH);
    for (unsigned i = 0; i < USERS_EACH; i++) {
        if (attempts[i].rc && (attempts[i].rc != CE_REFUSED || attempts[i].claim.fail != FAIL_NO_DESKTOP))
            return 3;
        if (attempts[i].rc == 0)
            dprintf(out, "%s\n", attempts[i].claim.session.desktop_id);
    }
    store_run_close(&run);
    return 0;
}

static void expect_exit(pid_t pid)
{
    int status = -1;
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT_EQUAL(status, 0);
}

/* Each line once, and as many as there are desktops. */
static void check_given(FILE *in)
{
    static char given[DESKTOPS + 1][ID_SIZE + 2];
    unsigned n = 0;
    while (n <= DESKTOPS && fgets(given[n], sizeof given[n], in)) {
        for (unsigned i = 0; i < n; i++)
            CU_ASSERT_STRING_NOT_EQUAL(given[i], given[n]);
        CU_ASSERT_TRUE(given[n][0] == 'd');
        n++;
    }
    CU_ASSERT_EQUAL(n, DESKTOPS);
}

static void processes_never_get_the_same_desktop(void)
{
    pid_t pids[PROCESSES];
    int fds[2];
    char name[32];
    lab_open(&lab);
    lab_pool(&lab, "demo", POOL_FLOATING, DESKTOPS, &pool);
    for (unsigned i = 0; i < DESKTOPS; i++) {
        struct desktop_row desktop;
        snprintf(name, sizeof name, "demo-%u", i);
        lab_desktop(&lab, &pool, name, &desktop);
    }
    for (unsigned i = 0; i < PROCESSES * USERS_EACH; i++) {
        snprintf(name, sizeof name, "user%u", i);
        lab_user(&lab, name, &users[i / USERS_EACH][i % USERS_EACH]);
    }
    CU_ASSERT_EQUAL_FATAL(pipe(fds), 0);
    fflush(NULL);
    for (unsigned i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            db_close(&lab.db);
            _exit(claim_all(i, fds[1]));
        }
    }
    close(fds[1]);
    FILE *in = fdopen(fds[0], "r");
    check_given(in);
    fclose(in);
    for (unsigned i = 0; i < PROCESSES; i++)
        expect_exit(pids[i]);
    CU_ASSERT_EQUAL(lab_count(&lab, "SELECT COUNT(*) FROM desktops WHERE state = 'claimed'"), DESKTOPS);
    CU_ASSERT_EQUAL(lab_count(&lab, "SELECT COUNT(*) FROM sessions WHERE state = 'starting'"), DESKTOPS);
    lab_close(&lab);
}

/* --- kill -9 ----------------------------------------------------------------------------------------------
 */

struct numbered {
    struct store_run *run;
    int out;
    int64_t number;
};

static int numbered_run(struct db *db, void *arg)
{
    const struct numbered *job = arg;
    struct event_row event = {.kind = "numbered"};
    snprintf(event.text, sizeof event.text, "%lld", (long long)job->number);
    return store_event(db, &event);
}

/* The acknowledgement; another job takes the place of this one. */
static void numbered_done(void *arg, int rc)
{
    static int64_t next = 1000;
    struct numbered *job = arg;
    if (rc || dprintf(job->out, "%lld\n", (long long)job->number) < 0)
        _exit(4);
    job->number = next++;
    if (store_submit(job->run->store, STORE_WRITE, numbered_run, numbered_done, job))
        _exit(5);
}

static void write_for_ever(int out)
{
    static struct numbered jobs[16];
    struct store_run run;
    store_run_open(&run, lab.path, "writer");
    for (int i = 0; i < 16; i++) {
        jobs[i] = (struct numbered){.run = &run, .out = out, .number = i};
        if (store_submit(run.store, STORE_WRITE, numbered_run, numbered_done, &jobs[i]))
            _exit(5);
    }
    uv_run(&run.loop, UV_RUN_DEFAULT);
    _exit(6);
}

static void kill_a_writer_after(unsigned acknowledgements)
{
    int fds[2], status = 0;
    char line[32];
    unsigned n = 0;
    lab_open(&lab);
    db_close(&lab.db);
    CU_ASSERT_EQUAL_FATAL(pipe(fds), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        write_for_ever(fds[1]);
    }
    close(fds[1]);
    FILE *in = fdopen(fds[0], "r");
    FILE *acknowledged = tmpfile();
    while (fgets(line, sizeof line, in)) {
        fputs(line, acknowledged);
        if (++n == acknowledgements)
            kill(pid, SIGKILL);
    }
    fclose(in);
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

    struct store_run run;
    store_run_open(&run, lab.path, "reader");
    rewind(acknowledged);
    while (fgets(line, sizeof line, acknowledged)) {
        char sql[128];
        snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM events WHERE text = '%lld'", atoll(line));
        CU_ASSERT_EQUAL(lab_count(&lab, sql), 1);
    }
    fclose(acknowledged);
    store_run_close(&run);
    lab_close(&lab);
    CU_ASSERT_TRUE(n >= acknowledgements);
}

static void what_was_acknowledged_survives_kill_9(void)
{
    for (unsigned round = 0; round < ROUNDS; round++)
        kill_a_writer_after(1 + round * 37);
}

SUITE("store_processes", TEST(processes_never_get_the_same_desktop),
      TEST(what_was_acknowledged_survives_kill_9))
