# Sourced by the scenarios in this folder: a stand for them, and carrel-load through its gateway.
#
#     . lib.sh
#     stand_start USERS [OPTION...]  # so many accounts; options of the stand
#     load login -n 100 ...          # carrel-load with target, guest, users and the gateway's process
#
# CARREL_BUILD is the release build (build-bench, made where it is missing; taken as it is where CARREL_NO_BUILD is
# set). OUT, where it is set, is a folder for
# each scenario's report as JSON and HTML. What was started ends with the script.
# shellcheck shell=bash
set -euo pipefail
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${CARREL_BUILD:-$repo/build-bench}
folder=$(mktemp -d)
scenario=$(basename "$0" .sh)
ulimit -n "$(ulimit -Hn)"

say() { echo "$scenario: $*" >&2; }

tear_down() {
    # The stand ends when its standard input does.
    if [ -n "${stand_in:-}" ]; then
        exec {stand_in}>&-
        wait "$stand" || stand_failed=yes
    fi
    rm -rf "$folder"
    # A sanitizer that had something to say, or a daemon that did not live to the end.
    [ -z "${stand_failed:-}" ] || exit 3
}
trap tear_down EXIT
trap 'exit 130' INT TERM

field() { python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$folder/told" "$1"; }

stand_start() {
    local n
    guest=127.0.0.1:$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
    for n in $(seq "$1"); do echo "u$n:load-$n"; done >"$folder/users"
    mkfifo "$folder/in" "$folder/out"
    "$repo/tests/load/stand" --build "$build" ${CARREL_NO_BUILD:+--no-build} --guest "$guest" --users "$folder/users" "${@:2}" <"$folder/in" >"$folder/out" &
    stand=$!
    exec {stand_in}>"$folder/in"
    say "a stand with $1 users"
    read -r told <"$folder/out" || { say "the stand did not start"; exit 3; }
    echo "$told" >"$folder/told"
    target=$(field 'd["gateways"][0]')
    gateway=$(field '[p for n, p in d["pids"].items() if n.startswith("gateway")][0]')
}

load() {
    local reports=()
    if [ -n "${OUT:-}" ]; then
        mkdir -p "$OUT"
        reports=(--json "$OUT/$scenario-$1.json" --html "$OUT/$scenario-$1.html")
    fi
    "$build/tests/load/carrel-load" "$@" --target "$target" --guest "$guest" --users "$folder/users" \
        --watch "gateway=$gateway" "${reports[@]}"
}
