#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "store_lab.h"
#include "store_parts.h"
#include "store_run.h"

static char dir[64], path[128];
static struct store_run run;

static void open_store(void)
{
    lab_make_dir(dir);
    snprintf(path, sizeof path, "%s/carrel.db", dir);
    store_run_open(&run, path, "test");
}

static void close_store(void)
{
    store_run_close(&run);
    lab_remove_dir(dir);
}

/* Jobs: ARG is the text of an event. */
static int write_event(struct db *db, void *arg)
{
    struct event_row event = {.kind = "test"};
    snprintf(event.text, sizeof event.text, "%s", (const char *)arg);
    return store_event(db, &event);
}

static int write_event_and_fail(struct db *db, void *arg)
{
    int rc = write_event(db, arg);
    return rc ? rc : CE_REFUSED;
}

static int count_text(void *arg, const struct event_row *row)
{
    ++*(unsigned *)arg;
    return 0;
}

static int count_events(struct db *db, void *arg)
{
    *(unsigned *)arg = 0;
    return store_event_list(db, 0, 0, count_text, arg);
}

static unsigned events(void)
{
    unsigned n = 0;
    CU_ASSERT_EQUAL(store_run_job(&run, run.store, STORE_READ, count_events, &n), 0);
    return n;
}

static int do_write(const char *text)
{
    char copy[32];
    snprintf(copy, sizeof copy, "%s", text);
    return store_run_job(&run, run.store, STORE_WRITE, write_event, copy);
}

/* Holds the store's thread until the test has queued what it wants to see in one batch. */
static sem_t gate;

static int wait_at_gate(struct db *db, void *arg)
{
    while (sem_wait(&gate) < 0)
        ;
    return 0;
}

static void close_gate(void)
{
    sem_init(&gate, 0, 0);
    CU_ASSERT_EQUAL(store_submit(run.store, STORE_READ, wait_at_gate, NULL, NULL), 0);
}

static char order[64];
static unsigned finished;
static int last_rc;

static void append_done(void *arg, int rc)
{
    size_t len = strlen(order);
    if (len + 1 < sizeof order)
        order[len] = rc ? '-' : *(const char *)arg;
    last_rc = rc;
    finished++;
}

static void submit(enum store_mode mode, int (*job)(struct db *db, void *arg), const char *text)
{
    static char texts[16][2];
    static unsigned next;
    char *copy = texts[next++ % 16];
    copy[0] = text[0];
    CU_ASSERT_EQUAL(store_submit(run.store, mode, job, append_done, copy), 0);
}

static void begin_order(void)
{
    memset(order, 0, sizeof order);
    finished = 0;
}

static int read_nothing(struct db *db, void *arg)
{
    return 0;
}

static void jobs_are_done_in_order_after_their_commit(void)
{
    open_store();
    begin_order();
    close_gate();
    submit(STORE_WRITE, write_event, "a");
    submit(STORE_WRITE, write_event, "b");
    submit(STORE_READ, read_nothing, "c");
    submit(STORE_WRITE, write_event, "d");
    sem_post(&gate);
    store_run_until(&run, &finished, 4);
    CU_ASSERT_STRING_EQUAL(order, "abcd");
    CU_ASSERT_EQUAL(events(), 3);
    close_store();
}

static void a_failed_job_is_undone_alone(void)
{
    open_store();
    begin_order();
    close_gate();
    submit(STORE_WRITE, write_event, "a");
    submit(STORE_WRITE, write_event_and_fail, "b");
    submit(STORE_WRITE, write_event, "c");
    sem_post(&gate);
    store_run_until(&run, &finished, 3);
    CU_ASSERT_STRING_EQUAL(order, "a-c");
    CU_ASSERT_EQUAL(events(), 2);
    close_store();
}

