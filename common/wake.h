/* Wake-ups between the processes that share one SQLite file: each binds a datagram socket in the directory
 * "FILE.wake", and whoever committed something sends "topic id" lines to all of them. Made, read and closed
 * on the loop's thread; wake_send() is called from the store's thread. Messages may be lost.
 */
#ifndef CARREL_WAKE_H
#define CARREL_WAKE_H

#include <stdbool.h>
#include <stddef.h>

#include <uv.h>

#include <carrel/error.h>

#define WAKE_MESSAGE_MAX 65536

struct wake;

int wake_open(struct wake **ret, uv_loop_t *loop, const char *db_path, const char *role,
              void (*woken)(void *arg, const char *topic, const char *id), void *arg,
              struct error *err) MUST_CHECK;

/* BYTES are lines "topic id\n". Sockets of dead processes are removed. Returns false when a living process
 * had no room for it: worth another try a little later. */
bool wake_send(const struct wake *wake, const char *bytes, size_t len) MUST_CHECK;

/* Frees it after the handle's close, then calls closed(). */
void wake_close(struct wake *wake, void (*closed)(void *arg), void *arg);

#endif
