#!/bin/bash
# With no desktop standing ready the user sees a picture that says so, and then, in the same connection, the
# desktop that was started meanwhile.
. "$REPO/tests/e2e/lib.sh"

colours() { client_picture "$1" "$2" && convert "$CLIENTS/$1/$2.png" -format %k info:; }
waits_in_the_lobby() { [ "$(colours anna waiting)" -gt 20 ]; }

stack_ctl pool set main --spare 0
for desktop in $(api get '/v1/desktops?pool=main' '" ".join(x["name"] for x in i)'); do
    api call POST "/v1/desktops/$desktop/recycle" '{}' >/dev/null
done
api_quietly wait 120 '/v1/desktops?pool=main' 'not i'
client_freerdp anna "$PORT" anna "$PASSWORD"
until_true 30 "a picture to wait with" waits_in_the_lobby
api_quietly wait 5 '/v1/sessions?user=anna' 'len(i) == 1 and i[0]["state"] == "starting"'
client_wait_desktop anna 240
client_alive anna client || die "the desktop was not reached in the first connection"
wait_active anna 10
is "$(session_of anna 'i[0]["connection"]')" 1 "anna's connection"
check_invariants
stack_ctl pool set main --spare 2
log_off anna
wait_ready 2
