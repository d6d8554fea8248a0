/* Automatic reconnection of one session: a client whose network broke comes back with a cookie instead of a
 * password. The gateway draws it, tells the broker what will prove it, and hands it to the client when its
 * session is active; each connection has its own, good for one return. On the session's thread.
 */
#ifndef CARREL_GATEWAY_RECONNECT_H
#define CARREL_GATEWAY_RECONNECT_H

#include <stdbool.h>
#include <stdint.h>

#include "reconnect_cookie.h"
#include "secret.h"

struct session;

/* Embedded in the session. */
struct reconnect {
    bool due; /* drawn, and not with the client yet */
    uint8_t random[RECONNECT_RANDOM_LEN];
};

/* Draws the cookie of this connection. RET_DIGEST is for the broker; empty where none can be drawn. */
void reconnect_draw(struct session *s, char ret_digest[SECRET_DIGEST_SIZE]);

/* Hands the cookie to the client as soon as the guest's Font Map made its session active. */
void reconnect_hand_out(struct session *s);

#endif
