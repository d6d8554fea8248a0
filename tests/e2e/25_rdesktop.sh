#!/bin/bash
# rdesktop logs in, shows the desktop and ends when the user logs off.
. "$REPO/tests/e2e/lib.sh"

client_rdesktop anna "$PORT" anna "$PASSWORD"
client_wait_desktop anna 120
wait_active anna
log_off anna
wait_session anna 30 'not i'
is "$(last_end anna)" logoff "why the session ended"
