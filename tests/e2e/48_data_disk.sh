#!/bin/bash
# A file on a user's data disk is there on the user's next desktop, which is another guest, and nobody else sees it. The
# disk is the home, so that the clones are forked from a golden guest in which nobody is logged in.
. "$REPO/tests/e2e/lib.sh"

trap 'stack_ctl pool set main --spare 2' EXIT

stack_ctl pool set main --spare 0
refused=$(stack_ctl pool set main --data-disk 256MiB 2>&1) && die "a home for sessions that are open already"
grep -q 'where "warm" is true' <<<"$refused" || die "refused without the reason: $refused"
stack_ctl pool create homes --image desktop --spare 2 --max 3 --vcpus 2 --memory 768MiB --provision instant --data-disk 256MiB
printf '%s\n' "$PASSWORD" | stack_ctl user create dana --password-file -
stack_ctl entitlement add homes --user carla
stack_ctl entitlement add homes --user dana
api_quietly wait 600 /v1/pools/homes 'd["ready"] >= 2'
log_in carla carla
desktop=$(desktop_of carla)
id=$(desktop_id "$desktop")
carlas=$(data_disk carla id)
is "$(data_disk carla state)" attached "the data disk's state"
data_disk_is_at "$desktop" "$carlas" /home/desktop
guest_sh "$desktop" 'test -e /home/desktop/.bashrc' || die "the home has not what the image has in it"
open_terminal carla "$desktop"
client_type carla 'echo kept > ~/mark; sync'
until_true 30 "the file that was typed" guest_sh "$desktop" 'test -s /home/desktop/mark'

say "another user has another disk"
enter dana dana
other=$(desktop_of dana)
danas=$(data_disk dana id)
[ "$danas" != "$carlas" ] || die "two users have one disk"
data_disk_is_at "$other" "$danas" /home/desktop
is "$(guest_sh "$other" 'test -e /home/desktop/mark && echo there || echo not there')" "not there" "carla's file"

say "the terminal is still open when carla logs off"
log_off carla
wait_gone "$id"
wait_data_disk carla free
api_quietly wait 300 /v1/pools/homes 'd["ready"] >= 1'
is "$(data_disk dana state)" attached "the other disk's state"
enter carla carla
desktop=$(desktop_of carla)
[ "$(desktop_id "$desktop")" != "$id" ] || die "the desktop was not recycled"
is "$(data_disk carla id)" "$carlas" "the data disk"
data_disk_is_at "$desktop" "$carlas" /home/desktop
is "$(guest_sh "$desktop" 'cat /home/desktop/mark')" kept "what is on it"
check_invariants

for user in carla dana; do
    api_quietly call POST "/v1/sessions/$(session_of "$user" 'i[0]["id"]')/logoff" '{}'
done
for user in carla dana; do
    wait_data_disk "$user" free
    data_disk_delete "$(data_disk "$user" id)"
done
api_quietly wait 60 /v1/data-disks 'not i'
is "$(find "$STACK/data" -type f)" "" "what is left of the disks"
stack_ctl pool delete homes --yes
api_quietly wait 120 /v1/pools 'not any(x["name"] == "homes" for x in i)'
stack_ctl user delete dana --yes
