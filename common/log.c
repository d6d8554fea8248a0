#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 2048 /* a longer line ends in "..." */
#define PATH_MAX_BYTES 512

static const struct {
    const char *name;
    char priority; /* syslog's number, as the journal reads it from "<3>" */
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error", '3'},
    [LOG_LEVEL_WARNING] = {"warning", '4'},
    [LOG_LEVEL_INFO] = {"info", '6'},
    [LOG_LEVEL_DEBUG] = {"debug", '7'},
};
#define LEVEL_COUNT (int)(sizeof levels / sizeof levels[0])

/* The descriptor keeps its number while the file behind it changes (dup3), so that log_write() needs no lock:
 * other threads see either file. Path and room are written by the loop's thread only. */
static struct {
    atomic_int fd;
    atomic_int level;
    atomic_bool journal;
    const char *_Atomic room;
    char path[PATH_MAX_BYTES];
} self = {.fd = STDERR_FILENO, .level = LOG_LEVEL_INFO, .room = "carrel"};

int log_level_parse(const char *name)
{
    for (int i = 0; i < LEVEL_COUNT; i++) {
        if (name && !strcmp(levels[i].name, name))
            return i;
    }
    return -1;
}

/* systemd says in JOURNAL_STREAM which device and inode its stream has. */
static bool stderr_is_the_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat st;
    unsigned long long device, inode;
    if (!stream || fstat(STDERR_FILENO, &st) || sscanf(stream, "%llu:%llu", &device, &inode) != 2)
        return false;
    return st.st_dev == device && st.st_ino == inode;
}

static int file_open(const char *path, struct error *err)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
    if (fd < 0)
        return error_set(err, CE_IO, "cannot open the log file %s: %s", path, strerror(errno));
    int old = atomic_load(&self.fd);
    if (old == STDERR_FILENO) {
        atomic_store(&self.fd, fd);
        return 0;
    }
    int rc = dup3(fd, old, O_CLOEXEC) < 0
                 ? error_set(err, CE_IO, "cannot change to the log file %s: %s", path, strerror(errno))
                 : 0;
    close(fd);
    return rc;
}

int log_open(const char *room, const char *file, enum log_level level, struct error *err)
{
    if (file && strlen(file) >= sizeof self.path)
        return error_set(err, CE_LIMIT, "the log file's name is longer than %d bytes", PATH_MAX_BYTES - 1);
    if (file) {
        int rc = file_open(file, err);
        if (rc)
            return rc;
        strcpy(self.path, file);
    } else {
        log_close();
    }
    atomic_store(&self.room, room);
    atomic_store(&self.level, (int)level);
    atomic_store(&self.journal, !file && stderr_is_the_journal());
    return 0;
}

int log_reopen(void)
{
    return self.path[0] ? file_open(self.path, NULL) : 0;
}

void log_close(void)
{
    int fd = atomic_exchange(&self.fd, STDERR_FILENO);
    if (fd != STDERR_FILENO)
        close(fd);
    self.path[0] = '\0';
}

int log_give_to(uid_t uid, gid_t gid)
{
    return self.path[0] && fchown(atomic_load(&self.fd), uid, gid) ? CE_IO : 0;
}

int log_descriptor(void)
{
    return atomic_load(&self.fd);
}

static size_t put_head(char *line, size_t size, enum log_level level)
{
    const char *name = levels[level].name, *room = atomic_load(&self.room);
    int n;
    if (atomic_load(&self.journal)) {
        n = snprintf(line, size, "<%c>%s %s: ", levels[level].priority, name, room);
    } else {
        struct timespec now;
        struct tm utc;
        clock_gettime(CLOCK_REALTIME, &now);
        gmtime_r(&now.tv_sec, &utc);
        size_t len = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &utc);
        n = (int)len + snprintf(line + len, size - len, ".%03ldZ %s %s: ", now.tv_nsec / 1000000, name, room);
    }
    return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
}

/* Copies TEXT so that it stays one line: a peer's name with a line break in it must not look like two events.
 */
static size_t put_escaped(char *out, size_t size, const char *text)
{
    static const char hex[] = "0123456789abcdef";
    size_t len = 0;
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        bool plain = c >= 0x20 && c != 0x7f;
        if (len + (plain ? 1 : 4) > size - 3) {
            memcpy(out + len, "...", 3);
            return len + 3;
        }
        if (plain) {
            out[len++] = (char)c;
        } else {
            out[len++] = '\\';
            out[len++] = 'x';
            out[len++] = hex[c >> 4];
            out[len++] = hex[c & 15];
        }
    }
    return len;
}

void log_write(enum log_level level, const char *fmt, ...)
{
    if ((int)level > atomic_load(&self.level) || (int)level >= LEVEL_COUNT)
        return;
    int saved_errno = errno;
    char text[LINE_MAX_BYTES], line[LINE_MAX_BYTES];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    size_t len = put_head(line, sizeof line / 2, level);
    len += put_escaped(line + len, sizeof line - len - 1, text);
    line[len++] = '\n';
    /* A full disk or a closed pipe takes the line with it; nothing waits for the log. */
    while (write(atomic_load(&self.fd), line, len) < 0 && errno == EINTR)
        ;
    errno = saved_errno;
}
