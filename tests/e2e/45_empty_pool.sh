#!/bin/bash
# With no desktop standing ready the user sees a picture that says so, and then, in the same connection, the
# desktop that was booted meanwhile from a linked clone of the image.
. "$REPO/tests/e2e/lib.sh"

colours() { client_picture "$1" "$2" && convert "$CLIENTS/$1/$2.png" -format %k info:; }
waits_in_the_lobby() { [ "$(colours carla waiting)" -gt 20 ]; }

stack_ctl pool set main --spare 0
trap "stack_ctl pool set main --spare 2" EXIT
stack_ctl pool create booted --image desktop --spare 0 --max 1 --vcpus 2 --memory 768MiB
stack_ctl entitlement add booted --user carla
client_freerdp carla "$PORT" carla "$PASSWORD"
until_true 30 "a picture to wait with" waits_in_the_lobby
api_quietly wait 5 '/v1/sessions?user=carla' 'len(i) == 1 and i[0]["state"] == "starting"'
client_wait_desktop carla 240
client_alive carla client || die "the desktop was not reached in the first connection"
wait_active carla 10
is "$(session_of carla 'i[0]["connection"]')" 1 "carla's connection"
desktop=$(desktop_of carla)
! is_fork "$desktop" || die "$desktop was forked"
check_invariants
log_off carla
wait_session carla 30 'not i'
stack_ctl pool delete booted --yes
api_quietly wait 120 /v1/pools 'not any(x["name"] == "booted" for x in i)'
