#!/bin/bash
# A network that breaks for everybody: 300 sessions are cut by a reset and come back at once, five times.
#
# usage: tests/load/reconnect_storm.sh
. "$(dirname "$0")/lib.sh"

stand_start 300
load reconnect -n 300 -c 300 --rounds 5 --timeout 60 -R sessions.failed=0 -R sessions.lost=0 -R reconnect.count=1500
