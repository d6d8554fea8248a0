#!/bin/bash
# Clients that fall silent at any point of a log-in are let go; others are served meanwhile.
. "$REPO/tests/e2e/lib.sh"

probe silent "$PORT" 40 >"$OUT/silent.out" &
silent=$!
log_in anna anna
log_off anna
status=0
wait $silent || status=$?
cat "$OUT/silent.out"
is "$status" 0 "the status"