/* A frame of the write-ahead log that ends a transaction has the database's size in its second word. */
static unsigned commits_in_log(void)
{
    char wal[160];
    unsigned char frame[24];
    unsigned commits = 0;
    snprintf(wal, sizeof wal, "%s-wal", path);
    FILE *file = fopen(wal, "rb");
    if (!file)
        return 0;
    for (long at = 32; fseek(file, at, SEEK_SET) == 0 && fread(frame, 1, 24, file) == 24; at += 24 + 4096)
        commits += frame[4] || frame[5] || frame[6] || frame[7];
    fclose(file);
    return commits;
}

static void queued_writes_share_one_commit(void)
{
    open_store();
    CU_ASSERT_EQUAL(do_write("first"), 0);
    unsigned before = commits_in_log();
    CU_ASSERT_TRUE(before > 0);
    begin_order();
    close_gate();
    for (int i = 0; i < 50; i++)
        submit(STORE_WRITE, write_event, "x");
    sem_post(&gate);
    store_run_until(&run, &finished, 50);
    CU_ASSERT_EQUAL(commits_in_log(), before + 1);
    CU_ASSERT_EQUAL(events(), 51);
    close_store();
}

static void a_reading_job_may_not_write(void)
{
    char text[] = "x";
    open_store();
    CU_ASSERT_EQUAL(store_run_job(&run, run.store, STORE_READ, write_event, text), CE_INTERNAL);
    CU_ASSERT_EQUAL(events(), 0);
    close_store();
}

static void a_full_queue_refuses(void)
{
    open_store();
    begin_order();
    close_gate();
    unsigned queued = 0;
    char text[] = "x";
    while (queued <= STORE_QUEUE_MAX + 1 &&
           (last_rc = store_submit(run.store, STORE_READ, read_nothing, append_done, text)) == 0)
        queued++;
    CU_ASSERT_EQUAL(last_rc, CE_LIMIT);
    /* The one at the gate counts until the thread has taken it. */
    CU_ASSERT_TRUE(queued == STORE_QUEUE_MAX || queued == STORE_QUEUE_MAX - 1);
    sem_post(&gate);
    store_run_until(&run, &finished, queued);
    CU_ASSERT_EQUAL(store_submit(run.store, STORE_READ, read_nothing, NULL, NULL), 0);
    close_store();
}

static void closed_too_early(void *arg)
{
    CU_ASSERT_EQUAL(finished, 40);
    append_done(arg, 0);
}

static void closing_lets_queued_jobs_finish(void)
{
    char text[] = "x";
    open_store();
    begin_order();
    close_gate();
    for (int i = 0; i < 40; i++)
        CU_ASSERT_EQUAL(store_submit(run.store, STORE_WRITE, write_event, append_done, text), 0);
    store_close(run.store, closed_too_early, text);
    CU_ASSERT_EQUAL(store_submit(run.store, STORE_WRITE, write_event, append_done, text), CE_CANCELLED);
    sem_post(&gate);
    store_run_until(&run, &finished, 41);
    CU_ASSERT_EQUAL(uv_loop_close(&run.loop), 0);
    store_run_open(&run, path, "test");
    CU_ASSERT_EQUAL(events(), 40);
    close_store();
}

/* --- a database that cannot be had for a while ------------------------------------------------------------
 */

static sqlite3 *locker;

