#include "session_line.h"

#include <string.h>

#include "cursor.h"

/* User names of guests may be of a directory ("DOMAIN\name"), so all printable ASCII but blanks is taken. */
static bool user_is_printable(const char *user)
{
    for (const char *p = user; *p; p++) {
        if (*p <= ' ' || *p > '~')
            return false;
    }
    return *user != 0;
}

static bool line_parse(const char *text, struct session_line *ret)
{
    struct session_line line = {0};
    if (!strncmp(text, "open ", 5))
        line.kind = SESSION_LINE_OPEN;
    else if (!strncmp(text, "close ", 6))
        line.kind = SESSION_LINE_CLOSE;
    else
        return false;
    const char *user = strchr(text, ' ') + 1;
    if (!user_is_printable(user))
        return false;
    memcpy(line.user, user, strlen(user) + 1);
    *ret = line;
    return true;
}

static void line_end(struct session_lines *lines, void (*each)(void *arg, const struct session_line *line),
                     void *arg)
{
    char text[SESSION_LINE_MAX + 1];
    memcpy(text, lines->bytes, lines->len);
    text[lines->len] = 0;
    if (lines->len && text[lines->len - 1] == '\r')
        text[lines->len - 1] = 0;
    struct session_line line;
    bool skipped = lines->skipping;
    lines->len = 0;
    lines->skipping = false;
    if (skipped || strlen(text) >= SESSION_LINE_MAX || !line_parse(text, &line))
        lines->bad++;
    else
        each(arg, &line);
}

void session_lines_feed(struct session_lines *lines, const void *bytes, size_t len,
                        void (*each)(void *arg, const struct session_line *line), void *arg)
{
    struct cursor c = cursor_init(bytes, len);
    while (cursor_left(&c)) {
        char ch = (char)cursor_u8(&c);
        if (ch == '\n') {
            line_end(lines, each, arg);
        } else if (lines->skipping || lines->len == sizeof lines->bytes) {
            lines->skipping = true;
        } else {
            lines->bytes[lines->len++] = ch ? ch : '?'; /* a NUL must not end the text early */
        }
    }
}
