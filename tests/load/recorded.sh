#!/bin/bash
# People at real work: a recorded session, played by 200 guests and clients at once for a minute.
#
# usage: tests/load/recorded.sh [RECORDING [SESSIONS]]      (tests/load/recordings/desk.rec, 200)
. "$(dirname "$0")/lib.sh"

recording=${1:-$repo/tests/load/recordings/desk.rec} sessions=${2:-200}
stand_start "$sessions"
load stream -n "$sessions" -d 60 --traffic "recording:$recording" -R "sessions.held=$sessions" -R sessions.lost=0 \
    -R guest.broken=0 -R stream.missing=0 -R input.missing=0
