/* carrel-lobby from the gateway's side: the process, which the starter starts, and again when it dies, and the socket
 * through which a visit's two streams are handed to it. The lobby has no listening socket and no name in the
 * file system: whoever is to be shown something comes as a pair of descriptors.
 *
 * Opened and closed on the main thread's loop; the handing over is for any thread.
 */
#ifndef CARREL_GATEWAY_LOBBY_LINK_H
#define CARREL_GATEWAY_LOBBY_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include <carrel/error.h>

#include "config.h"

struct lobby_link;
struct starter;

int lobby_link_open(struct lobby_link **ret, uv_loop_t *loop, struct starter *starter,
                    const struct config *config, struct error *err) MUST_CHECK;
/* Ends the process by closing its socket; CLOSED frees nothing of the caller's but may be its last event. */
void lobby_link_close(struct lobby_link *link, void (*closed)(void *arg), void *arg);
void lobby_link_destroy(struct lobby_link **link); /* behind CLOSED, when no thread uses it any more */
void lobby_link_configure(struct lobby_link *link, const struct config *config);

struct lobby_ends {
    int rdp;     /* a stream without TLS on which the lobby is an RDP server */
    int control; /* SOCK_SEQPACKET, lobby_message.h */
};

/* Two fresh streams to the lobby, non-blocking, the caller's from here on, who calls lobby_link_leave() when
 * they are closed. STRANGER: nobody knows yet whether this client has a right password, and of those only
 * gateway.lobby_form_max are shown pictures, until lobby_link_known() is called. CE_NOT_FOUND: no lobby runs;
 * CE_LIMIT: it shows gateway.lobby_max pictures already, or so many to strangers. */
int lobby_link_enter(struct lobby_link *link, bool stranger, struct lobby_ends *ret) MUST_CHECK;
void lobby_link_known(struct lobby_link *link);
void lobby_link_leave(struct lobby_link *link, bool stranger);

/* Whether it would be let in now if it were no stranger; a moment later it may not. */
bool lobby_link_has_room(struct lobby_link *link);

/* Hands the lobby a request for a banner (lobby/banner_message.h). *RET_FD is non-blocking and brings the picture
 * (lobby/banner_picture.h), then its end; the end alone: there is no picture. CE_NOT_FOUND: no lobby runs. */
int lobby_link_banner(struct lobby_link *link, const char *bytes, size_t len, int *ret_fd) MUST_CHECK;

#endif
