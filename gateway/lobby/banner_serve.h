/* The lobby's thread that paints banners, one after another: a message to a thousand sessions comes as a thousand
 * requests, of which mostly one picture is made. Started with the first request, ends with the process.
 */
#ifndef CARREL_LOBBY_BANNER_SERVE_H
#define CARREL_LOBBY_BANNER_SERVE_H

#include <stddef.h>

/* Takes FD, on which the picture is sent and which is closed then. BYTES: banner_message.h. What is no request, and
 * one that comes when too many wait, gets no picture. */
void banner_serve(int fd, const char *bytes, size_t len);

#endif
