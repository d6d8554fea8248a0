/* Who may ask what: system users become roles of the API. The table of uids is made at start and on
 * reload (it asks the system's user database, which may block, so requests never do), on the loop's thread.
 */
#ifndef CARREL_BROKER_API_ACCESS_H
#define CARREL_BROKER_API_ACCESS_H

#include <stddef.h>
#include <sys/types.h>

#include "config.h"

/* A peer has a set of these; a route asks for one. Anybody may ask for health and the document. */
enum api_role {
    API_ROLE_ANY = 0,
    API_ROLE_GATEWAY = 1,
    API_ROLE_ADMIN = 2,
};

#define API_ACCESS_MAX 64 /* listed users of both roles; more are logged and left out */

struct api_access {
    struct {
        uid_t uid;
        unsigned roles;
    } users[API_ACCESS_MAX];
    size_t count;
};

/* Root and the broker's own user administer; the broker's own user may also be a gateway's. */
void api_access_load(struct api_access *access, const struct config *config);

/* The roles of UID, a set of enum api_role. */
unsigned api_access_roles(const struct api_access *access, uid_t uid);

const char *api_role_name(enum api_role role);

#endif
