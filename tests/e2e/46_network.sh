#!/bin/bash
# A pool on a libvirt network: guests have addresses of their own there, and cannot reach each other; those that are
# booted get their card with the boot, those that are forked when they have an identity of their own.
. "$REPO/tests/e2e/lib.sh"

cat >"$STACK/network.xml" <<'XML'
<network>
  <name>desks</name>
  <bridge name='carrel-desks' stp='off' delay='0'/>
  <ip address='192.168.150.1' netmask='255.255.255.0'>
    <dhcp><range start='192.168.150.10' end='192.168.150.99'/></dhcp>
  </ip>
</network>
XML
stack_virsh net-create "$STACK/network.xml"
stack_ctl pool set main --spare 0
stack_ctl pool create lan --image desktop --network desks --spare 1 --max 2 --vcpus 2 --memory 768MiB
stack_ctl entitlement add lan --user carla
api_quietly wait 300 /v1/pools/lan 'd["ready"] == 1'
stack_ctl pool set lan --provision instant --spare 2
api_quietly wait 600 /v1/pools/lan 'd["ready"] == 2'
forks=0
for name in $(api get '/v1/desktops?pool=lan' '" ".join(x["name"] for x in i)'); do
    if is_fork "$name"; then forks=$((forks + 1)); fi
done
is "$forks" 1 "how many of the two were forked"

mapfile -t names < <(api get '/v1/desktops?pool=lan' '"\n".join(x["name"] for x in i)')
mapfile -t addresses < <(api get '/v1/desktops?pool=lan' '"\n".join(x["address"] for x in i)')
[[ ${addresses[0]} == 192.168.150.* && ${addresses[1]} == 192.168.150.* ]] || die "addresses: ${addresses[*]}"
reaches() { guest_sh "$1" "timeout 5 bash -c 'exec 3<>/dev/tcp/$2/$3'"; }
reaches "${names[0]}" 192.168.150.1 53 || die "a guest cannot reach its own network's name server"
reaches "${names[0]}" "${addresses[1]}" 3389 && die "a guest reaches another one"
reaches "${names[1]}" "${addresses[0]}" 3389 && die "a guest reaches another one"

log_in carla carla
check_invariants
id=$(desktop_id "$(desktop_of carla)")
log_off carla
wait_session carla 60 'not i'
wait_gone "$id"
stack_ctl pool delete lan --yes
api_quietly wait 120 /v1/pools 'not any(x["name"] == "lan" for x in i)'
say "its golden guest goes with it, and the other pool's stays"
until_true 60 "the end of its golden guest" golden_guests_are 1
stack_virsh net-destroy desks
stack_ctl pool set main --spare 2
wait_ready 2
