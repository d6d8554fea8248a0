#!/bin/bash
# A long day: sessions that stream, rest, read slowly, break and come back, while clients' networks and guests fail and
# the broker is killed again and again.
#
# usage: tests/load/soak.sh [MINUTES [SESSIONS]]      (30 minutes, 2000 sessions)
#
# It fails (exit status 1) when
#   - a byte is lost: PDUs bear numbers and are compared byte by byte at both ends; of each session that a guest ends in
#     order, and of each that lives at the end, all that one end sent must have reached the other;
#   - a client is not told of an end that its guest made in order;
#   - a session ends without a fault of ours, or one that was cut is not back at the end;
#   - a fault was never done;
#   - the gateway's memory is not flat: its median of the last fifth is more than GROWTH above that of the second fifth;
#   - the gateway keeps connections of sessions that are gone.
# With a build with sanitizers (CARREL_BUILD, CARREL_NO_BUILD=1) what they find fails it, too (status 3).
# CARREL_SOAK_RATES: options of carrel-load about rates. CARREL_SOAK_BROKER_S: seconds between deaths of the broker.
. "$(dirname "$0")/lib.sh"

minutes=${1:-30} sessions=${2:-2000} growth=${CARREL_SOAK_GROWTH:-4MiB}
read -ra rates <<<"${CARREL_SOAK_RATES:---pdu-rate 2 --pdu 1400 --input-rate 2 --reset-rate 1 --guest-end-rate 1 --slow-every 50}"
every=${CARREL_SOAK_BROKER_S:-120}
seconds=$(awk -v m="$minutes" 'BEGIN { print m * 60 }')
# What a slow reader has not taken yet when its guest ends is waited for.
stand_start "$sessions" --set gateway.close_timeout=60s
# Connections to its broker are kept for later; those to clients and guests must go.
connections() {
    comm -12 <(find "/proc/$gateway/fd" -lname 'socket:*' -printf '%l\n' | tr -dc '0-9\n' | sort) \
        <(awk 'FNR > 1 { print $10 }' "/proc/$gateway/net/tcp" "/proc/$gateway/net/tcp6" | sort) | wc -l
}
broker_pid() { cat "$(field 'd["directory"]')/broker.pid"; }

before=$(connections)
load soak -n "$sessions" -c 64 --timeout 60 -d "$seconds" --settle 1 "${rates[@]}" \
    -R sessions.lost=0 -R "sessions.held=$sessions" -R guest.broken=0 -R stream.missing=0 -R input.missing=0 \
    -R "sessions.compared>=$sessions" -R 'faults.client_resets>0' -R 'faults.guest_ends>0' -R 'faults.guest_resets>0' \
    -R 'faults.slow_readers>0' -R faults.guest_ends_unheard=0 -R "gateway.memory_growth<$growth" &
kit=$!

# The broker dies while the kit runs. What counts is that another process answers afterwards.
deaths=0
while kill -0 "$kit" 2>/dev/null; do
    waited=0
    while [ "$waited" -lt "$every" ] && kill -0 "$kit" 2>/dev/null; do sleep 1; waited=$((waited + 1)); done
    [ "$waited" -ge "$every" ] || break
    old=$(broker_pid)
    kill -USR1 "$stand"
    for _ in $(seq 60); do
        sleep 1
        [ "$(broker_pid)" = "$old" ] || break
    done
    [ "$(broker_pid)" != "$old" ] || { say "the broker did not die or did not come back"; exit 3; }
    deaths=$((deaths + 1))
done
status=0
wait "$kit" || status=$?

after=$(connections)
for _ in $(seq 60); do
    [ "$after" -gt "$before" ] || break
    sleep 1
    after=$(connections)
done
say "the broker was killed $deaths times; the gateway had $before TCP sockets before and has $after afterwards"
[ "$deaths" -gt 0 ] || { say "the broker was never killed: the soak was too short for CARREL_SOAK_BROKER_S"; status=1; }
[ "$after" -le "$before" ] || { say "it keeps connections of sessions that are gone"; status=1; }
[ -z "${OUT:-}" ] || cp "$(field 'd["directory"]')"/*.log "$OUT/"
exit "$status"
