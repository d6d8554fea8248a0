#!/bin/bash
# Instant clones: each is a desktop of its own, is lent and recycled like any other, has its user's data disk, and outlives
# vmpool and libvirtd. Two pools of one shape have one golden guest.
. "$REPO/tests/e2e/lib.sh"

ready() { api_quietly wait "${2:-600}" /v1/pools/forks "d['ready'] >= $1"; }
forks() { api get '/v1/desktops?pool=forks&state=ready' '" ".join(x["name"] for x in i)'; }
# What no two desktops may share, a line each.
identity() {
    guest_sh "$1" 'cat /proc/sys/kernel/hostname /etc/hostname /etc/machine-id
        head -c 16 /dev/urandom | od -An -tx1; cat /proc/sys/kernel/random/uuid
        sha256sum </etc/xrdp/key.pem; sha256sum </etc/xrdp/cert.pem; grep ^desktop: /etc/shadow
        cat /etc/ssh/ssh_host_*.pub 2>/dev/null || true' || die "no identity of $1"
}

# A letter for each: T is stopped.
panels() {
    guest_sh "$1" 'for dir in /proc/[0-9]*; do
        read -r name 2>/dev/null <"$dir/comm" && [ "$name" = tint2 ] && sed -n "s/^State:.\(.\).*/\1/p" "$dir/status"
    done; true'
}
panel_runs() { [[ $(panels "$1") == [RSD] ]]; }

stack_ctl pool set main --spare 0
trap "stack_ctl pool set main --spare 2" EXIT # also when this fails: what follows waits for them
stack_ctl pool create forks --image desktop --spare 3 --max 3 --vcpus 2 --memory 768MiB --provision instant --warm on \
    --data-disk 64MiB --data-disk-mount /srv/mine
stack_ctl entitlement add forks --user carla
ready 3
stack_ctl pool show forks
is "$(api get /v1/pools/forks 'd["provision_note"] or ""')" "" "why no instant clones are made"
golden_guests_are 1 || die "the pools do not share a golden guest"
say "no two clones have anything of an identity in common"
read -r -a names <<<"$(forks)"
for name in "${names[@]}"; do
    identity "$name" | sort -u >"$OUT/identity-$name"
    is "$(grep -cx "$name" "$OUT/identity-$name")" 1 "its own name in $name"
    [ "$(wc -l <"$OUT/identity-$name")" -ge 7 ] || die "an identity has too few lines: $(cat "$OUT/identity-$name")"
done
is "$(cat "$OUT"/identity-* | sort | uniq -d)" "" "what clones have in common"
clock=$(guest_sh "${names[0]}" 'date +%s')
behind=$(($(date +%s) - clock))
[ $behind -le 5 ] || die "the clone's clock is $behind s behind"
! grep 'its agent is asked for an identity' "$STACK/log/vmpool.log" || die "a clone was not told who it is on its port"
for name in "${names[@]}"; do
    is_fork "$name" || die "$name was not forked"
done

is "$(panels "${names[0]}")" T "the panel of a clone that nobody has seen"

say "a clone whose kernel breaks down starts anew, and is reached as before"
again=${names[2]}
boot_of() { guest_sh "$1" 'cat /proc/sys/kernel/random/boot_id'; }
has_started_anew() {
    local now
    now=$(boot_of "$again") && [ "$now" != "$boot" ]
}
port=$(api get "/v1/desktops/$again" 'd["port"]')
fingerprint=$(api get "/v1/desktops/$again" 'd["fingerprint"]')
boot=$(boot_of "$again")
guest_sh "$again" 'sync; (sleep 1; echo c >/proc/sysrq-trigger) >/dev/null 2>&1 &' # what it was told lies on its disk
until_true 180 "its next start" has_started_anew
until_true 60 "its RDP server" serves "$port" "$fingerprint"
is "$(guest_sh "$again" 'hostname')" "$again" "its name"

say "no clone reaches another one, or the host, from its user-mode network"
other=$(api get "/v1/desktops/${names[1]}" 'd["port"]')
for place in 10.0.2.2 10.0.2.15 127.0.0.1 192.0.2.1; do
    guest_sh "${names[0]}" "timeout 5 bash -c 'exec 3<>/dev/tcp/$place/$other'" && die "a clone reaches $place"
done

say "a user logs in; the certificate is the one that the gateway expects"
log_in carla carla
desktop=$(desktop_of carla)
[[ $desktop == forks-* ]] || die "carla got $desktop"
until_true 30 "the panel goes on" panel_runs "$desktop"
id=$(desktop_id "$desktop")
disk=$(data_disk carla id)
data_disk_is_at "$desktop" "$disk" /srv/mine
guest_sh "$desktop" 'su -c "echo kept >/srv/mine/mark && sync" desktop' || die "the user cannot write on the data disk"

say "vmpool and libvirtd crash; the clones are adopted, and their golden guest is not made again"
wait_settled
guests=$(stack_virsh list --uuid | sort)
made=$(grep -c 'golden guest .* sealing -> ready' "$STACK/log/vmpool.log")
stack_kill vmpool
"$REPO/config/private-libvirtd" kill "$STACK/libvirt"
stack_start_libvirtd
stack_start vmpool
api_quietly wait 60 /v1/hosts 'i[0]["state"] == "up"'
is "$(stack_virsh list --uuid | sort)" "$guests" "the guests after the restart"
until_true 120 "the golden guest's checked files" grep -q 'its files are as they were sealed' "$STACK/log/vmpool.log"
wait_active carla 5

say "the log-off is told by the clone itself; it is recycled, and another one is forked"
log_off carla
wait_gone "$id"
wait_data_disk carla free
ready 3 120
is "$(grep -c 'golden guest .* sealing -> ready' "$STACK/log/vmpool.log")" "$made" "how often a golden guest was made"

say "her next clone has her data disk"
stack_ctl pool set forks --spare 1
api_quietly wait 60 /v1/pools/forks 'd["desktops"] == 1'
enter carla carla
desktop=$(desktop_of carla)
[ "$(desktop_id "$desktop")" != "$id" ] || die "the desktop was not recycled"
id=$(desktop_id "$desktop")
data_disk_is_at "$desktop" "$disk" /srv/mine
is "$(guest_sh "$desktop" 'cat /srv/mine/mark')" kept "what is on the data disk"
api_quietly call POST "/v1/sessions/$(session_of carla 'i[0]["id"]')/logoff" '{}'
wait_gone "$id"
wait_data_disk carla free
data_disk_delete "$disk"

say "a pool goes, and the golden guest is the other one's"
stack_ctl pool delete forks --yes
api_quietly wait 180 /v1/pools 'not any(p["name"] == "forks" for p in i)'
stack_ctl pool set main --spare 2
wait_ready 2
golden_guests_are 1 || die "the golden guest did not stay"
