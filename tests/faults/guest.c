/* A guest of a few hundred kilobytes for the fault tests: the first process of a kernel with a small initrd. It answers
 * RDP's first request, speaks as much of the QEMU guest agent as carrel-vmpool asks for, has the session port, and does
 * what a test tells it over its RDP port, so that a test holds it in whatever state it wants:
 *
 *     rdp on|off             answer connection requests, or be silent
 *     agent on|off           answer on the agent's port, or be silent with the port open
 *     asked                  how many lines the agent read while it was silent
 *     users N                how many people the agent says are logged in; none when it was told to log them off
 *     hook open|close USER   a line on the session port
 *     write OFFSET MIB       writes that much to the disk, past all caches, at OFFSET MiB
 *     read OFFSET            reads one MiB of the disk there
 *     clock                  seconds since 1970, as the guest has it
 *     poweroff               as a person's shut-down
 *
 * A command is one line, as is its answer ("ok" or "failed: why"). What stands on the kernel's command line ("rdp=off",
 * "agent=off") holds from the beginning. Static, without threads, never freed: it ends with its kernel.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RDP_PORT 3389
#define CLIENTS_MAX 16
#define LINE_MAX_BYTES 8192
#define IDLE_MS 100

static bool rdp = true, agent = true;
static int users, unanswered, agent_fd = -1, session_fd = -1, listener = -1;
static char certificate[16384]; /* in base64 */
static struct client {
    int fd;
    size_t len;
    char line[512];
} clients[CLIENTS_MAX];

static void say(const char *text)
{
    int fd = open("/dev/console", O_WRONLY | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return;
    dprintf(fd, "faults guest: %s\n", text);
    close(fd);
}

/* --- the kernel's things ---------------------------------------------------------------------------------- */

static void load_modules(void)
{
    FILE *order = fopen("/order", "re");
    char name[256], path[300];
    while (order && fscanf(order, "%255s", name) == 1) {
        if (!strstr(name, "virtio") && !strstr(name, "failover"))
            continue;
        snprintf(path, sizeof path, "/lib/%s", name);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0 && syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST)
            say(name);
        if (fd >= 0)
            close(fd);
    }
    if (order)
        fclose(order);
}

static int open_port(const char *wanted)
{
    DIR *dir = opendir("/sys/class/virtio-ports");
    char path[600], name[128];
    int fd = -1;
    for (struct dirent *e; dir && (e = readdir(dir));) {
        snprintf(path, sizeof path, "/sys/class/virtio-ports/%s/name", e->d_name);
        FILE *file = fopen(path, "re");
        if (!file)
            continue;
        if (fscanf(file, "%127s", name) == 1 && !strcmp(name, wanted)) {
            snprintf(path, sizeof path, "/dev/%s", e->d_name);
            fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
        }
        fclose(file);
    }
    if (dir)
        closedir(dir);
    return fd;
}

static void network_up(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    static const char *const names[] = {"lo", "eth0"};
    static const char *const addresses[] = {"127.0.0.1", "10.0.2.15"};
    for (int i = 0; i < 2; i++) {
        struct ifreq request = {0};
        snprintf(request.ifr_name, sizeof request.ifr_name, "%s", names[i]);
        struct sockaddr_in address = {.sin_family = AF_INET};
        (void)inet_pton(AF_INET, addresses[i], &address.sin_addr);
        memcpy(&request.ifr_addr, &address, sizeof address);
        if (ioctl(fd, SIOCSIFADDR, &request) < 0)
            say("no address for the network");
        address.sin_addr.s_addr = htonl(0xffffff00);
        memcpy(&request.ifr_netmask, &address, sizeof address);
        (void)ioctl(fd, SIOCSIFNETMASK, &request);
        request.ifr_flags = IFF_UP | IFF_RUNNING;
        (void)ioctl(fd, SIOCSIFFLAGS, &request);
    }
    close(fd);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(RDP_PORT)};
    if (bind(listener, (const struct sockaddr *)&any, sizeof any) || listen(listener, CLIENTS_MAX))
        say("cannot listen");
}

static void read_certificate(void)
{
    FILE *file = fopen("/certificate", "re");
    size_t len = file ? fread(certificate, 1, sizeof certificate - 1, file) : 0;
    while (len && isspace((unsigned char)certificate[len - 1]))
        len--;
    certificate[len] = 0;
    if (file)
        fclose(file);
}

/* --- the agent -------------------------------------------------------------------------------------------- */

static void write_all(int fd, const char *text, size_t len)
{
    while (len) {
        ssize_t n = write(fd, text, len);
        if (n > 0) {
            text += n;
            len -= (size_t)n;
            continue;
        }
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        if (errno != EAGAIN || poll(&p, 1, 2000) <= 0)
            return; /* nobody reads */
    }
}

