/* A ticket: what a gateway needs to bring one connection of one session to its guest, or how far the guest
 * is. Store thread only.
 */
#ifndef CARREL_BROKER_TICKET_H
#define CARREL_BROKER_TICKET_H

#include <carrel/store.h>

#include "api_request.h"

enum ticket_state {
    TICKET_READY,   /* the guest's address and password were handed out */
    TICKET_WAITING, /* no desktop yet */
    TICKET_REFUSED, /* a problem is set: the session has ended, or the connection is an older one */
    TICKET_DUE,     /* in a read job: a write job would hand out or refuse */
};

struct ticket {
    enum ticket_state state;
    uint32_t percent; /* of the waiting */
    uint32_t place;
    bool host_away; /* it waits for a host that does not answer */
};

/* Looks at connection CONNECTION of the session and sets the answer. WRITE: the job may write, so that a
 * desktop can be handed out. */
int ticket_look(struct db *db, struct request *r, const char *session_id, uint32_t connection, bool write,
                struct ticket *ret) MUST_CHECK;

#endif
