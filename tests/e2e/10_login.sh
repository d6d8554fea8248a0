#!/bin/bash
# A user logs in with xfreerdp3, sees the desktop, logs off inside it; the next user finds nothing left (I2).
. "$REPO/tests/e2e/lib.sh"

log_in anna anna
say "desktop on the screen $(awk -v a="$(cat "$CLIENTS/anna/started")" -v b="$(date +%s.%N)" 'BEGIN { printf "%.1f", b - a }') s after the click"
desktop=$(desktop_of anna)
id=$(desktop_id "$desktop")
is "$(api get "/v1/desktops/$desktop" 'd["state"]')" in_use "the desktop's state"
is "$(api get "/v1/desktops/$desktop" 'd["session_user"]')" anna "the desktop's user"
check_invariants

open_terminal anna "$desktop"
client_type anna 'echo secret-of-anna > ~/mark; sync'
until_true 30 "the file that was typed" guest_sh "$desktop" 'test -s /home/desktop/mark'

log_off anna
wait_session anna 30 'not i'
is "$(last_end anna)" logoff "why the session ended"
wait_gone "$id"
wait_ready 2

# The name of the desktop may come back; what is in it may not.
log_in ben ben
other=$(desktop_of ben)
[ "$(desktop_id "$other")" != "$id" ] || die "ben got the desktop that anna had touched"
for guest in $(stack_virsh list --name); do
    # A guest that boots has no agent yet, and no file either.
    if guest_sh "$guest" 'test -e /home/desktop/mark' 2>/dev/null; then die "anna's file is in $guest"; fi
done
log_off ben
