#include "last_line.h"

#include <stdio.h>
#include <string.h>

/* Blanks and control characters; bytes of UTF-8 are neither. */
static int is_blank(char c)
{
    return (unsigned char)c <= ' ' || c == 0x7f;
}

void last_line(const char *text, char *ret, size_t size)
{
    size_t end = strlen(text);
    while (end && is_blank(text[end - 1]))
        end--;
    size_t begin = end;
    while (begin && text[begin - 1] != '\n')
        begin--;
    while (begin < end && is_blank(text[begin]))
        begin++;
    if (end - begin >= size)
        end = begin + size - 1;
    for (size_t i = begin; i < end; i++)
        ret[i - begin] = is_blank(text[i]) ? ' ' : text[i];
    ret[end - begin] = 0;
}

void last_line_plain(const char *bytes, size_t len, char *ret, size_t size)
{
    while (len && (bytes[len - 1] == '\n' || bytes[len - 1] == '\r'))
        len--;
    const char *before = len ? memrchr(bytes, '\n', len) : NULL;
    const char *line = before ? before + 1 : bytes;
    snprintf(ret, size, "%.*s", (int)(bytes + len - line), line);
    for (char *p = ret; *p; p++) {
        if (*p < ' ' || *p > '~')
            *p = '?';
    }
}
