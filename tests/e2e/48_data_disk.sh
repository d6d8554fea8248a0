#!/bin/bash
# A file on a user's data disk is there on the user's next desktop, which is another guest, and nobody else sees it.
. "$REPO/tests/e2e/lib.sh"

trap 'stack_ctl pool set main --data-disk none --max 4' EXIT

# disk USER MEMBER
disk() { api get "/v1/data-disks?user=$1" "i[0][\"$2\"]"; }
wait_free() { api_quietly wait 60 "/v1/data-disks?user=$1" 'i[0]["state"] == "free"'; }
# As log_in(), until the user is led to the guest: the disk is there by then.
enter() {
    client_freerdp "$1" "$PORT" "$1" "$PASSWORD"
    wait_active "$1" 120
}
# Whether the home in a guest is the disk of that serial number.
home_is() {
    guest_sh "$1" 'disk=$(sed -n "s|^/dev/\(sd[a-z]\) /home/desktop ext4 .*|\1|p" /proc/mounts)
        [ -n "$disk" ] && grep -qaF '"$2"' "/sys/block/$disk/device/vpd_pg80"' || die "the home in $1 is not disk $2"
}

stack_ctl pool set main --data-disk 256MiB --max 3
log_in anna anna
desktop=$(desktop_of anna)
id=$(desktop_id "$desktop")
annas=$(disk anna id)
is "$(disk anna state)" attached "the data disk's state"
home_is "$desktop" "$annas"
guest_sh "$desktop" 'test -e /home/desktop/.bashrc' || die "the home has not what the image has in it"
open_terminal anna "$desktop"
client_type anna 'echo kept > ~/mark; sync'
until_true 30 "the file that was typed" guest_sh "$desktop" 'test -s /home/desktop/mark'

say "another user has another disk"
enter ben
other=$(desktop_of ben)
bens=$(disk ben id)
[ "$bens" != "$annas" ] || die "two users have one disk"
home_is "$other" "$bens"
is "$(guest_sh "$other" 'test -e /home/desktop/mark && echo there || echo not there')" "not there" "anna's file"

say "the terminal is still open when anna logs off"
log_off anna
wait_gone "$id"
wait_free anna
wait_ready 1
is "$(disk ben state)" attached "the other disk's state"
enter anna
desktop=$(desktop_of anna)
[ "$(desktop_id "$desktop")" != "$id" ] || die "the desktop was not recycled"
is "$(disk anna id)" "$annas" "the data disk"
home_is "$desktop" "$annas"
is "$(guest_sh "$desktop" 'cat /home/desktop/mark')" kept "what is on it"
check_invariants

for user in anna ben; do
    api_quietly call POST "/v1/sessions/$(session_of "$user" 'i[0]["id"]')/logoff" '{}'
done
for user in anna ben; do
    wait_free "$user"
    stack_ctl data-disk delete "$(disk "$user" id)" --yes
done
api_quietly wait 60 /v1/data-disks 'not i'
is "$(find "$STACK/data" -type f)" "" "what is left of the disks"
