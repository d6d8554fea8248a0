#!/bin/bash
# For hours: sessions that stream, rest, break and come back, in turns; the gateway's memory at the end of each turn is
# printed and must not have grown by more than a tenth (and 8 MiB) since the end of the first.
#
# usage: tests/load/soak.sh [MINUTES [SESSIONS]]
. "$(dirname "$0")/lib.sh"

minutes=${1:-30} sessions=${2:-2000}
stand_start "$sessions"
memory_kib() { awk '/^Private_(Clean|Dirty)/ { sum += $2 } END { print sum }' "/proc/$gateway/smaps_rollup"; }

until=$((SECONDS + minutes * 60)) first='' turn=0
while [ "$SECONDS" -lt "$until" ] || [ "$turn" -lt 2 ]; do
    turn=$((turn + 1))
    load stream -q -n "$sessions" -c 64 --pdu-rate 5 -s 1400 --input-rate 5 -d 20 -R sessions.lost=0 -R stream.missing=0
    load slow -q -n "$((sessions / 10 + 1))" -d 10 -R sessions.lost=0 -R stream.missing=0
    load reconnect -q -n "$sessions" -c 128 --timeout 60 --rounds 2 -R sessions.lost=0
    now=$(memory_kib)
    first=${first:-$now}
    say "turn $turn: the gateway has $now KiB"
    if [ "$now" -gt "$((first * 11 / 10 + 8192))" ]; then
        say "it grew from $first KiB"
        exit 1
    fi
done
