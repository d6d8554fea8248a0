/* The API's listening unix socket: made here rather than by the HTTP library, because a socket that
 * another broker still answers on must not be taken away. Called at start, on the loop's thread.
 */
#ifndef CARREL_BROKER_API_LISTEN_H
#define CARREL_BROKER_API_LISTEN_H

#include <carrel/error.h>

/* Binds and listens at PATH, which any local user may connect to (who may do what is decided by uid).
 * CE_EXISTS when somebody answers there or the path is no socket. */
int api_listen_open(int *ret_fd, const char *path, struct error *err) MUST_CHECK;

/* Closes the socket and removes its path. */
void api_listen_close(int fd, const char *path);

#endif
