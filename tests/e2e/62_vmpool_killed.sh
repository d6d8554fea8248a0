#!/bin/bash
# vmpool crashes: guests and sessions live on, a restart adopts them and hears of the log-off (I6).
. "$REPO/tests/e2e/lib.sh"

log_in anna anna
wait_settled
desktop=$(desktop_of anna)
id=$(desktop_id "$desktop")
before=$(stack_virsh list --uuid | sort)
pids=$(cat "$STACK"/libvirt/run/qemu/*.pid | sort)
stack_kill vmpool
client_alive anna client || die "the client lost its connection with vmpool"
stack_start vmpool
api_quietly wait 60 /v1/pools/main 'd["ready"] >= 1'
is "$(stack_virsh list --uuid | sort)" "$before" "the guests after the restart"
is "$(cat "$STACK"/libvirt/run/qemu/*.pid | sort)" "$pids" "their processes"
is "$(desktop_id "$desktop")" "$id" "the desktop"
wait_active anna 5

say "the user logs off while vmpool is dead"
stack_kill vmpool
# shellcheck disable=SC2086
client_click anna $CLIENT_LOGOUT
client_wait_end anna 30 >/dev/null || die "the client was not let go by its guest"
stack_start vmpool
wait_session anna 60 'not i'
wait_gone "$id"
wait_ready 2

say "killed again and again while guests start"
for n in 1 2 3 4; do
    api call POST "/v1/desktops/$(api get '/v1/desktops?pool=main&state=ready' 'i[0]["name"]')/recycle" '{}' >/dev/null || true
    api_quietly wait 60 /v1/desktops 'any(x["state"] != "ready" for x in i)'
    stack_kill vmpool
    stack_start vmpool
done
wait_settled
known=$(api get /v1/desktops '" ".join(sorted(x["name"] for x in i))')
for guest in $(stack_virsh list --all --name); do
    case " $known " in *" $guest "*) ;; *) die "guest $guest runs and nobody knows it: $known" ;; esac
done
is "$(find "$STACK/desktops" -name '*.qcow2' | wc -l)" "$(wc -w <<<"$known")" "the number of overlays"
