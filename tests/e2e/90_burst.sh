#!/bin/bash
# Two hundred log-ins at once on a pool of four: four get a desktop each, the others are told why (I1, I3).
. "$REPO/tests/e2e/lib.sh"

users=${E2E_BURST:-200}
say "$users users"
create() {
    printf '{"name": "burst%03d", "password": "%s", "groups": ["staff"]}' "$1" "$PASSWORD"
}
for n in $(seq "$users"); do api_quietly call POST /v1/users "$(create "$n")"; done
stack_ctl pool set main --spare 4
wait_ready 4 600

mkfifo "$OUT/burst.end"
probe burst "$PORT" "$users" burst "$PASSWORD" >"$OUT/burst.txt" <"$OUT/burst.end" &
burst=$!
exec 7>"$OUT/burst.end"
until_true 300 "everybody has an answer" grep -q slowest "$OUT/burst.txt"
cat "$OUT/burst.txt"
check_invariants
served=$(awk '$2 == "desktop" { print $1 }' "$OUT/burst.txt")
# 1032 is 0x408: no desktop of the pool is free.
told=$(awk '$2 == "error" && $3 == 1032 { print $1 }' "$OUT/burst.txt")
is "${served:-0}" 4 "those who got a desktop"
is "${told:-0}" $((users - 4)) "those who were told that none is free"
api_quietly wait 60 /v1/sessions 'len({x["desktop"] for x in i if x["state"] == "active"}) == 4'
api get '/v1/desktops?pool=main' 'len(i) <= 4' | grep -qx true || die "the pool grew above its max"
exec 7>&-
wait $burst
stack_ctl pool set main --spare 2
for session in $(api get /v1/sessions '" ".join(x["id"] for x in i)'); do
    api_quietly call POST "/v1/sessions/$session/logoff" '{}'
done
api_quietly wait 120 /v1/sessions 'not i'
