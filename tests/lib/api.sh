# The API of the broker of a stack (config/stack.sh). Set before: REPO, STACK.
# shellcheck shell=bash

api() { "$REPO/tests/lib/api.py" "$STACK/run/broker.sock" "$@"; }
api_quietly() { api "$@" >/dev/null; }

# Until each pool has what it was told to have and nothing of it is made or removed, so that the guests that run are those
# that will run. A guest that was logged off runs for some seconds longer than its session.
wait_settled() {
    api_quietly wait 400 /v1/pools \
        "all(p['desktops'] == p['ready'] + p['lent'] and p['ready'] == min(p['spare'], p['max'] - p['lent']) for p in i)"
}
