#include "syscall_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rights.h"
#include "suite.h"

/* Each call is tried in a child that set the very filter of the gateway. */
static char said[512];
static char file[] = "/tmp/carrel-filter.XXXXXX";

enum { GOES_ON = 7, NOT_SET = 8 };

static int child_of(enum syscall_filter_mode mode, void (*call)(void))
{
    int out[2], status = -1;
    CU_ASSERT_EQUAL_FATAL(pipe(out), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (rights_lock(NULL) || syscall_filter_set(mode, out[1], NULL))
            _exit(NOT_SET);
        call();
        _exit(GOES_ON);
    }
    close(out[1]);
    size_t len = 0;
    ssize_t n;
    while (len < sizeof said - 1 && (n = read(out[0], said + len, sizeof said - 1 - len)) > 0)
        len += (size_t)n;
    said[len] = '\0';
    close(out[0]);
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    return status;
}

static void dies_of(void (*call)(void), const char *name)
{
    char words[64];
    int status = child_of(SYSCALL_FILTER_ENFORCE, call);
    snprintf(words, sizeof words, "(%s)\n", name);
    CU_ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "is forbidden here ends the process"));
    CU_ASSERT_PTR_NOT_NULL(strstr(said, words));
    if (!WIFSIGNALED(status) || !strstr(said, words))
        printf("\n%s: status %x, said \"%s\"", name, (unsigned)status, said);
}

static void lives_with(void (*call)(void))
{
    int status = child_of(SYSCALL_FILTER_ENFORCE, call);
    CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == GOES_ON);
    CU_ASSERT_STRING_EQUAL(said, "");
    if (said[0])
        printf("\n%s", said);
}

/* ---- what is forbidden ---- */

static void call_execve(void)
{
    execl("/bin/true", "true", (char *)NULL);
}

static void call_execveat(void)
{
    char *const args[] = {NULL};
    syscall(SYS_execveat, AT_FDCWD, "/bin/true", args, args, 0);
}

