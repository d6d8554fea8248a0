#!/bin/bash
# The broker crashes: running sessions go on, nothing that it acknowledged is lost (I6).
. "$REPO/tests/e2e/lib.sh"

log_in anna anna
session=$(session_of anna 'i[0]["id"]')
for n in 1 2 3 4 5; do
    printf '%s\n' "$PASSWORD" | stack_ctl user create "kept-$n" --password-file - --group staff
    stack_kill broker
    stack_start broker
    api_quietly get "/v1/users/kept-$n" 'd["name"]'
    is "$(api get "/v1/users/kept-$n" 's')" 200 "the status of kept-$n"
    is "$(api get "/v1/users/kept-$n" 'd["groups"]' | tr -d ' \n')" '["staff"]' "the groups of kept-$n"
done
client_alive anna client || die "the client lost its connection with the broker"
wait_active anna 30
is "$(session_of anna 'i[0]["id"]')" "$session" "the session"

say "while the broker is away a log-in is refused with words"
stack_kill broker
answer=$(probe login "$PORT" ben "$PASSWORD")
case $answer in "error "*) ;; *) die "the answer without a broker is '$answer'" ;; esac
client_alive anna client || die "the client lost its connection"

say "a log-off while the broker is away counts"
stack_start broker
log_off anna
wait_session anna 60 'not i'
is "$(last_end anna)" logoff "why the session ended"
log_in ben ben
log_off ben
for n in 1 2 3 4 5; do stack_ctl user delete "kept-$n" --yes; done
