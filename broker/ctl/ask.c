#include "ask.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

#include "format.h"

/* A signal that comes while the echo is off ends the program only after the echo is on again. */
static volatile sig_atomic_t ask_signal;

static void on_signal(int number)
{
    ask_signal = number;
}

static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
#define CAUGHT_COUNT (sizeof caught / sizeof caught[0])

/* One line of FD into BYTES without its end; -1 on error, at the end of the file without a byte, and (errno
 * EMSGSIZE) when it does not fit. Signals that are blocked are let in by OPEN_MASK (may be NULL) while it
 * waits, and only then: one that came just before the wait ends it too. */
static ssize_t read_line(int fd, const sigset_t *open_mask, char *bytes, size_t size)
{
    size_t n = 0;
    bool any = false;
    for (;;) {
        char c;
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (open_mask && ppoll(&ready, 1, NULL, open_mask) < 0)
            return -1;
        ssize_t k = read(fd, &c, 1);
        if (k < 0)
            return -1;
        if (k == 0 && !any) {
            errno = 0;
            return -1;
        }
        any = true;
        if (k == 0 || c == '\n')
            break;
        if (n + 1 >= size) {
            errno = EMSGSIZE;
            return -1;
        }
        bytes[n++] = c;
    }
    if (n && bytes[n - 1] == '\r')
        n--;
    bytes[n] = '\0';
    return (ssize_t)n;
}

static ssize_t read_silently(int fd, const char *prompt, char *bytes, size_t size)
{
    struct termios shown, hidden;
    struct sigaction old[CAUGHT_COUNT];
    struct sigaction act = {.sa_handler = on_signal};
    sigset_t blocked, open_mask;
    sigemptyset(&blocked);
    for (size_t i = 0; i < CAUGHT_COUNT; i++)
        sigaddset(&blocked, caught[i]);
    sigprocmask(SIG_BLOCK, &blocked, &open_mask);
    ask_signal = 0;
    for (size_t i = 0; i < CAUGHT_COUNT; i++)
        sigaction(caught[i], &act, &old[i]);
    bool has_echo = tcgetattr(fd, &shown) == 0;
    if (has_echo) {
        hidden = shown;
        hidden.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(fd, TCSAFLUSH, &hidden);
    }
    dprintf(fd, "%s", prompt);
    ssize_t n = read_line(fd, &open_mask, bytes, size);
    int error = errno;
    if (has_echo)
        tcsetattr(fd, TCSAFLUSH, &shown);
    dprintf(fd, "\n");
    for (size_t i = 0; i < CAUGHT_COUNT; i++)
        sigaction(caught[i], &old[i], NULL);
    sigprocmask(SIG_SETMASK, &open_mask, NULL);
    if (ask_signal) {
        secret_wipe_bytes(bytes, size);
        raise(ask_signal);
    }
    errno = error;
    return n;
}

static int refuse_length(struct ctl *ctl, size_t len)
{
    if (!len)
        return ctl_fail(ctl, CTL_USAGE, "the password is empty");
    return ctl_fail(ctl, CTL_USAGE, "the password is longer than %d bytes", SECRET_MAX_BYTES);
}

static int password_from_tty(struct ctl *ctl, const char *for_whom, struct secret *ret)
{
    CLEANUP_SECRET struct secret first = {0};
    CLEANUP_SECRET struct secret second = {0};
    char prompt[160], name[100];
    int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return ctl_fail(ctl, CTL_USAGE,
                        "there is no terminal to ask for the password on: give --password-file FILE, or "
                        "--password-file - for the standard input");
    snprintf(prompt, sizeof prompt, "Password for %s: ", format_clean(name, sizeof name, for_whom));
    ssize_t n = read_silently(fd, prompt, first.bytes, sizeof first.bytes);
    bool too_long = n < 0 && errno == EMSGSIZE;
    ssize_t m = n > 0 ? read_silently(fd, "The same again: ", second.bytes, sizeof second.bytes) : 0;
    close(fd);
    if (n < 0 && !too_long)
        return ctl_fail(ctl, CTL_FAILED, "no password was typed");
    if (n <= 0)
        return refuse_length(ctl, too_long ? 1 : 0);
    if (n != m || memcmp(first.bytes, second.bytes, (size_t)n) != 0)
        return ctl_fail(ctl, CTL_FAILED, "the two passwords are not the same; nothing was changed");
    return secret_set(ret, first.bytes, (size_t)n) ? refuse_length(ctl, (size_t)n) : CTL_OK;
}

static int password_from_file(struct ctl *ctl, const char *file, struct secret *ret)
{
    CLEANUP_SECRET struct secret line = {0};
    bool standard = !strcmp(file, "-");
    int fd = standard ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ctl_fail(ctl, CTL_USAGE, "the password file %s cannot be read: %s", file, strerror(errno));
    ssize_t n = read_line(fd, NULL, line.bytes, sizeof line.bytes);
    int error = errno;
    if (!standard)
        close(fd);
    if (n < 0 && error && error != EMSGSIZE)
        return ctl_fail(ctl, CTL_USAGE, "the password file %s cannot be read: %s", file, strerror(error));
    if (n <= 0)
        return refuse_length(ctl, n < 0 && error == EMSGSIZE ? 1 : 0);
    return secret_set(ret, line.bytes, (size_t)n) ? refuse_length(ctl, (size_t)n) : CTL_OK;
}

int ask_password(struct ctl *ctl, const char *for_whom, const char *file, struct secret *ret)
{
    return file ? password_from_file(ctl, file, ret) : password_from_tty(ctl, for_whom, ret);
}

int ask_confirm(struct ctl *ctl, const char *fmt, ...)
{
    if (ctl->yes)
        return CTL_OK;
    char words[400], question[400], reply[16];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(words, sizeof words, fmt, ap);
    va_end(ap);
    format_clean(question, sizeof question, words);

    /* Somebody has to sit there: a script that happens to have a controlling terminal is not asked. */
    int fd = isatty(STDIN_FILENO) ? open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC) : -1;
    if (fd < 0)
        return ctl_fail(ctl, CTL_USAGE,
                        "%s There is no terminal to ask on: say --yes if that is what you want", question);
    dprintf(fd, "%s [y/N] ", question);
    ssize_t n = read_line(fd, NULL, reply, sizeof reply);
    close(fd);
    if (n > 0 && (!strcasecmp(reply, "y") || !strcasecmp(reply, "yes")))
        return CTL_OK;
    return ctl_fail(ctl, CTL_FAILED, "nothing was done");
}
