/* What both of a session's sockets have alike. The front's has it from its listener: accept() hands it on, which saves
 * six system calls a connection. */
#ifndef CARREL_GATEWAY_SOCKET_OPTIONS_H
#define CARREL_GATEWAY_SOCKET_OPTIONS_H

/* No Nagle; a peer that vanished is found within about a minute, idle or with bytes on the way. */
void socket_options_set(int fd);

#endif
