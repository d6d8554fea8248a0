/* The starter: a process that the gateway forks before it meets a client, because the gateway itself may run no
 * program any more (syscall_filter.h). It can start two programs, whose paths and arguments were fixed when it was
 * forked: the lobby and the gateway's successor. What it is told by the gateway are verbs and descriptors, never
 * bytes of a client, and the id that the successor is to know. It ends with the gateway, and the lobby with it.
 *
 * It keeps the rights that the gateway was started with, so that a successor binds new ports and reads the key as the
 * first process did; the lobby gets gateway.user's.
 */
#ifndef CARREL_GATEWAY_STARTER_PROCESS_H
#define CARREL_GATEWAY_STARTER_PROCESS_H

#include <limits.h>
#include <stdint.h>

#include <carrel/ids.h>

#include "rights.h"

/* What a successor finds in its environment: see successor.h. */
#define STARTER_ENVIRONMENT "CARREL_SUCCEEDS"

enum {
    STARTER_FDS_MAX = 128,      /* in one message; the kernel allows 253 */
    STARTER_FIRST_FD = 3,       /* where the descriptors of a program that was started begin */
    STARTER_SOCKETS_MAX = 4096, /* of a successor; more are closed, and its place is bound anew */
};

/* One SOCK_SEQPACKET message each, descriptors beside it. */
enum starter_verb {
    STARTER_LOBBY = 1, /* one descriptor, the lobby's end of its socket */
    STARTER_SOCKETS,   /* listening sockets for the next successor; may come several times */
    STARTER_SUCCESSOR, /* one descriptor, the pipe through which it says that it serves */
    STARTER_ENDED,     /* answers only: the lobby has ended */
};

struct starter_request {
    uint32_t verb;
    uint32_t fresh;        /* sockets: the first of them, whatever came before is not asked for */
    char boot_id[ID_SIZE]; /* of a successor */
};

struct starter_answer {
    uint32_t verb;
    int32_t pid;    /* 0: it could not be started */
    int32_t reason; /* errno then */
    int32_t status; /* of an end, as waitpid() has it */
};

struct starter_plan {
    char program[PATH_MAX]; /* the gateway's own, noted before a package replaces it */
    char lobby[PATH_MAX];
    char config[PATH_MAX];
    struct rights rights; /* the lobby's */
};

/* In the forked child: serves FD until its other end is closed. */
_Noreturn void starter_process_run(int fd, const struct starter_plan *plan);

#endif
