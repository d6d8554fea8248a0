/* What a guest wrote to its serial port, made fit to be stored and shown: the guest is not trusted, and its bytes end
 * on an administrator's terminal. Pure.
 */
#ifndef VMPOOL_SERIAL_TEXT_H
#define VMPOOL_SERIAL_TEXT_H

#include <stddef.h>

/* In place; returns the new length. Escape sequences and control characters go, lines end with a line feed alone, and
 * of bytes that are no UTF-8 a question mark is left. */
size_t serial_text_clean(char *bytes, size_t len);

#endif
