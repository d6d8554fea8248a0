#!/bin/bash
# The store's disk is full: requests are refused with words, nothing is lost, and it goes on when there is room.
. "$REPO/tests/e2e/lib.sh"

# A broker of its own, whose store lies on a small disk in memory.
main=$STACK
STACK=$OUT/small
mkdir -p "$STACK/store"
mount -t tmpfs -o size=3m tmpfs "$STACK/store"
tidy() {
    mkdir -p "$CLIENTS" && cp -r "$STACK/log" "$CLIENTS/small-stack-log" # where the runner collects from
    stack_stop broker
    umount "$STACK/store"
    STACK=$main
}
trap tidy EXIT
stack_configure "127.0.0.1:$(stack_free_ports 1)"
stack_start broker
api call POST /v1/groups '{"name": "before"}'
dd if=/dev/zero of="$STACK/store/ballast" bs=64k 2>/dev/null || true

say "writing until it is refused"
refused=
for n in $(seq 400); do
    if ! answer=$(api call POST /v1/groups "{\"name\": \"group-$n\"}"); then
        refused=$n
        break
    fi
done
[ -n "$refused" ] || die "400 groups fitted on a full disk"
echo "$answer"
grep -q '"detail"' <<<"$answer" || die "the refusal has no words"
stack_pid broker >/dev/null || die "the broker ended"
is "$(api get /v1/groups/before 'd["name"]')" before "what can be read meanwhile"

rm "$STACK/store/ballast"
until_true 30 "there is room again" api call POST /v1/groups '{"name": "after"}'
stack_kill broker
stack_start broker
for n in $(seq $((refused - 1))); do
    is "$(api get "/v1/groups/group-$n" 's')" 200 "the status of acknowledged group-$n"
done
is "$(api get /v1/groups/after 'd["name"]')" after "the last group"
is "$(sqlite3 "$STACK/store/carrel.db" 'pragma integrity_check')" ok "the integrity of the file"
