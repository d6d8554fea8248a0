#!/bin/bash
# With no desktop standing ready the user waits and gets the one that is being started.
. "$REPO/tests/e2e/lib.sh"

stack_ctl pool set main --spare 0
for desktop in $(api get '/v1/desktops?pool=main' '" ".join(x["name"] for x in i)'); do
    api call POST "/v1/desktops/$desktop/recycle" '{}' >/dev/null
done
api_quietly wait 120 '/v1/desktops?pool=main' 'not i'
client_freerdp anna "$PORT" anna "$PASSWORD"
# xfreerdp3 gives up by itself after about nine seconds; a user clicks again, and so does this.
for try in 1 2 3 4 5 6 7 8 9 10 11 12; do
    if client_wait_desktop anna 60; then break; fi
    say "once more ($try)"
    client_stop anna
    client_freerdp anna "$PORT" anna "$PASSWORD"
done
wait_active anna 10
is "$(session_of anna 'len(i)')" 1 "anna's sessions"
check_invariants
stack_ctl pool set main --spare 2
log_off anna
wait_ready 2
