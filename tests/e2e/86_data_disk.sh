#!/bin/bash
# A file on a user's data disk is there on the next desktop, which is another guest.
. "$REPO/tests/e2e/lib.sh"

tidy() {
    stack_ctl pool set main --data-disk none >/dev/null 2>&1 || true
}
trap tidy EXIT

disk() { api get '/v1/data-disks?user=anna' "i[0][\"$1\"]"; }

stack_ctl pool set main --data-disk 256MiB
log_in anna anna
desktop=$(desktop_of anna)
id=$(desktop_id "$desktop")
is "$(disk state)" attached "the data disk's state"
guest_sh "$desktop" 'grep -q "^/dev/sd[a-z] /home/desktop ext4 " /proc/mounts' || die "it is not mounted at the home"
guest_sh "$desktop" 'echo kept >/home/desktop/mark && test -e /home/desktop/.bashrc && sync'
serial=$(disk id)

log_off anna
wait_gone "$id"
api_quietly wait 60 "/v1/data-disks/$serial" 'd["state"] == "free"'
wait_ready 1

log_in anna anna
other=$(desktop_of anna)
[ "$(desktop_id "$other")" != "$id" ] || die "the desktop was not recycled"
is "$(disk id)" "$serial" "the data disk"
is "$(guest_sh "$other" 'cat /home/desktop/mark')" kept "what is on it"
check_invariants
log_off anna
api_quietly wait 60 "/v1/data-disks/$serial" 'd["state"] == "free"'
stack_ctl data-disk delete "$serial" --yes
api_quietly wait 60 /v1/data-disks 'not i'
