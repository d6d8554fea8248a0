#!/bin/bash
# Ten thousand broken byte strings at each of the gateway's parsers, through its real port.
. "$REPO/tests/e2e/lib.sh"

before=$(stack_pid gateway)
for stage in preamble connect-initial domain client-info; do
    say "$stage"
    probe garbage "$PORT" "$stage" "${E2E_GARBAGE:-10000}"
    is "$(stack_pid gateway)" "$before" "the gateway's process"
done
until_true 40 "no connection is left over" sh -c \
    "! ss -Htn state established '( sport = :$PORT )' | grep -q 127.0.66."
log_in anna anna
log_off anna