__attribute__((format(printf, 1, 2))) static void answer(const char *format, ...)
{
    static char text[sizeof certificate + 512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text - 1, format, args);
    va_end(args);
    text[n++] = '\n';
    write_all(agent_fd, text, (size_t)n);
}

static void agent_users(void)
{
    static const char one[] = "{\"user\":\"desktop\",\"login-time\":1.0}";
    char text[2048] = "";
    for (int i = 0; i < users && i < 16; i++) {
        strcat(text, i ? "," : "");
        strcat(text, one);
    }
    answer("{\"return\":[%s]}", text);
}

/* Whatever is run has done so at once. A log-off is told on the session port, as the hook of a real guest does. */
static void agent_exec(const char *line)
{
    static const char closed[] = "close desktop\n";
    if (strstr(line, "terminate-session")) {
        users = 0;
        write_all(session_fd, closed, sizeof closed - 1);
    }
    answer("{\"return\":{\"pid\":1}}");
}

/* In nanoseconds, as the agent has it. */
static void agent_get_time(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    answer("{\"return\":%lld}", (long long)now.tv_sec * 1000000000 + now.tv_nsec);
}

static void agent_set_time(const char *line)
{
    const char *word = strstr(line, "\"time\"");
    long long ns = word ? strtoll(word + 6 + strspn(word + 6, ": "), NULL, 10) : 0;
    const struct timespec now = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    if (ns <= 0 || clock_settime(CLOCK_REALTIME, &now))
        answer("{\"error\":{\"class\":\"GenericError\",\"desc\":\"no such time\"}}");
    else
        answer("{\"return\":{}}");
}

static void agent_line(const char *line)
{
    const char *word = strstr(line, "\"execute\"");
    const char *id = strstr(line, "\"id\"");
    unanswered += !agent;
    if (!agent || !word || !(word = strstr(word + 9, "\"guest-")))
        return;
    word += 7;
    if (!strncmp(word, "sync", 4) && id)
        answer("{\"return\":%lld}", strtoll(id + 4 + strspn(id + 4, ": "), NULL, 10));
    else if (!strncmp(word, "file-open\"", 10))
        answer("{\"return\":1000}");
    else if (!strncmp(word, "file-read\"", 10))
        answer("{\"return\":{\"count\":%zu,\"buf-b64\":\"%s\",\"eof\":true}}", strlen(certificate) / 4 * 3,
               certificate);
    else if (!strncmp(word, "get-users\"", 10))
        agent_users();
    else if (!strncmp(word, "exec\"", 5))
        agent_exec(line);
    else if (!strncmp(word, "get-time\"", 9))
        agent_get_time();
    else if (!strncmp(word, "set-time\"", 9))
        agent_set_time(line);
    else if (!strncmp(word, "exec-status\"", 12))
        answer("{\"return\":{\"exited\":true,\"exitcode\":0}}");
    else
        answer("{\"return\":{}}");
}

static void agent_read(void)
{
    static char line[LINE_MAX_BYTES];
    static size_t len;
    char bytes[4096];
    ssize_t n = read(agent_fd, bytes, sizeof bytes);
    if (n <= 0) { /* nobody is at the other end */
        usleep(IDLE_MS * 1000);
        return;
    }
    for (ssize_t i = 0; i < n; i++) {
        if (bytes[i] != '\n' && len < sizeof line - 1) {
            line[len++] = bytes[i];
            continue;
        }
        line[len] = 0;
        len = 0;
        agent_line(line);
    }
}

/* --- what a test tells ------------------------------------------------------------------------------------ */

/* In a process of its own: while the host has paused the guest's disk, the rest of the guest goes on. */
static void disk_work(int fd, bool writing, long offset_mib, long mib)
{
    if (fork())
        return;
    const char *why = NULL;
    int disk = open("/dev/vda", (writing ? O_WRONLY : O_RDONLY) | O_DIRECT | O_CLOEXEC);
    char *bytes = aligned_alloc(4096, 1 << 20);
    if (bytes)
        memset(bytes, 0x5a, 1 << 20);
    for (long i = 0; !why && i < mib; i++) {
        off_t at = (off_t)(offset_mib + i) << 20;
        ssize_t n = disk < 0 || !bytes ? -1
                    : writing          ? pwrite(disk, bytes, 1 << 20, at)
                                       : pread(disk, bytes, 1 << 20, at);
        if (n != 1 << 20)
            why = n < 0 ? strerror(errno) : "short";
    }
    if (!why && writing && fsync(disk)) /* QEMU keeps the tables of what is new to itself until it is asked */
        why = strerror(errno);
    if (why)
        dprintf(fd, "failed: %s\n", why);
    else
        dprintf(fd, "ok\n");
    _exit(0);
}

