/* The daemons' log: one line per event, "level room: sentence key=value ...", to standard error (with the
 * journal's priority prefix where systemd listens) or to a file that is reopened on SIGHUP. Any thread may
 * call it; a line is written with one write(). Secrets never come here: there is no format for struct secret.
 */
#ifndef CARREL_LOG_H
#define CARREL_LOG_H

#include <sys/types.h>

#include <carrel/error.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* ROOM is the daemon's name, kept by pointer. FILE may be NULL for standard error. */
int log_open(const char *room, const char *file, enum log_level level, struct error *err) MUST_CHECK;
int log_reopen(void) MUST_CHECK; /* after the file was rotated */
void log_close(void);
/* The log's file, if it has one, becomes another account's, who is to reopen it. */
int log_give_to(uid_t uid, gid_t gid) MUST_CHECK;
int log_descriptor(void); /* for what a signal handler has to say; stays the same while a file is reopened */
int log_level_parse(const char *name); /* "error".."debug" -> enum log_level, or -1 */

void log_write(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
