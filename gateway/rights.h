/* The account that the gateway works as, and what its processes give up for good before they meet a client.
 * Main thread, before others start; the starter's children and the lobby use it too.
 */
#ifndef CARREL_GATEWAY_RIGHTS_H
#define CARREL_GATEWAY_RIGHTS_H

#include <stdbool.h>
#include <sys/types.h>

#include <carrel/error.h>

enum { RIGHTS_NAME_SIZE = 64 };

struct rights {
    bool change; /* else the process stays who it is */
    uid_t uid;
    gid_t gid;
    char user[RIGHTS_NAME_SIZE];
};

/* USER empty, or the account that the process has already: nothing to change. Only root can become another. */
int rights_find(struct rights *ret, const char *user, struct error *err) MUST_CHECK;

/* User, group and the user's other groups; there is no way back. */
int rights_become(const struct rights *rights, struct error *err) MUST_CHECK;

/* No capabilities, no program that has more rights than this process, no core file, no other process's debugger. */
int rights_lock(struct error *err) MUST_CHECK;

#endif
