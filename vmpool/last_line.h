/* What a program said at its end, for a reason in one line. Pure. */
#ifndef VMPOOL_LAST_LINE_H
#define VMPOOL_LAST_LINE_H

#include <stddef.h>

/* The last line of TEXT that has more than blanks, without those around it and without control characters; "" when there
 * is none. What does not fit is cut off. */
void last_line(const char *text, char *ret, size_t size);

/* The last line of the LEN bytes that a guest said; blank lines behind it do not count. Whatever is no printable ASCII, which a
 * terminal might take for more, becomes "?". */
void last_line_plain(const char *bytes, size_t len, char *ret, size_t size);

#endif
