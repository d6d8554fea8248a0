/* One visit: an RDP server for one client, by libfreerdp, with what it shows and what the person does. The only
 * file of the lobby that knows FreeRDP and WinPR. A thread of its own, because a FreeRDP peer blocks while its
 * client is silent in the middle of a sequence.
 */
#ifndef CARREL_LOBBY_PEER_H
#define CARREL_LOBBY_PEER_H

/* Once per process, before threads. */
void peer_library_init(void);

/* Serves the client on the stream RDP until one of the two sockets ends. Takes both. */
void peer_serve(int rdp, int control);

#endif
