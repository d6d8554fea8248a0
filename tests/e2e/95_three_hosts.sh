#!/bin/bash
# Three hosts: north over TLS with storage of its own, to which the image is copied; west and south, which have one
# storage. A pool stands on all three, apart. One host is cut off: its floating desktop is replaced, its dedicated one
# starts on the host that has its disk, too, once the guest that lives on unseen has let go of it, and has its user's data
# disk there. The host that comes back destroys what was replaced. The guests are small ones, for the matter here is hosts,
# but for the one with a data disk.
. "$REPO/tests/e2e/lib.sh"
. "$REPO/tests/lib/hosts.sh"

HOSTS=(north west south)
disk=

# Her session and her data disk end: a pool with either is not deleted.
leave() {
    client_stop dora || true
    api_quietly call POST "/v1/sessions/$(session_of dora 'i[0]["id"]')/logoff" '{}' || true
    wait_data_disk dora free
    data_disk_delete "$disk"
    disk=
}

tidy() {
    # Desktops go before their hosts, so that nothing of them stays in the store.
    local name
    client_stop dora 2>/dev/null || true
    host_mend west >/dev/null 2>&1 || true
    [ -z "$disk" ] || leave >/dev/null 2>&1 || true
    for name in wide own; do stack_ctl pool delete "$name" --yes >/dev/null 2>&1 || true; done
    timeout 120 "$REPO/tests/lib/api.py" "$STACK/run/broker.sock" wait 100 /v1/pools 'len(i) == 1' >/dev/null 2>&1 || true
    mkdir -p "$CLIENTS"
    for name in "${HOSTS[@]}"; do
        stack_ctl host remove "$name" --yes >/dev/null 2>&1 || true
        cp "$(host_dir "$name")/libvirt/log/libvirtd.log" "$CLIENTS/$name-libvirtd.log" 2>/dev/null || true
        host_remove "$name"
    done
    stack_ctl image delete small --yes >/dev/null 2>&1 || true
    stack_ctl pool set main --host-labels ''
    sed -i '/^host_timeout/d' "$STACK/etc/carrel.conf"
    reload vmpool
}
trap tidy EXIT

host_of() { api get "/v1/desktops/$1" 'd["host"]'; }
ready_on() { api get "/v1/desktops?pool=$1&state=ready" '" ".join(sorted(x["host"] for x in i))'; }
guest_of() { cat "$(host_dir "$1")/libvirt/run/qemu/$2.pid"; }

say "three hosts"
stack_ctl pool set main --host-labels '!wide' # it would have golden guests on them
sed -i 's/^\[vmpool\]$/&\nhost_timeout = 4s/' "$STACK/etc/carrel.conf"
reload vmpool
pki=$OUT/pki
"$REPO/config/host-ca" init "$pki"
"$REPO/config/host-ca" client "$pki"
"$REPO/config/host-ca" host "$pki" north "$HOST_NET.1.2"
host_make north 1 own --tls "$pki/host-north/pki" "$HOST_NET.1.2" &
north=$!
host_make west 2 shared &
west=$!
host_make south 3 shared
wait $north
wait $west
"$REPO/tests/lib/small_guest" "$CARREL_IMAGE" "$BUILD" "$OUT/small" &
small=$!
stack_ctl host add north "qemu+tls://$HOST_NET.1.2/system?pkipath=$pki/client-carrel-vmpool" --address "$HOST_NET.1.2" --labels 'wide own-disk'
stack_ctl host add west "$(host_uri west)" --address "$HOST_NET.2.2" --labels wide
stack_ctl host add south "$(host_uri south)" --address "$HOST_NET.3.2" --labels wide
for name in "${HOSTS[@]}"; do
    api_quietly wait 60 "/v1/hosts/$name" 'd["state"] == "up" and d["desktop_storage"] and d["disk_mib"] > 0'
done
is "$(api get /v1/hosts '" ".join(x["name"] for x in i if x["storage"] == "own")')" north "who has images copied"
is "$(api get /v1/hosts 'len({x["desktop_storage"] for x in i})')" 3 "storages of desktops' disks"

say "a pool on all three, one on the two"
wait $small
stack_ctl image import small "$OUT/small"
stack_ctl pool create wide --image small --spare 0 --max 4 --vcpus 1 --memory 320MiB --host-labels wide --apart host --credentials prompt
api_quietly wait 120 /v1/hosts/north '[x["state"] for x in d["images"] if x["name"] == "small"] == ["present"]'
stack_ctl host drain south # what is made now is on west
stack_ctl pool create own --image desktop --kind dedicated --spare 1 --max 1 --vcpus 2 --memory 768MiB \
    --host-labels 'wide !own-disk' --data-disk 64MiB
api_quietly wait 60 /v1/pools/own 'd["desktops"] == 1'
stack_ctl host undrain south
stack_ctl pool set wide --spare 3 # not before: desktops are placed where the image is
api_quietly wait 300 /v1/pools/own 'd["ready"] >= 1'
api_quietly wait 200 /v1/pools/wide 'd["ready"] >= 3'
is "$(ready_on wide)" "north south west" "where they stand"
is "$(ready_on own)" west "where the dedicated one is"

say "a user"
printf '%s\n' "$PASSWORD" | stack_ctl user create dora --password-file -
stack_ctl entitlement add own --user dora
enter dora dora 200 # a new data disk is formatted first
own=$(desktop_of dora)
identity=$(desktop_id "$own")
guest=$(guest_of west "$own")
disk=$(data_disk dora id)
GUEST_URI=$(host_uri west) data_disk_is_at "$own" "$disk" /home/desktop
GUEST_URI=$(host_uri west) guest_sh "$own" 'echo kept >/home/desktop/mark; sync'
floating=$(api get '/v1/desktops?pool=wide' '[x["name"] for x in i if x["host"] == "west"][0]')
replaced=$(guest_of west "$floating")

say "her host is cut off"
host_cut west
api_quietly wait 60 /v1/hosts/west 'd["state"] == "down"'
wait_session dora 60 'not i'
is "$(last_end dora)" host-lost "why her session ended"
client_stop dora
api_quietly wait 60 "/v1/desktops/$own" 'd["host"] == "south"'
api_quietly wait 60 "/v1/desktops/$own" '"its disk is in use" in (d["reason"] or "")'
is "$(data_disk dora state)" lost "the state of the data disk, to which its guest may still write"
kill -0 "$guest" || die "the guest should have lived on"
api_quietly wait 200 /v1/pools/wide 'd["ready"] >= 3'
is "$(api get '/v1/desktops?pool=wide' 'any(x["host"] == "west" for x in i)')" false "a desktop on a lost host"

say "the host is back"
host_mend west
api_quietly wait 120 /v1/hosts/west 'd["state"] == "up"'
for pid in "$guest" "$replaced"; do
    until_true 60 "what was replaced is destroyed" bash -c "! kill -0 $pid"
done
api_quietly wait 300 "/v1/desktops/$own" 'd["state"] == "ready"'
is "$(host_of "$own") $(desktop_id "$own")" "south $identity" "where her desktop is"
is "$(host_guests west | wc -l)" 0 "guests on west"
enter dora dora 200 # a new data disk is formatted first
is "$(desktop_of dora)" "$own" "her desktop"
is "$(data_disk dora id)" "$disk" "her data disk"
GUEST_URI=$(host_uri south) data_disk_is_at "$own" "$disk" /home/desktop
is "$(GUEST_URI=$(host_uri south) guest_sh "$own" 'cat /home/desktop/mark')" kept "what is on it"
check_invariants
leave
