/* A process under observation: its CPU time and memory, read from outside. Linux only; nothing of it needs
 * rights beyond those on the process itself.
 */
#ifndef CARREL_LOAD_WATCHED_H
#define CARREL_LOAD_WATCHED_H

#include <stdint.h>
#include <sys/types.h>

#include <carrel/error.h>

enum { WATCHED_NAME_SIZE = 24 };

struct watched {
    char name[WATCHED_NAME_SIZE];
    pid_t pid;
};

/* "NAME=PID"; several with one name are summed up in the report. */
int watched_parse(struct watched *ret, const char *text, struct error *err) MUST_CHECK;

uint64_t watched_cpu_ns(const struct watched *w); /* of all threads, since it started; 0 when it is gone */
uint64_t
watched_memory_bytes(const struct watched *w); /* anonymous and private: what would be freed with it */

#endif
