#!/bin/bash
# A file on a user's data disk is there on the user's next desktop, which is another guest, and nobody else sees it.
. "$REPO/tests/e2e/lib.sh"

trap 'stack_ctl pool set main --data-disk none --max 4' EXIT

stack_ctl pool set main --data-disk 256MiB --max 3
log_in anna anna
desktop=$(desktop_of anna)
id=$(desktop_id "$desktop")
annas=$(data_disk anna id)
is "$(data_disk anna state)" attached "the data disk's state"
data_disk_is_at "$desktop" "$annas" /home/desktop
guest_sh "$desktop" 'test -e /home/desktop/.bashrc' || die "the home has not what the image has in it"
open_terminal anna "$desktop"
client_type anna 'echo kept > ~/mark; sync'
until_true 30 "the file that was typed" guest_sh "$desktop" 'test -s /home/desktop/mark'

say "another user has another disk"
enter ben ben
other=$(desktop_of ben)
bens=$(data_disk ben id)
[ "$bens" != "$annas" ] || die "two users have one disk"
data_disk_is_at "$other" "$bens" /home/desktop
is "$(guest_sh "$other" 'test -e /home/desktop/mark && echo there || echo not there')" "not there" "anna's file"

say "the terminal is still open when anna logs off"
log_off anna
wait_gone "$id"
wait_data_disk anna free
wait_ready 1
is "$(data_disk ben state)" attached "the other disk's state"
enter anna anna
desktop=$(desktop_of anna)
[ "$(desktop_id "$desktop")" != "$id" ] || die "the desktop was not recycled"
is "$(data_disk anna id)" "$annas" "the data disk"
data_disk_is_at "$desktop" "$annas" /home/desktop
is "$(guest_sh "$desktop" 'cat /home/desktop/mark')" kept "what is on it"
check_invariants

for user in anna ben; do
    api_quietly call POST "/v1/sessions/$(session_of "$user" 'i[0]["id"]')/logoff" '{}'
done
for user in anna ben; do
    wait_data_disk "$user" free
    stack_ctl data-disk delete "$(data_disk "$user" id)" --yes
done
api_quietly wait 60 /v1/data-disks 'not i'
is "$(find "$STACK/data" -type f)" "" "what is left of the disks"
