#!/bin/bash
# Two hosts with storage and addresses of their own, one of them over TLS: images are copied there, a pool stands on
# both, one is cut off and its user gets a desktop on the other; when it is back, what was replaced is destroyed.
. "$REPO/tests/e2e/lib.sh"
. "$REPO/tests/lib/hosts.sh"

tidy() {
    # Desktops go before their hosts, so that nothing of them stays in the store.
    host_mend south >/dev/null 2>&1 || true
    stack_ctl pool delete wide --yes >/dev/null 2>&1 || true
    timeout 120 "$REPO/tests/lib/api.py" "$STACK/run/broker.sock" wait 100 /v1/pools 'len(i) == 1' >/dev/null 2>&1 || true
    stack_ctl host remove north --yes >/dev/null 2>&1 || true
    stack_ctl host remove south --yes >/dev/null 2>&1 || true
    mkdir -p "$CLIENTS"
    for name in north south; do
        cp "$(host_dir "$name")/libvirt/log/libvirtd.log" "$CLIENTS/$name-libvirtd.log" 2>/dev/null || true
        host_remove "$name"
    done
    sed -i '/^host_timeout/d' "$STACK/etc/carrel.conf"
    reload vmpool
    stack_ctl pool set main --spare 2 >/dev/null
}
trap tidy EXIT

say "room for other guests"
stack_ctl pool set main --spare 0
api_quietly wait 120 /v1/pools/main 'd["desktops"] == 0'
sed -i 's/^\[vmpool\]$/&\nhost_timeout = 8s/' "$STACK/etc/carrel.conf"
reload vmpool

say "two hosts"
pki=$OUT/pki
"$REPO/config/host-ca" init "$pki"
"$REPO/config/host-ca" client "$pki"
"$REPO/config/host-ca" host "$pki" north "$HOST_NET.1.2"
host_make north 1
"$REPO/config/private-libvirtd" stop "$(host_dir north)/libvirt"
host_start north --tls "$pki/host-north/pki" "$HOST_NET.1.2"
host_make south 2
stack_ctl host add north "qemu+tls://$HOST_NET.1.2/system?pkipath=$pki/client-carrel-vmpool" --address "$HOST_NET.1.2" --labels wide
stack_ctl host add south "$(host_uri south)" --address "$HOST_NET.2.2" --labels wide
for name in north south; do
    api_quietly wait 60 "/v1/hosts/$name" 'd["state"] == "up" and d["storage"] == "own" and d["disk_mib"] > 0'
done
is "$(api get /v1/hosts/here 'd["storage"]')" shared "the storage of the host beside vmpool"

say "a pool on both"
stack_ctl pool create wide --image desktop --spare 0 --max 3 --vcpus 2 --memory 640MiB --host-labels wide --apart host
for name in north south; do
    api_quietly wait 300 "/v1/hosts/$name" '[x["state"] for x in d["images"]] == ["present"]'
done
stack_ctl pool set wide --spare 2 # not before: desktops are placed where the image is
api_quietly wait 600 /v1/pools/wide 'd["ready"] >= 2'
is "$(api get '/v1/desktops?pool=wide' '" ".join(sorted(x["host"] for x in i))')" "north south" "where they stand"

say "a user"
printf '%s\n' "$PASSWORD" | stack_ctl user create dora --password-file -
stack_ctl entitlement add wide --user dora
log_in dora dora
desktop=$(desktop_of dora)
host=$(api get "/v1/desktops/$desktop" 'd["host"]')
if [ "$host" = north ]; then # she shall be on the host that is cut off
    log_off dora
    stack_ctl host drain north
    api_quietly wait 600 /v1/pools/wide 'd["ready"] >= 1 and d["desktops"] == d["ready"]'
    log_in dora dora
    stack_ctl host undrain north
    desktop=$(desktop_of dora)
fi
is "$(api get "/v1/desktops/$desktop" 'd["host"]')" south "her host"
identity=$(desktop_id "$desktop")
guest=$(cat "$(host_dir south)/libvirt/run/qemu/$desktop.pid")

say "her host is cut off"
host_cut south
api_quietly wait 60 /v1/hosts/south 'd["state"] == "down"'
wait_session dora 60 'not i'
is "$(last_end dora)" host-lost "why her session ended"
client_wait_end dora 30
wait_gone "$identity"
kill -0 "$guest" || die "the guest should have lived on"

say "she gets another desktop on the other host"
api_quietly wait 600 /v1/pools/wide 'd["ready"] >= 1'
log_in dora dora
is "$(api get "/v1/desktops/$(desktop_of dora)" 'd["host"]')" north "her new host"

say "the host is back"
host_mend south
api_quietly wait 120 /v1/hosts/south 'd["state"] == "up"'
until_true 120 "what was replaced is destroyed" bash -c "! kill -0 $guest"
client_alive dora client || die "her new session was disturbed"
log_off dora
wait_session dora 60 'not i'
check_invariants