static void obey(int fd, char *line)
{
    char word[16] = "", what[16] = "", who[128] = "";
    long a = 0, b = 0;
    (void)sscanf(line, "%15s %15s %127s", word, what, who);
    (void)sscanf(line, "%*s %ld %ld", &a, &b);
    if (!strcmp(word, "write") || !strcmp(word, "read")) {
        disk_work(fd, word[0] == 'w', a, word[0] == 'w' ? b : 1);
        return;
    }
    if (!strcmp(word, "rdp"))
        rdp = !strcmp(what, "on");
    else if (!strcmp(word, "agent"))
        agent = !strcmp(what, "on");
    else if (!strcmp(word, "users"))
        users = (int)a;
    else if (!strcmp(word, "hook")) {
        char text[160];
        int n = snprintf(text, sizeof text, "%s %s\n", what, who);
        write_all(session_fd, text, (size_t)n);
    } else if (!strcmp(word, "clock")) {
        dprintf(fd, "%lld\n", (long long)time(NULL));
        return;
    } else if (!strcmp(word, "asked")) {
        dprintf(fd, "%d\n", unanswered);
        return;
    } else if (!strcmp(word, "poweroff")) {
        dprintf(fd, "ok\n");
        usleep(100000); /* the answer leaves first */
        (void)reboot(RB_POWER_OFF);
    } else {
        dprintf(fd, "failed: not understood\n");
        return;
    }
    dprintf(fd, "ok\n");
}

static void client_close(struct client *c)
{
    close(c->fd);
    c->fd = -1;
    c->len = 0;
}

/* True: another line is begun. */
static bool client_bytes(struct client *c)
{
    if (c->line[0] == 3) {
        static const unsigned char confirm[] = {3, 0, 0, 19, 14, 0xd0, 0, 0, 0x12, 0x34,
                                                0, 2, 0, 8,  0,  1,    0, 0, 0};
        if (c->len >= 6 && (unsigned char)c->line[5] == 0xe0 && rdp)
            write_all(c->fd, (const char *)confirm, sizeof confirm);
        c->len = 0;
        return true;
    }
    char *end = memchr(c->line, '\n', c->len);
    if (!end)
        return c->len < sizeof c->line - 1;
    *end = 0;
    obey(c->fd, c->line);
    c->len = 0;
    return true;
}

static void client_read(struct client *c)
{
    ssize_t n = read(c->fd, c->line + c->len, sizeof c->line - 1 - c->len);
    if (n < 0 && errno == EAGAIN)
        return;
    c->len += n > 0 ? (size_t)n : 0;
    if (n <= 0 || !client_bytes(c))
        client_close(c);
}

static void client_accept(void)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    for (int i = 0; fd >= 0 && i < CLIENTS_MAX; i++) {
        if (clients[i].fd < 0) {
            clients[i].fd = fd;
            return;
        }
    }
    if (fd >= 0)
        close(fd);
}

static void serve(void)
{
    struct pollfd polls[CLIENTS_MAX + 2] = {{.fd = listener, .events = POLLIN},
                                            {.fd = agent_fd, .events = POLLIN}};
    for (int i = 0; i < CLIENTS_MAX; i++)
        polls[i + 2] = (struct pollfd){.fd = clients[i].fd, .events = POLLIN};
    if (poll(polls, CLIENTS_MAX + 2, -1) < 0)
        return;
    for (int i = 0; i < CLIENTS_MAX; i++) {
        if (polls[i + 2].revents)
            client_read(&clients[i]);
    }
    if (polls[0].revents)
        client_accept();
    if (polls[1].revents)
        agent_read();
}

int main(void)
{
    const char *words = getenv("rdp");
    rdp = !words || strcmp(words, "off") != 0;
    words = getenv("agent");
    agent = !words || strcmp(words, "off") != 0;
    (void)mount("dev", "/dev", "devtmpfs", 0, NULL);
    (void)mount("proc", "/proc", "proc", 0, NULL);
    mkdir("/sys", 0755);
    (void)mount("sys", "/sys", "sysfs", 0, NULL);
    signal(SIGCHLD, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < CLIENTS_MAX; i++)
        clients[i].fd = -1;
    load_modules();
    read_certificate();
    network_up();
    for (int i = 0; i < 100 && agent_fd < 0; i++) {
        agent_fd = open_port("org.qemu.guest_agent.0");
        session_fd = open_port("org.carrel.session.0");
        if (agent_fd < 0)
            usleep(20000);
    }
    say("ready");
    for (;;)
        serve();
}