static void lock_database(void)
{
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(path, &locker), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(sqlite3_exec(locker, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
}

static void unlock_database(uv_timer_t *timer)
{
    sqlite3_close(locker);
    locker = NULL;
}

static void waits_while_another_process_holds_the_lock(void)
{
    uv_timer_t timer;
    open_store();
    begin_order();
    lock_database();
    uv_timer_init(&run.loop, &timer);
    uv_timer_start(&timer, unlock_database, 1200, 0); /* longer than SQLite's own patience */
    submit(STORE_WRITE, write_event, "a");
    /* Readers are not held up by a writer. */
    CU_ASSERT_EQUAL(finished, 0);
    store_run_until(&run, &finished, 1);
    CU_ASSERT_PTR_NULL(locker);
    CU_ASSERT_STRING_EQUAL(order, "a");
    uv_close((uv_handle_t *)&timer, NULL);
    CU_ASSERT_EQUAL(events(), 1);
    close_store();
}

static void gives_up_a_locked_database_after_its_patience(void)
{
    store_patience_ms = 700;
    open_store();
    lock_database();
    CU_ASSERT_EQUAL(do_write("a"), CE_UNREACHABLE);
    unlock_database(NULL);
    CU_ASSERT_EQUAL(do_write("b"), 0);
    CU_ASSERT_EQUAL(events(), 1);
    close_store();
    store_patience_ms = STORE_PATIENCE_MS;
}

static void comes_back_when_a_lost_file_does(void)
{
    char away[160];
    unsigned n;
    store_patience_ms = 300;
    open_store();
    snprintf(away, sizeof away, "%s/away", dir);
    CU_ASSERT_EQUAL(do_write("a"), 0);
    CU_ASSERT_EQUAL(rename(path, away), 0);
    CU_ASSERT_EQUAL(do_write("b"), CE_UNREACHABLE);
    CU_ASSERT_EQUAL(store_run_job(&run, run.store, STORE_READ, count_events, &n), CE_UNREACHABLE);
    CU_ASSERT_EQUAL(access(path, F_OK), -1); /* no new and empty one is made in its place */
    CU_ASSERT_EQUAL(rename(away, path), 0);
    CU_ASSERT_EQUAL(do_write("c"), 0);
    CU_ASSERT_EQUAL(events(), 2);
    close_store();
    store_patience_ms = STORE_PATIENCE_MS;
}

static void remove_beside(const char *suffix)
{
    char name[160];
    snprintf(name, sizeof name, "%s%s", path, suffix);
    unlink(name);
}

static void another_file_in_its_place_is_refused(void)
{
    static const char garbage[] = "This is no database, but it is long enough to be the beginning of one.\n";
    char away[160];
    store_patience_ms = 300;
    open_store();
    snprintf(away, sizeof away, "%s/away", dir);
    CU_ASSERT_EQUAL(do_write("a"), 0);
    CU_ASSERT_EQUAL(rename(path, away), 0);
    int fd = open(path, O_CREAT | O_WRONLY, 0660);
    CU_ASSERT_EQUAL(do_write("b"), CE_UNREACHABLE);
    unlink(path);
    CU_ASSERT_EQUAL(rename(away, path), 0);
    CU_ASSERT_EQUAL(do_write("c"), 0);
    CU_ASSERT_EQUAL(events(), 2);
    close(fd);

    /* With its log in it, and without: the log would mend the garbage. */
    store_run_close(&run);
    store_run_open(&run, path, "test");
    CU_ASSERT_EQUAL(rename(path, away), 0);
    remove_beside("-wal");
    remove_beside("-shm");
    fd = open(path, O_CREAT | O_WRONLY, 0660);
    for (int i = 0; i < 20; i++)
        CU_ASSERT_EQUAL(write(fd, garbage, sizeof garbage), (ssize_t)sizeof garbage);
    close(fd);
    CU_ASSERT_EQUAL(do_write("d"), CE_UNREACHABLE);
    unlink(path);
    CU_ASSERT_EQUAL(rename(away, path), 0);
    CU_ASSERT_EQUAL(do_write("e"), 0);
    CU_ASSERT_EQUAL(events(), 3);
    close_store();
    store_patience_ms = STORE_PATIENCE_MS;
}

/* --- a full disk ------------------------------------------------------------------------------------------
 */

static int limit_pages(struct db *db, void *arg)
{
    return db->ops->script(db, arg);
}

static int write_much(struct db *db, void *arg)
{
    int rc = 0;
    char text[300];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (int i = 0; !rc && i < *(int *)arg; i++)
        rc = write_event(db, text);
    return rc;
}

static void a_full_database_undoes_the_job_and_works_again(void)
{
    char small[] = "PRAGMA max_page_count=1", large[] = "PRAGMA max_page_count=100000";
    int many = 5000;
    open_store();
    CU_ASSERT_EQUAL(do_write("a"), 0);
    CU_ASSERT_EQUAL(store_run_job(&run, run.store, STORE_WRITE, limit_pages, small), 0);
    CU_ASSERT_EQUAL(store_run_job(&run, run.store, STORE_WRITE, write_much, &many), CE_NO_SPACE);
    CU_ASSERT_EQUAL(events(), 1);
    CU_ASSERT_EQUAL(store_run_job(&run, run.store, STORE_WRITE, limit_pages, large), 0);
    CU_ASSERT_EQUAL(store_run_job(&run, run.store, STORE_WRITE, write_much, &many), 0);
    CU_ASSERT_EQUAL(events(), 5001);
    close_store();
}

/* In a process and mount namespace of its own, so that nothing is left behind. Exit status 77: no right. */
static int fill_a_real_disk(void)
{
    char filler[160];
    int many = 200, rc;
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", dir, "tmpfs", 0, "size=4m") < 0)
        return 77;
    snprintf(path, sizeof path, "%s/carrel.db", dir);
    snprintf(filler, sizeof filler, "%s/filler", dir);
    store_run_open(&run, path, "test");
    char block[4096] = {0};
    int fd = open(filler, O_CREAT | O_WRONLY, 0600);
    while (write(fd, block, sizeof block) > 0)
        ;
    close(fd);
    rc = do_write("a");
    for (int i = 0; !rc && i < 20; i++) /* what SQLite had set aside is used up first */
        rc = store_run_job(&run, run.store, STORE_WRITE, write_much, &many);
    if (rc != CE_NO_SPACE)
        return 10;
    unsigned before = events();
    if (do_write("b") != CE_NO_SPACE || events() != before)
        return 11;
    unlink(filler);
    if (do_write("c") != 0 || events() != before + 1)
        return 12;
    store_run_close(&run);
    return 0;
}

static void a_full_disk_is_told_and_survived(void)
{
    int status = 0;
    lab_make_dir(dir);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(fill_a_real_disk());
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT_TRUE(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        printf("(no right to mount a small disk: not tried) ");
    else
        CU_ASSERT_EQUAL(WEXITSTATUS(status), 0);
    lab_remove_dir(dir);
}

/* --- wake-ups ---------------------------------------------------------------------------------------------
 */

struct woken {
    unsigned count;
    char text[400];
};

static void note_wake(void *arg, const char *topic, const char *id)
{
    struct woken *woken = arg;
    size_t len = strlen(woken->text);
    snprintf(woken->text + len, sizeof woken->text - len, "%s=%s ", topic, id);
    woken->count++;
}

static int notify_thrice(struct db *db, void *arg)
{
    store_notify(db, "pool", "p-1");
    store_notify(db, "pool", "p-2");
    store_notify(db, "pool", "p-1");
    return 0;
}

static int notify_and_fail(struct db *db, void *arg)
{
    store_notify(db, "pool", "p-lost");
    return CE_REFUSED;
}

static void a_commit_wakes_every_process_once_for_each_change(void)
{
    struct store *other;
    struct woken here = {0}, there = {0};
    open_store();
    store_run_join(&run, path, "other", &other);
    store_on_wake(run.store, note_wake, &here);
    store_on_wake(other, note_wake, &there);
    begin_order();
    close_gate();
    submit(STORE_WRITE, notify_and_fail, "a");
    submit(STORE_WRITE, notify_thrice, "b");
    submit(STORE_WRITE, notify_thrice, "c");
    submit(STORE_WRITE, notify_and_fail, "d");
    sem_post(&gate);
    store_run_until(&run, &here.count, 2);
    store_run_until(&run, &there.count, 2);
    CU_ASSERT_STRING_EQUAL(here.text, "pool=p-1 pool=p-2 ");
    CU_ASSERT_STRING_EQUAL(there.text, "pool=p-1 pool=p-2 ");
    store_run_close_joined(&run, other);
    close_store();
}

static int notify_many(struct db *db, void *arg)
{
    for (int i = 0; i < 2 * DB_NOTICES_MAX; i++) {
        char id[ID_SIZE];
        snprintf(id, sizeof id, "s-%d", i);
        store_notify(db, "session", id);
    }
    return 0;
}

static void very_many_changes_become_one_for_all(void)
{
    struct woken here = {0};
    open_store();
    store_on_wake(run.store, note_wake, &here);
    CU_ASSERT_EQUAL(store_run_job(&run, run.store, STORE_WRITE, notify_many, NULL), 0);
    store_run_until(&run, &here.count, DB_NOTICES_MAX + 1);
    CU_ASSERT_EQUAL(here.count, DB_NOTICES_MAX + 1);
    close_store();
}

/* --- the place --------------------------------------------------------------------------------------------
 */

static void refuse_to_open(const char *where, int code, const char *words)
{
    uv_loop_t loop;
    struct store *store;
    struct error err = {0};
    uv_loop_init(&loop);
    CU_ASSERT_EQUAL(store_open(&store, &loop, where, "test", &err), code);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, words));
    CU_ASSERT_EQUAL(uv_loop_close(&loop), 0);
}

static void says_what_is_wrong_with_its_place(void)
{
    char bad[160];
    lab_make_dir(dir);
    snprintf(bad, sizeof bad, "%s/none/carrel.db", dir);
    refuse_to_open(bad, CE_NOT_FOUND, "does not exist");
    snprintf(bad, sizeof bad, "%s/file", dir);
    close(open(bad, O_CREAT | O_WRONLY, 0600));
    snprintf(bad, sizeof bad, "%s/file/carrel.db", dir);
    refuse_to_open(bad, CE_BAD_INPUT, "not a directory");
    snprintf(bad, sizeof bad, "%s/folder", dir);
    mkdir(bad, 0700);
    refuse_to_open(bad, CE_BAD_INPUT, "not a regular file");
    snprintf(bad, sizeof bad, "%s/carrel.db", dir);
    if (geteuid() == 0 && seteuid(65534) == 0) {
        refuse_to_open(bad, CE_REFUSED, "may not write");
        CU_ASSERT_EQUAL(seteuid(0), 0);
    }
    lab_remove_dir(dir);
}

static void its_files_are_the_groups_and_nobody_elses(void)
{
    static const char *const names[] = {"", "-wal", "-shm"};
    struct stat st;
    char name[160];
    mode_t old = umask(077);
    open_store();
    CU_ASSERT_EQUAL(do_write("a"), 0);
    for (size_t i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s%s", path, names[i]);
        CU_ASSERT_EQUAL(stat(name, &st), 0);
        CU_ASSERT_EQUAL(st.st_mode & 07777, 0660);
    }
    snprintf(name, sizeof name, "%s.wake", path);
    CU_ASSERT_EQUAL(stat(name, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 07777, 02770);
    close_store();
    umask(old);
}

SUITE("store", TEST(jobs_are_done_in_order_after_their_commit), TEST(a_failed_job_is_undone_alone),
      TEST(queued_writes_share_one_commit), TEST(a_reading_job_may_not_write), TEST(a_full_queue_refuses),
      TEST(closing_lets_queued_jobs_finish), TEST(waits_while_another_process_holds_the_lock),
      TEST(gives_up_a_locked_database_after_its_patience), TEST(comes_back_when_a_lost_file_does),
      TEST(another_file_in_its_place_is_refused), TEST(a_full_database_undoes_the_job_and_works_again),
      TEST(a_full_disk_is_told_and_survived), TEST(a_commit_wakes_every_process_once_for_each_change),
      TEST(very_many_changes_become_one_for_all), TEST(says_what_is_wrong_with_its_place),
      TEST(its_files_are_the_groups_and_nobody_elses))
