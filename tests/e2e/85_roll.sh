#!/bin/bash
# The pool is rolled to another version of its image, with real guests: a golden guest is made of the new version, one
# desktop goes ahead, free ones follow, a user on the old version is not disturbed and gets the new one at the next
# log-in; the former golden guest goes with its last desktop.
. "$REPO/tests/e2e/lib.sh"

tidy() {
    stack_ctl pool set main --spare 2 >/dev/null 2>&1 || true
}
trap tidy EXIT

is_of() { # DESKTOP IMAGE: whether its disk was cloned from that one by way of a golden guest, as QEMU's host has it
    qemu-img info --force-share --backing-chain "$STACK/desktops/$(desktop_id "$1").qcow2" |
        grep -q "^backing file: .*$2" || die "$1 is not of image $2"
    is_fork "$1" || die "$1 was not forked"
}

say "another version"
old=$(api get /v1/pools/main 'd["image_version"]')
stack_ctl image publish desktop "$CARREL_IMAGE"
new=$(api get /v1/images/desktop 'd["version"]')
[ "$new" -gt "$old" ] || die "the new version is $new, the old one $old"
image=$(api get "/v1/images/desktop@$new" 'd["id"]')

say "a user on the old one"
stack_ctl pool set main --spare 1
log_in anna anna
hers=$(desktop_of anna)
open_terminal anna "$hers"
pid=$(guest_pid "$hers")

say "rolling"
stack_ctl pool roll main --image "desktop@$new" --max-unavailable 100%
api_quietly wait 600 /v1/pools/main/roll 'd["phase"] == "rolling"'
api_quietly wait 900 /v1/pools/main/roll 'd["renewed"] == d["desktops"] - 1 and d["old_in_use"] == 1'
api_quietly wait 600 /v1/pools/main 'd["ready"] >= 1'
is "$(guest_pid "$hers")" "$pid" "her guest's process"
guest_sh "$hers" 'pgrep -x lxterminal' >/dev/null || die "her terminal is gone"
wait_active anna
is "$(api get /v1/pools/main 'd["roll"]["old_in_use"]')" 1 "what the pool says of users on the old version"
is "$(api get /v1/pools/main 'd["provision_note"] or ""')" "" "why no instant clones are made"
is_of "$(api get '/v1/desktops?pool=main&state=ready' 'i[0]["name"]')" "$image"
golden_guests_are 2 || die "there are not two golden guests while a desktop is on the old version"

say "she logs off, and the next log-in is on the new one"
log_off anna
api_quietly wait 600 /v1/pools/main/roll 'd["phase"] == "done"'
wait_ready 1 600
log_in anna anna
hers=$(desktop_of anna)
is_of "$hers" "$image"
until_true 60 "the end of the former golden guest" golden_guests_are 1
check_invariants
log_off anna
