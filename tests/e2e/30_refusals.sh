#!/bin/bash
# Whoever is refused is told why: wrong password, unknown user, not entitled, no such security.
. "$REPO/tests/e2e/lib.sh"

# From addresses of their own, so that the pauses after failures meet nobody else.
is "$(probe login "$PORT" anna wrong 127.0.3.1)" "error 10" "the answer to a wrong password"
is "$(probe login "$PORT" nobody-at-all wrong 127.0.3.2)" "error 10" "the answer to an unknown user"
is "$(probe login "$PORT" carla "$PASSWORD" 127.0.3.3)" "error 9" "the answer to a user without a pool"

say "xfreerdp3 shows it"
client_freerdp wrong "$PORT" ben not-the-password
client_wait_end wrong 60 >/dev/null || die "xfreerdp3 was not let go"
grep -q FRESH_CREDENTIALS "$CLIENTS/wrong/client.log" || die "xfreerdp3 was not told of the wrong password"
client_freerdp entitled "$PORT" carla "$PASSWORD"
client_wait_end entitled 60 >/dev/null || die "xfreerdp3 was not let go"
grep -q INSUFFICIENT_PRIVILEGES "$CLIENTS/entitled/client.log" || die "xfreerdp3 was not told of the missing right"

say "rdesktop ends with the status of a server's error"
client_rdesktop old "$PORT" ben not-the-password
status=$(client_wait_end old 60) || die "rdesktop was not let go"
[ "$status" != 0 ] || die "rdesktop ended as if nothing were wrong"

say "many tries are slowed down, and the right password does not help meanwhile"
printf '%s\n' "$PASSWORD" | stack_ctl user create pauses --password-file -
for try in 1 2 3 4 5 6; do
    probe login "$PORT" pauses "wrong-$try" 127.0.3.4
done
is "$(probe login "$PORT" pauses "$PASSWORD" 127.0.3.5)" "error 7" "the answer after too many tries"
is "$(api get /v1/sessions 'len(i)')" 0 "the number of sessions"
stack_ctl user delete pauses --yes
