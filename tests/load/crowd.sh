#!/bin/bash
# An office: 500 sessions that rest (the memory that the gateway needs without any is counted with theirs), then the
# same with 30 inputs and answers a second each.
#
# usage: tests/load/crowd.sh [SESSIONS]
. "$(dirname "$0")/lib.sh"

sessions=${1:-500}
stand_start "$sessions"
load idle -n "$sessions" --settle 2 -d 5 -R "sessions.held=$sessions" -R 'gateway.memory_per_session<=45KiB'
load latency -n "$sessions" --input-rate 30 --answer 60 --settle 2 -d 10 -R sessions.lost=0 -R stream.missing=0 \
    -R round_trip.skipped=0
