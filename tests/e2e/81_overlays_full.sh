#!/bin/bash
# The desktops' disk is full: the pool stops with the reason, touches nothing else, and goes on when told.
. "$REPO/tests/e2e/lib.sh"

# A stack of its own, whose overlays lie on a small disk in memory. It is mounted before libvirtd starts, whose
# mounts are its own.
main=$STACK
STACK=$OUT/small
mkdir -p "$STACK/desktops"
mount -t tmpfs -o size=600m tmpfs "$STACK/desktops"
tidy() {
    mkdir -p "$CLIENTS" && cp -r "$STACK/log" "$CLIENTS/small-stack-log" # where the runner collects from
    stack_stop_all
    umount "$STACK/desktops"
    rm -rf "$STACK"
    STACK=$main
}
trap tidy EXIT
stack_configure "127.0.0.1:$(stack_free_ports 1)" 'vmpool.retry_pause=1s' 'vmpool.retry_pause_max=2s' \
    'vmpool.failure_limit=3' 'vmpool.boot_timeout=90s' 'vmpool.disk_reserve=0KiB'
stack_start_libvirtd
stack_start broker
stack_start vmpool
stack_ctl host add here "$("$REPO/config/private-libvirtd" uri "$STACK/libvirt")"
stack_ctl image import desktop "$CARREL_IMAGE"
dd if=/dev/zero of="$STACK/desktops/ballast" bs=1M 2>/dev/null || true
stack_ctl pool create small --image desktop --spare 1 --max 2 --vcpus 2 --memory 768MiB
api_quietly wait 400 /v1/pools/small 'd["stopped"] and d["reason"]'
api get /v1/pools/small 'd["reason"]'
stack_pid vmpool >/dev/null || die "vmpool ended"
is "$(api get /v1/status 's')" 200 "the status"
no_overlays() { [ -z "$(find "$STACK/desktops" -name '*.qcow2')" ]; }
until_true 60 "no overlay is left behind" no_overlays

say "room again"
rm "$STACK/desktops/ballast"
api call POST /v1/pools/small/retry '{}'
api_quietly wait 300 /v1/pools/small 'd["ready"] >= 1 and not d["stopped"]'
