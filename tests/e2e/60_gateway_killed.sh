#!/bin/bash
# The gateway crashes: sessions are disconnected, not lost; the next connection finds them (I6).
. "$REPO/tests/e2e/lib.sh"

log_in anna anna
session=$(session_of anna 'i[0]["id"]')
desktop=$(desktop_of anna)
open_terminal anna "$desktop"
stack_kill gateway
client_wait_end anna 60 >/dev/null || client_stop anna
# Its lease ends without a restart too.
wait_disconnected anna 60
stack_start gateway
log_in again anna
is "$(session_of anna 'i[0]["id"]')" "$session" "the session"
is "$(desktop_of anna)" "$desktop" "the desktop"
until_true 30 "the window is still there" client_shows_window again
log_off again
wait_session anna 30 'not i'
