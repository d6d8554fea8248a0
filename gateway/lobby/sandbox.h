/* What the lobby gives up before it meets its first client: whoever takes it over through FreeRDP's parsers
 * finds no network, no other program to run and no file to write. */
#ifndef CARREL_LOBBY_SANDBOX_H
#define CARREL_LOBBY_SANDBOX_H

#include <carrel/error.h>

/* Everything behind it holds for all threads that start later. */
int sandbox_enter(struct error *err) MUST_CHECK;

#endif
