#!/bin/bash
# libvirtd crashes and comes back: guests live on, the host is known again, log-off still works.
. "$REPO/tests/e2e/lib.sh"

log_in anna anna
wait_settled
id=$(desktop_id "$(desktop_of anna)")
guest_pids() { grep -H . "$STACK"/libvirt/run/qemu/main-*.pid; }
pids=$(guest_pids)
"$REPO/config/private-libvirtd" kill "$STACK/libvirt"
api_quietly wait 60 /v1/hosts/here 'd["state"] == "down" and d["reason"]'
client_alive anna client || die "the client lost its connection with libvirtd"
stack_start_libvirtd
api_quietly wait 120 /v1/hosts/here 'd["state"] == "up"'
is "$(guest_pids)" "$pids" "the guests' processes"
wait_active anna 5
log_off anna
wait_session anna 60 'not i'
wait_gone "$id"
wait_ready 2

# A log-off that nobody heard, as libvirtd was away: found by asking the guest who is logged in.
log_in anna anna
id=$(desktop_id "$(desktop_of anna)")
"$REPO/config/private-libvirtd" kill "$STACK/libvirt"
api_quietly wait 60 /v1/hosts/here 'd["state"] == "down"'
log_off anna
wait_disconnected anna
stack_start_libvirtd
wait_session anna 120 'not i'
wait_gone "$id"
wait_ready 2
