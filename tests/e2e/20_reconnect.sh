#!/bin/bash
# A killed client leaves a disconnected session; any client of the user finds it again with its windows.
. "$REPO/tests/e2e/lib.sh"

client_rdesktop first "$PORT" anna "$PASSWORD"
client_wait_desktop first 120
wait_active anna
desktop=$(desktop_of anna)
session=$(session_of anna 'i[0]["id"]')
open_terminal first "$desktop"
terminal=$(guest_sh "$desktop" 'pgrep -x lxterminal')

say "the client is killed"
client_stop first KILL
wait_disconnected anna
is "$(api get "/v1/desktops/$desktop" 'd["state"]')" disconnected "the desktop's state"

say "another client, another colour depth"
client_freerdp second "$PORT" anna "$PASSWORD" /bpp:16
client_wait_desktop second 90
wait_active anna
is "$(session_of anna 'i[0]["id"]')" "$session" "the session"
is "$(desktop_of anna)" "$desktop" "the desktop"
is "$(guest_sh "$desktop" 'pgrep -x lxterminal')" "$terminal" "the terminal's process"
until_true 30 "the window is still there" client_shows_window second

say "a third client takes over"
client_freerdp third "$PORT" anna "$PASSWORD"
client_wait_end second 60 >/dev/null || die "the older connection was not closed"
grep -q DISCONNECTED_BY_OTHER_CONNECTION "$CLIENTS/second/client.log" ||
    die "the older client was not told that somebody took over"
client_wait_desktop third 90
is "$(session_of anna 'i[0]["id"]')" "$session" "the session"
until_true 30 "the window is still there" client_shows_window third
check_invariants
log_off third
wait_session anna 30 'not i'
