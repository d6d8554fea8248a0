#!/bin/bash
# A guest that dies under its user: the client is told, the pool makes another, the user gets it.
. "$REPO/tests/e2e/lib.sh"

log_in anna anna
desktop=$(desktop_of anna)
id=$(desktop_id "$desktop")
say "killing the guest's process"
kill -KILL "$(guest_pid "$desktop")"
client_wait_end anna 30 >/dev/null || die "the client was not let go"
wait_gone "$id"
wait_session anna 60 'not i'
log_in anna anna
[ "$(desktop_id "$(desktop_of anna)")" != "$id" ] || die "the dead desktop was lent again"
check_invariants
log_off anna
