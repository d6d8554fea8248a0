#include "suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "api_listen.h"

static char dir[64], path[96];
static struct error err;

static void begin(void)
{
    snprintf(dir, sizeof dir, "/tmp/carrel-listen-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/api", dir);
}

static void end(void)
{
    unlink(path);
    rmdir(dir);
}

static int connect_to_it(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    int rc = connect(fd, (struct sockaddr *)&address, sizeof address);
    close(fd);
    return rc;
}

static void listens_where_nothing_was_and_leaves_nothing(void)
{
    struct stat st;
    int fd = -1;
    begin();
    CU_ASSERT_EQUAL(api_listen_open(&fd, path, &err), 0);
    CU_ASSERT_EQUAL(connect_to_it(), 0);
    CU_ASSERT_EQUAL(stat(path, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0666);
    api_listen_close(fd, path);
    CU_ASSERT_NOT_EQUAL(stat(path, &st), 0);
    end();
}

static void takes_the_place_of_a_socket_that_nobody_answers_on(void)
{
    int fd = -1;
    begin();
    CU_ASSERT_EQUAL_FATAL(api_listen_open(&fd, path, &err), 0);
    close(fd); /* as kill -9 would: the path stays */
    CU_ASSERT_NOT_EQUAL(connect_to_it(), 0);
    CU_ASSERT_EQUAL(api_listen_open(&fd, path, &err), 0);
    CU_ASSERT_EQUAL(connect_to_it(), 0);
    api_listen_close(fd, path);
    end();
}

static void leaves_a_broker_that_answers_alone(void)
{
    int fd = -1, second = -1;
    begin();
    CU_ASSERT_EQUAL_FATAL(api_listen_open(&fd, path, &err), 0);
    CU_ASSERT_EQUAL(api_listen_open(&second, path, &err), CE_EXISTS);
    CU_ASSERT_EQUAL(second, -1);
    CU_ASSERT_EQUAL(connect_to_it(), 0);
    api_listen_close(fd, path);
    end();
}

static void leaves_what_is_no_socket_alone(void)
{
    int fd = -1;
    begin();
    int file = open(path, O_CREAT | O_WRONLY, 0600);
    close(file);
    CU_ASSERT_EQUAL(api_listen_open(&fd, path, &err), CE_EXISTS);
    CU_ASSERT_EQUAL(access(path, F_OK), 0);
    end();
}

static void refuses_a_path_that_no_socket_can_have(void)
{
    char longest[200];
    int fd = -1;
    memset(longest, 'x', sizeof longest - 1);
    longest[0] = '/';
    longest[sizeof longest - 1] = '\0';
    CU_ASSERT_EQUAL(api_listen_open(&fd, longest, &err), CE_BAD_INPUT);
    CU_ASSERT_EQUAL(api_listen_open(&fd, "/nonexistent/api", &err), CE_IO);
}

SUITE("api_listen", TEST(listens_where_nothing_was_and_leaves_nothing),
      TEST(takes_the_place_of_a_socket_that_nobody_answers_on), TEST(leaves_a_broker_that_answers_alone),
      TEST(leaves_what_is_no_socket_alone), TEST(refuses_a_path_that_no_socket_can_have))
