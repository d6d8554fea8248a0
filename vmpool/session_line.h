/* The lines that a guest's session hook writes to its virtio port: "open USER" and "close USER". The guest
 * is not trusted: a line that is too long or of another form is dropped and counted. Pure; any thread.
 */
#ifndef VMPOOL_SESSION_LINE_H
#define VMPOOL_SESSION_LINE_H

#include <stdbool.h>
#include <stddef.h>

#define SESSION_LINE_MAX 200 /* bytes without the newline; a longer line is skipped to its end */

enum session_line_kind { SESSION_LINE_OPEN, SESSION_LINE_CLOSE };

struct session_line {
    enum session_line_kind kind;
    char user[SESSION_LINE_MAX];
};

/* Collects bytes as they come; zero-initialised it is empty. */
struct session_lines {
    char bytes[SESSION_LINE_MAX];
    size_t len;
    bool skipping;
    unsigned bad; /* lines dropped so far */
};

/* Feeds LEN bytes and calls each() per proper line. */
void session_lines_feed(struct session_lines *lines, const void *bytes, size_t len,
                        void (*each)(void *arg, const struct session_line *line), void *arg);

#endif
