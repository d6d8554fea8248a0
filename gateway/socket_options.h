/* What both of a session's sockets have alike. */
#ifndef CARREL_GATEWAY_SOCKET_OPTIONS_H
#define CARREL_GATEWAY_SOCKET_OPTIONS_H

/* No Nagle; a peer that vanished is found within about a minute, idle or with bytes on the way. */
void socket_options_set(int fd);

#endif
