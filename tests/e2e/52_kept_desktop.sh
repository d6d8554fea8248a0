#!/bin/bash
# A dedicated desktop whose disk is a copy of the image, with a data disk: suspended and back, a snapshot that vmpool's
# crash interrupts, a new disk of another version of the image, and the snapshot again. What it loses is on its own disk,
# what it keeps is on the data disk.
. "$REPO/tests/e2e/lib.sh"

taker=
tidy() {
    [ -z "$taker" ] || kill "$taker" || true
    stack_ctl pool set main --spare 2
    stack_ctl pool power own --idle keep >/dev/null 2>&1 || true
    stack_ctl pool delete own --yes >/dev/null 2>&1 || true
}
trap tidy EXIT

leave() {
    api_quietly call POST "/v1/sessions/$(session_of carla 'i[0]["id"]')/logoff" '{}'
    wait_session carla 60 'not i'
}
files() { find "$STACK/desktops" -name "$id*.qcow2" | wc -l; }
is_a_copy() {
    local info
    info=$(qemu-img info --force-share "$STACK/desktops/$id.qcow2")
    ! grep -q '^backing file' <<<"$info" || die "its disk is no copy"
}
# By the image's kernel: a copied disk does not say where it comes from.
runs_version() {
    grep -q "<kernel>.*/$(api get "/v1/images/desktop@$1" 'd["id"]')/" <<<"$(stack_virsh dumpxml "$name")" ||
        die "$name does not run version $1 of its image"
}

stack_ctl pool set main --spare 0
stack_ctl pool create own --image desktop --kind dedicated --spare 1 --max 1 --vcpus 2 --memory 768MiB \
    --provision full --data-disk 64MiB
stack_ctl entitlement add own --user carla
api_quietly wait 300 /v1/pools/own 'd["ready"] >= 1'
say "a full clone"
log_in carla carla # to the picture: who goes before the session stands has none to come back to
name=$(desktop_of carla)
[[ $name == own-* ]] || die "carla got $name"
id=$(desktop_id "$name")
disk=$(data_disk carla id)
is_a_copy
data_disk_is_at "$name" "$disk" /home/desktop
guest_sh "$name" 'echo own >/etc/own; su -c "echo kept >~/mark" desktop
    su -c "sleep 100000 5>~/held </dev/null >/dev/null 2>&1 &" desktop; sync'
opened=$(guest_sh "$name" 'pgrep -x sleep; cat /proc/sys/kernel/random/boot_id')

say "suspended with the data disk, and back by a log-in, though somebody has its port by then"
stack_ctl pool power own --idle suspend --idle-after 10s
client_finish
api_quietly wait 120 "/v1/desktops/$name" 'd["rest"] == "suspended"'
is "$(data_disk carla state)" attached "the data disk's state"
stack_ctl data-disk delete "$disk" --yes && die "a data disk of a suspended desktop was deleted"
stack_kill vmpool
stack_start vmpool
port=$(api get "/v1/desktops/$name" 'd["port"]')
python3 -c 'import signal, socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("taken", flush=True)
signal.pause()' "$port" >"$OUT/port" &
taker=$!
until_true 10 "the port is taken" grep -q taken "$OUT/port"
enter carla carla
kill "$taker"
taker=
stack_ctl pool power own --idle keep
[ "$(api get "/v1/desktops/$name" 'd["port"]')" != "$port" ] || die "its port is that of somebody else"
is "$(guest_sh "$name" 'pgrep -x sleep; cat /proc/sys/kernel/random/boot_id')" "$opened" "what was open"
data_disk_is_at "$name" "$disk" /home/desktop
is "$(guest_sh "$name" 'cat /home/desktop/mark /etc/own')" "kept
own" "what is on its disks"

say "vmpool crashes while a snapshot is made"
leave
wait_data_disk carla free
stack_ctl desktop snapshot create "$name" before --yes
until_true 60 "the snapshot's begin" grep -q "desktop $name: desktop-snapshot before begins" "$STACK/log/vmpool.log"
stack_kill vmpool
stack_start vmpool
api_quietly wait 120 "/v1/desktops/$name/snapshots" '[x["state"] for x in i] == ["ready"]'
api_quietly wait 300 "/v1/desktops/$name" 'd["state"] == "ready"'
is "$(files)" 2 "files of its disks: the disk and the snapshot"

say "a new disk of another version: its own files are gone, the data disk and the snapshot are there"
old=$(api get /v1/pools/own 'd["image_version"]')
stack_ctl image publish desktop "$CARREL_IMAGE"
new=$(api get /v1/images/desktop 'd["version"]')
stack_ctl pool roll own --image "desktop@$new" --max-unavailable 100%
api_quietly wait 600 /v1/pools/own/roll 'd["phase"] == "done"'
api_quietly wait 300 "/v1/desktops/$name" 'd["state"] == "ready"'
is "$(desktop_id "$name")" "$id" "the desktop"
runs_version "$new"
enter carla carla
is "$(desktop_of carla)" "$name" "her desktop"
is_a_copy
is "$(guest_sh "$name" 'ls /etc/own 2>/dev/null; cat /home/desktop/mark')" kept "what is on its disks"
is "$(files)" 2 "files of its disks"
leave

say "back to the snapshot, and to the old version with it"
stack_ctl desktop snapshot restore "$name" before --yes --wait
api_quietly wait 300 "/v1/desktops/$name" 'd["state"] == "ready"'
is "$(desktop_id "$name")" "$id" "the desktop"
runs_version "$old"
is "$(guest_sh "$name" 'cat /etc/own')" own "what is on its disk"
is "$(files)" 2 "files of its disks"
wait_data_disk carla free
data_disk_delete "$disk"
stack_ctl pool delete own --yes
wait_gone "$id"
is "$(files)" 0 "files that are left"
