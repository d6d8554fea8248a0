#include "suite.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "store_lab.h"
#include "wake.h"

static char dir[64], path[128];
static uv_loop_t loop;
static char heard[4096];
static unsigned count;

static void note(void *arg, const char *topic, const char *id)
{
    size_t len = strlen(heard);
    snprintf(heard + len, sizeof heard - len, "%s:%s=%s ", (const char *)arg, topic, id);
    count++;
}

static void begin(void)
{
    lab_make_dir(dir);
    snprintf(path, sizeof path, "%s/carrel.db", dir);
    fclose(fopen(path, "w"));
    uv_loop_init(&loop);
    heard[0] = '\0';
    count = 0;
}

static struct wake *open_wake(const char *role)
{
    struct wake *wake = NULL;
    struct error err = {0};
    static char names[2][8];
    static unsigned next;
    char *name = names[next++ % 2];
    snprintf(name, sizeof names[0], "%s", role);
    CU_ASSERT_EQUAL_FATAL(wake_open(&wake, &loop, path, role, note, name, &err), 0);
    return wake;
}

static void closed(void *arg)
{
    ++*(unsigned *)arg;
}

static void close_wake(struct wake *wake)
{
    unsigned done = 0;
    wake_close(wake, closed, &done);
    while (!done)
        uv_run(&loop, UV_RUN_ONCE);
}

static void end(void)
{
    CU_ASSERT_EQUAL(uv_loop_close(&loop), 0);
    lab_remove_dir(dir);
}

static unsigned sockets(void)
{
    char name[160];
    unsigned n = 0;
    snprintf(name, sizeof name, "%s.wake", path);
    DIR *d = opendir(name);
    for (struct dirent *entry; d && (entry = readdir(d));)
        n += entry->d_name[0] != '.';
    if (d)
        closedir(d);
    return n;
}

static void everybody_hears_each_line(void)
{
    begin();
    struct wake *a = open_wake("a"), *b = open_wake("b");
    CU_ASSERT_TRUE(wake_send(a, "pool p-1\nevent \n", 16));
    while (count < 4)
        uv_run(&loop, UV_RUN_ONCE);
    CU_ASSERT_PTR_NOT_NULL(strstr(heard, "a:pool=p-1 a:event= "));
    CU_ASSERT_PTR_NOT_NULL(strstr(heard, "b:pool=p-1 b:event= "));
    close_wake(a);
    close_wake(b);
    CU_ASSERT_EQUAL(sockets(), 0);
    end();
}

static void sockets_of_the_dead_are_removed(void)
{
    char name[160];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    begin();
    struct wake *a = open_wake("a");
    /* What kill -9 leaves: a bound name without its socket. And a file that is not ours. */
    snprintf(address.sun_path, sizeof address.sun_path, "%.64s/carrel.db.wake/vmpool-1-dead", dir);
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    CU_ASSERT_EQUAL(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    CU_ASSERT_EQUAL(sockets(), 2);
    CU_ASSERT_TRUE(wake_send(a, "pool p-1\n", 9));
    CU_ASSERT_EQUAL(sockets(), 1);
    while (count < 1)
        uv_run(&loop, UV_RUN_ONCE);
    snprintf(name, sizeof name, "%s.wake/notes.txt", path);
    close(open(name, O_CREAT | O_WRONLY, 0600));
    CU_ASSERT_TRUE(wake_send(a, "pool p-1\n", 9));
    CU_ASSERT_EQUAL(access(name, F_OK), 0);
    close_wake(a);
    end();
}

static void a_full_receiver_is_told_and_does_not_block(void)
{
    begin();
    struct wake *a = open_wake("a"), *b = open_wake("b");
    unsigned sent = 0;
    while (sent < 100000 && wake_send(a, "pool p-1\n", 9))
        sent++;
    CU_ASSERT_TRUE(sent > 0 && sent < 100000);
    while (count < 2 * sent)
        uv_run(&loop, UV_RUN_ONCE);
    CU_ASSERT_TRUE(wake_send(a, "pool p-1\n", 9));
    close_wake(a);
    close_wake(b);
    end();
}

static void odd_messages_are_taken_for_what_they_are(void)
{
    begin();
    struct wake *a = open_wake("a");
    CU_ASSERT_TRUE(wake_send(a, "\n\npool\nsession s-1 more\n \0x", 27));
    while (count < 2)
        uv_run(&loop, UV_RUN_ONCE);
    CU_ASSERT_STRING_EQUAL(heard, "a:pool= a:session=s-1 more ");
    close_wake(a);
    end();
}

static void long_paths_are_no_trouble(void)
{
    begin();
    char deep[400];
    int used = snprintf(deep, sizeof deep, "%s", dir);
    for (int i = 0; i < 3; i++) {
        used += snprintf(deep + used, sizeof deep - (size_t)used, "/%060d", i);
        CU_ASSERT_EQUAL(mkdir(deep, 0700), 0);
    }
    struct wake *wake = NULL;
    struct error err = {0};
    char me[] = "me";
    snprintf(deep + used, sizeof deep - (size_t)used, "/carrel.db");
    CU_ASSERT_EQUAL_FATAL(wake_open(&wake, &loop, deep, "a", note, me, &err), 0);
    CU_ASSERT_TRUE(wake_send(wake, "pool p-1\n", 9));
    while (count < 1)
        uv_run(&loop, UV_RUN_ONCE);
    close_wake(wake);
    end();
}

SUITE("wake", TEST(everybody_hears_each_line), TEST(sockets_of_the_dead_are_removed),
      TEST(a_full_receiver_is_told_and_does_not_block), TEST(odd_messages_are_taken_for_what_they_are),
      TEST(long_paths_are_no_trouble))
