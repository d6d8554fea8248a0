#!/bin/bash
# Two users at once get two desktops, and both see theirs (I1).
. "$REPO/tests/e2e/lib.sh"

client_freerdp anna "$PORT" anna "$PASSWORD"
client_freerdp ben "$PORT" ben "$PASSWORD"
client_wait_desktop anna 180
client_wait_desktop ben 180
wait_active anna
wait_active ben
check_invariants
[ "$(desktop_of anna)" != "$(desktop_of ben)" ] || die "both have the same desktop"
log_off anna
wait_session anna 30 'not i'
wait_active ben 1
log_off ben
wait_session ben 30 'not i'
