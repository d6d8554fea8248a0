#!/bin/bash
# Looking after desktops, with real guests: a picture of the screen, the console, a snapshot that brings a deleted file
# back, and a guest that hangs is replaced.
. "$REPO/tests/e2e/lib.sh"

set_health() { # CHECK FAILURES TIME
    sed -i '/^health_/d' "$STACK/etc/carrel.conf"
    [ -z "${1:-}" ] || sed -i "/^\[vmpool\]/a health_check = $1\nhealth_failures = $2\nhealth_time = $3" "$STACK/etc/carrel.conf"
    reload vmpool
}

hung=
tidy() {
    set_health
    [ -z "$hung" ] || kill -CONT "$hung" 2>/dev/null || true
    stack_ctl pool delete own --yes >/dev/null 2>&1 || true
}
trap tidy EXIT

say "a free guest that hangs is replaced; a dedicated one boots meanwhile"
stack_ctl pool create own --image desktop --kind dedicated --spare 1 --max 1 --vcpus 2 --memory 768MiB
stack_ctl entitlement add own --user anna
hung_name=$(api get '/v1/desktops?pool=main&state=ready' 'i[0]["name"]')
hung_id=$(desktop_id "$hung_name")
hung=$(guest_pid "$hung_name")
set_health 1s 3 6s
kill -STOP "$hung"

say "meanwhile: the picture and the console of the other one, detached"
name=$(api get '/v1/desktops?pool=main&state=ready' "[x['name'] for x in i if x['name'] != '$hung_name'][0]")
id=$(desktop_id "$name")
stack_ctl desktop detach "$name" --reason "looked into" --wait
is "$(api get "/v1/desktops/$name" 'd["reason"]')" "looked into" "the reason"
guest_sh "$name" 'echo "hello from the guest" | tee /dev/tty0 /dev/ttyS0; true' >/dev/null
mkdir -p "$CLIENTS"
stack_ctl desktop screenshot "$name" -o "$CLIENTS/screen.png"
head -c 4 "$CLIENTS/screen.png" | grep -qa PNG || die "that is no picture"
[ -z "${E2E_PICTURES:-}" ] || cp "$CLIENTS/screen.png" "$E2E_PICTURES/"
grep -q "hello from the guest" <<<"$(stack_ctl desktop log "$name")" || die "the log lacks what the guest wrote"
guest_sh "$name" 'setsid /sbin/agetty --noclear ttyS0 115200 linux </dev/null >/dev/null 2>&1 & true' >/dev/null
python3 - "$BUILD/broker/ctl/carrelctl" "$STACK/run/broker.sock" "$name" <<'PY'
import os, pty, select, sys, time
program, sock, name = sys.argv[1:]
pid, fd = pty.fork()
if pid == 0:
    os.execv(program, [program, '--socket', sock, 'desktop', 'console', name])
seen, until = b'', time.monotonic() + 60
asked = 0
while b'ogin:' not in seen.split(b'leaves it')[-1] and time.monotonic() < until:
    if time.monotonic() > asked + 3 and b'leaves it' in seen:
        os.write(fd, b'\r')
        asked = time.monotonic()
    if select.select([fd], [], [], 1)[0]:
        try:
            seen += os.read(fd, 4096)
        except OSError:
            break
os.write(fd, b'\x1d')
until = time.monotonic() + 20
ended = 0
while not ended and time.monotonic() < until:
    if select.select([fd], [], [], 0.2)[0]:
        try:
            os.read(fd, 4096)
        except OSError:
            pass
    ended, status = os.waitpid(pid, os.WNOHANG)
print(seen.decode(errors='replace'))
if not ended:
    os.kill(pid, 9)
    os.waitpid(pid, 0)
sys.exit(b'ogin:' not in seen or not ended or status)
PY
stack_ctl desktop attach "$name" --wait
wait_gone "$hung_id" 120
hung=
api_quietly wait 60 '/v1/events?limit=1000' \
    "[e for e in i if e['kind'] == 'desktop.failed' and e['object'] == '$hung_id' and 'does not answer' in e['text']]"
wait_gone "$id"
set_health

say "a dedicated desktop: a snapshot, a deleted file, and back"
api_quietly wait 300 /v1/pools/own 'd["ready"] >= 1'
api_quietly call POST /v1/logins '{"user": "anna", "password": "'"$PASSWORD"'", "pool": "own", "gateway": "gateway-1", "client": {}}'
own=$(api get '/v1/desktops?pool=own' 'i[0]["name"]')
own_id=$(desktop_id "$own")
guest_sh "$own" 'echo precious >/etc/precious && sync' >/dev/null
refused=$(stack_ctl desktop snapshot create "$own" before --yes 2>&1) && die "a snapshot under a session was not refused"
grep -q "log it off first" <<<"$refused" || die "refused without the reason: $refused"
stack_ctl desktop snapshot create "$own" before --force --yes --wait
grep -q 'before .*ready' <<<"$(stack_ctl desktop snapshot list "$own")" || die "it is not listed: $(stack_ctl desktop snapshot list "$own")"
api_quietly wait 300 "/v1/desktops/$own" 'd["state"] == "ready"'
guest_sh "$own" 'grep precious /etc/precious && rm /etc/precious && sync' >/dev/null
stack_ctl desktop snapshot restore "$own" before --yes --wait
api_quietly wait 300 "/v1/desktops/$own" 'd["state"] == "ready"'
guest_sh "$own" 'cat /etc/precious' | grep -q precious || die "the snapshot did not bring the file back"
is "$(find "$STACK/desktops" -name "$own_id*.qcow2" | wc -l)" 2 "files of its disks: the disk and the snapshot"
stack_ctl desktop snapshot delete "$own" before --yes --wait
files_are() { [ "$(find "$STACK/desktops" -name "$own_id*.qcow2" | wc -l)" = "$1" ]; }
until_true 30 "the file of the snapshot is gone" files_are 1
stack_ctl pool delete own --yes
wait_gone "$own_id"
until_true 30 "its disk is gone" files_are 0
