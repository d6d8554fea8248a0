#!/bin/bash
# Instant clones on a host that is reached over TLS only and has storage of its own: its golden guest is made, checked and
# removed through libvirt, and its forks are desktops of their own as elsewhere.
. "$REPO/tests/e2e/lib.sh"
. "$REPO/tests/lib/hosts.sh"

address=$HOST_NET.4.2
GUEST_URI=$(host_uri far)
export GUEST_URI
golden=$(host_dir far)/golden

tidy() {
    mkdir -p "$CLIENTS"
    client_stop fay 2>/dev/null || true
    stack_ctl pool delete far --yes >/dev/null 2>&1 || true
    timeout 120 "$REPO/tests/lib/api.py" "$STACK/run/broker.sock" wait 100 /v1/pools 'len(i) == 1' >/dev/null 2>&1 || true
    stack_ctl host remove far --yes >/dev/null 2>&1 || true
    cp "$(host_dir far)/libvirt/log/libvirtd.log" "$CLIENTS/far-libvirtd.log" 2>/dev/null || true
    cp "$(host_dir far)"/libvirt/log/qemu/*.log "$CLIENTS/" 2>/dev/null || true
    host_remove far
    stack_ctl pool set main --host-labels ''
}
trap tidy EXIT

files() { find "$golden" -type f -printf '%f\n' | sed 's/^golden-[0-9a-f]*\.//' | sort | paste -sd' '; }
no_files() { [ -z "$(files)" ]; }

say "a host over TLS"
stack_ctl pool set main --host-labels '!far' # whose golden guest would be there, too
pki=$OUT/pki-far
"$REPO/config/host-ca" init "$pki"
"$REPO/config/host-ca" client "$pki"
"$REPO/config/host-ca" host "$pki" far "$address"
host_make far 4 own --tls "$pki/host-far/pki" "$address"
stack_ctl host add far "qemu+tls://$address/system?pkipath=$pki/client-carrel-vmpool" --address "$address" --labels far
api_quietly wait 60 /v1/hosts/far 'd["state"] == "up"'
is "$(api get /v1/hosts/far 'd["storage"]')" own "its storage"

say "a pool of instant clones on it"
stack_ctl pool create far --image desktop --spare 2 --max 3 --vcpus 2 --memory 768MiB --provision instant --warm on \
    --host-labels far
printf '%s\n' "$PASSWORD" | stack_ctl user create fay --password-file -
stack_ctl entitlement add far --user fay
api_quietly wait 600 /v1/pools/far 'd["ready"] >= 2'
is "$(api get /v1/pools/far 'd["provision_note"] or ""')" "" "why no instant clones are made"
read -r -a names <<<"$(api get '/v1/desktops?pool=far&state=ready' '" ".join(x["name"] for x in i)')"
for name in "${names[@]}"; do
    is_fork "$name" || die "$name was not forked"
    guest_sh "$name" 'cat /proc/sys/kernel/hostname /etc/machine-id /etc/xrdp/key.pem; head -c 16 /dev/urandom | od -An -tx1' |
        grep -v -- ----- >"$OUT/far-$name"
    is "$(head -1 "$OUT/far-$name")" "$name" "its own name"
done
is "$(cat "$OUT"/far-far-* | sort | uniq -d)" "" "what clones have in common"
is "$(files)" "json qcow2 ram serial.log state" "its files, and nothing that a fork had for its start"

say "a user logs in"
log_in fay fay
desktop=$(desktop_of fay)
[[ $desktop == far-* ]] || die "fay got $desktop"
id=$(desktop_id "$desktop")

say "vmpool crashes; what it left lies as it was sealed, and the user's next clone is forked from it"
made=$(grep -c 'golden guest .* sealing -> ready' "$STACK/log/vmpool.log")
checked=$(grep -c 'its files are as they were sealed' "$STACK/log/vmpool.log" || true)
stack_kill vmpool
qemu-img create -q -f qcow2 "$(echo "$golden"/h-*)/d-0000000000000000.qcow2" 1M # of a fork that was cut off
stack_start vmpool
until_true 120 "the files on both hosts are checked" \
    bash -c "[ \$(grep -c 'its files are as they were sealed' '$STACK/log/vmpool.log') = $((checked + 2)) ]"
wait_active fay 5
is "$(files)" "json qcow2 ram serial.log state" "its files"
log_off fay
wait_gone "$id"
api_quietly wait 120 /v1/pools/far 'd["ready"] >= 2'
is "$(grep -c 'golden guest .* sealing -> ready' "$STACK/log/vmpool.log")" "$made" "how often a golden guest was made"

say "one that is no more as it was is not forked"
stack_ctl pool set far --spare 0
api_quietly wait 60 '/v1/desktops?pool=far' 'not i'
stack_kill vmpool
printf x | dd of="$(echo "$golden"/h-*/*.ram)" bs=1 seek=777777 conv=notrunc status=none
stack_start vmpool
until_true 120 "it is seen" grep -q 'is made anew: golden-.*\.ram is not as it was when it was sealed' "$STACK/log/vmpool.log"
stack_ctl pool delete far --yes
until_true 120 "its files are gone" no_files