static void call_ptrace(void)
{
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static void call_packet_socket(void)
{
    (void)!socket(AF_PACKET, SOCK_RAW, 0);
}

static void call_netlink_socket(void)
{
    (void)!socket(AF_NETLINK, SOCK_RAW, 0);
}

static void call_bind(void)
{
    const struct sockaddr address = {.sa_family = AF_UNIX};
    (void)!bind(0, &address, sizeof address);
}

static void call_mount(void)
{
    mount("none", "/mnt", "tmpfs", 0, NULL);
}

static void call_setuid(void)
{
    syscall(SYS_setuid, 0);
}

static void call_unlink(void)
{
    unlink(file);
}

static void call_chmod(void)
{
    (void)!chmod(file, 0777);
}

static void open_to_write(void)
{
    (void)!open(file, O_WRONLY);
}

static void open_to_read_and_write(void)
{
    (void)!open(file, O_RDWR | O_CLOEXEC);
}

static void open_to_empty(void)
{
    (void)!open(file, O_WRONLY | O_APPEND | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0600);
}

static void open_to_make(void)
{
    (void)!open(file, O_RDONLY | O_CREAT, 0600);
}

static void memory_to_write_and_execute(void)
{
    (void)!mmap(NULL, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void memory_made_executable(void)
{
    void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(at, 4096, PROT_READ | PROT_EXEC);
}

static void another_handler(void)
{
    signal(SIGSYS, SIG_IGN);
}

static void signal_another_process(void)
{
    syscall(SYS_tgkill, getppid(), getppid(), 0);
}

static void a_forbidden_call_ends_the_process_and_is_named(void)
{
    dies_of(call_execve, "execve");
    dies_of(call_execveat, "execveat");
    dies_of(call_ptrace, "ptrace");
    dies_of(call_packet_socket, "socket");
    dies_of(call_netlink_socket, "socket");
    dies_of(call_bind, "bind");
    dies_of(call_mount, "mount");
    dies_of(call_setuid, "setuid");
    dies_of(call_unlink, "unlink");
    dies_of(call_chmod, "chmod");
    dies_of(signal_another_process, "tgkill");
    dies_of(another_handler, "rt_sigaction");
}

static void files_are_not_written(void)
{
    dies_of(open_to_write, "openat");
    dies_of(open_to_read_and_write, "openat");
    dies_of(open_to_empty, "openat");
    dies_of(open_to_make, "openat");
}

static void what_was_written_is_not_executed(void)
{
    dies_of(memory_to_write_and_execute, "mmap");
    dies_of(memory_made_executable, "mprotect");
}

#ifndef __SANITIZE_ADDRESS__ /* whose leak check is a process */
static void call_fork(void)
{
    (void)!fork();
}

static void processes_are_not_made(void)
{
    dies_of(call_fork, "clone");
}
#endif

/* A thread is under the filter as well, though it was there before: the filter holds for all of them. */
static int go[2];

static void *wait_and_call(void *arg)
{
    char byte;
    (void)arg;
    (void)!read(go[0], &byte, 1);
    call_execve();
    return NULL;
}

static void an_older_thread_is_held_too(void)
{
    int status = -1, out[2];
    CU_ASSERT_EQUAL_FATAL(pipe(out), 0);
    pid_t pid = fork();
    if (pid == 0) {
        pthread_t thread;
        if (pipe(go) || pthread_create(&thread, NULL, wait_and_call, NULL) || rights_lock(NULL) ||
            syscall_filter_set(SYSCALL_FILTER_ENFORCE, out[1], NULL) || write(go[1], "+", 1) != 1)
            _exit(NOT_SET);
        pthread_join(thread, NULL);
        _exit(GOES_ON);
    }
    close(out[1]);
    close(out[0]);
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

/* ---- what is not ---- */

static void *nothing(void *arg)
{
    return arg;
}

/* What a gateway does; a call that fails for another reason than the filter is as good. */
static void a_day_in_a_gateway(void)
{
    pthread_t thread;
    int pair[2];
    char byte = 0;
    int log = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
    int passwd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
    int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool ok = log >= 0 && passwd >= 0 && tcp >= 0 && write(log, "x", 1) == 1 && read(passwd, &byte, 1) == 1 &&
              !socketpair(AF_UNIX, SOCK_STREAM, 0, pair) && write(pair[0], "x", 1) == 1 &&
              read(pair[1], &byte, 1) == 1 && !pthread_create(&thread, NULL, nothing, NULL) &&
              !pthread_join(thread, NULL) && signal(SIGUSR1, SIG_IGN) != SIG_ERR;
    if (!ok)
        _exit(NOT_SET);
}

static void rings_are_refused_softly(void)
{
    if (syscall(SYS_io_uring_setup, 1, NULL) != -1 || errno != ENOSYS)
        _exit(NOT_SET);
}

static void what_a_gateway_does_goes_on(void)
{
    lives_with(a_day_in_a_gateway);
    lives_with(rings_are_refused_softly);
}

static void abort_is_an_abort(void)
{
    int status = child_of(SYSCALL_FILTER_ENFORCE, abort);
    CU_ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void log_and_off_let_everything_go_on(void)
{
    int status = child_of(SYSCALL_FILTER_LOG, call_packet_socket);
    CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == GOES_ON);
    status = child_of(SYSCALL_FILTER_OFF, call_execve);
    CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0); /* true's */
}

static void another_mode_is_refused_in_words(void)
{
    enum syscall_filter_mode mode;
    struct error err = {0};
    CU_ASSERT_EQUAL(syscall_filter_mode_parse("log", &mode, &err), 0);
    CU_ASSERT_EQUAL(mode, SYSCALL_FILTER_LOG);
    CU_ASSERT_EQUAL(syscall_filter_mode_parse("yes", &mode, &err), CE_BAD_INPUT);
    CU_ASSERT_STRING_EQUAL(err.text, "gateway.seccomp is 'yes'; enforce, log or off was expected");
}

static void file_make(void)
{
    int fd = mkstemp(file);
    CU_ASSERT_TRUE_FATAL(fd >= 0);
    close(fd);
}

static void file_is_as_it_was(void)
{
    struct stat st;
    CU_ASSERT_EQUAL(stat(file, &st), 0);
    CU_ASSERT_EQUAL(st.st_size, 1); /* of the day in a gateway */
    unlink(file);
}

SUITE("syscall_filter", TEST(file_make), TEST(a_forbidden_call_ends_the_process_and_is_named),
      TEST(files_are_not_written), TEST(what_was_written_is_not_executed),
#ifndef __SANITIZE_ADDRESS__
      TEST(processes_are_not_made),
#endif
      TEST(an_older_thread_is_held_too), TEST(what_a_gateway_does_goes_on), TEST(abort_is_an_abort),
      TEST(log_and_off_let_everything_go_on), TEST(another_mode_is_refused_in_words), TEST(file_is_as_it_was))
