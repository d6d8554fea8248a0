# What every end-to-end test uses. A test is a bash script that sources this file; it runs in a stack of its
# runner (tests/e2e/run): users, a pool of real guests, the daemons. Each command that fails ends the test.
#
# Set by the runner: REPO BUILD STACK CLIENTS PORT PASSWORD.
# shellcheck shell=bash disable=SC2034
set -Eeuo pipefail
trap 'echo "FAILED: line $LINENO of $(basename "$0"): $BASH_COMMAND" >&2' ERR

# shellcheck source=config/stack.sh
. "$REPO/config/stack.sh"
# shellcheck source=tests/lib/client.sh
. "$REPO/tests/lib/client.sh"
# shellcheck source=tests/lib/api.sh
. "$REPO/tests/lib/api.sh"

say() { echo "--- $(date +%T) $*"; }
die() {
    echo "FAILED: $*" >&2
    exit 1
}

probe() { "$REPO/tests/lib/rdp_probe.py" "$@"; }
serves() { [ "$(probe certificate "$1")" = "$2" ]; } # PORT FINGERPRINT

# until_true SECONDS WHAT COMMAND...: for the few things that tell nobody when they change.
until_true() {
    local end=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt "$end" ] || die "not in time: $what"
        sleep 0.2
    done
}

is() { [ "$1" = "$2" ] || die "${3:-value} is '$1' and should be '$2'"; }

# --- what is seen --------------------------------------------------------------------------------------
session_of() { api get "/v1/sessions?user=$1" "$2"; }
desktop_of() { api get "/v1/sessions?user=$1" 'i[0]["desktop"]'; }
desktop_id() { api get "/v1/desktops/$1" 'd["id"]'; }
wait_session() { api_quietly wait "$2" "/v1/sessions?user=$1" "$3"; }
wait_active() { wait_session "$1" "${2:-60}" 'len(i) == 1 and i[0]["state"] == "active"'; }
wait_disconnected() { wait_session "$1" "${2:-30}" 'len(i) == 1 and i[0]["state"] == "disconnected"'; }
wait_ready() { api_quietly wait "${2:-300}" /v1/pools/main "d['ready'] >= $1"; }
wait_gone() { api_quietly wait "${2:-120}" /v1/desktops "not any(x['id'] == '$1' for x in i)"; }
last_end() { api get "/v1/sessions?user=$1&ended=1" 'i[0]["end_code"]'; }

# I1 and I2 as far as the API shows them: nobody shares a desktop, nobody has two.
check_invariants() {
    api get '/v1/sessions' 'len([x["desktop"] for x in i if x["desktop"]]) ==
        len({x["desktop"] for x in i if x["desktop"]})' | grep -qx true || die "two sessions share a desktop"
}

# --- inside guests -------------------------------------------------------------------------------------
# guest_sh DESKTOP COMMAND: runs a shell command as root in a guest, prints its output, returns its status. GUEST_URI is
# that of its host, where it is not the stack's own.
guest_uri() { echo "${GUEST_URI:-$("$REPO/config/private-libvirtd" uri "$STACK/libvirt")}"; }
guest_sh() { "$REPO/tests/lib/guest.py" "$(guest_uri)" "$1" "$2"; }

# Not through a pipe: who writes into one that is closed early fails.
is_fork() { grep -q share=off <<<"$(virsh -q -c "$(guest_uri)" dumpxml "$1")"; }

# Whether files of so many golden guests lie there.
golden_guests_are() { [ "$(find "$STACK/golden" -type f -printf '%f\n' | sed 's/\..*//' | sort -u | wc -l)" = "$1" ]; }

guest_pid() { cat "$STACK/libvirt/run/qemu/$1.pid"; }

# --- users at their clients ----------------------------------------------------------------------------
# log_in CLIENT USER [ARGUMENT...]: with xfreerdp3, until the desktop is on the screen and the session active.
log_in() {
    local name=$1 user=$2
    shift 2
    client_freerdp "$name" "$PORT" "$user" "$PASSWORD" "$@"
    client_wait_desktop "$name" 120
    wait_active "$user"
}

# log_off CLIENT: with the button in the guest's panel, until the client was told.
log_off() {
    local try
    for try in 1 2 3; do
        say "clicking on log out ($try)"
        # shellcheck disable=SC2086
        client_click "$1" $CLIENT_LOGOUT
        client_wait_end "$1" 20 && return 0
    done
    die "client $1 was not closed by the log-off"
}

# enter CLIENT USER: as log_in(), until the user is led to the guest: a data disk is there by then.
enter() {
    client_freerdp "$1" "$PORT" "$2" "$PASSWORD"
    wait_active "$2" "${3:-120}"
}

# --- data disks ----------------------------------------------------------------------------------------
# data_disk USER MEMBER
data_disk() { api get "/v1/data-disks?user=$1" "i[0][\"$2\"]"; }
# Until it is gone: a pool whose users have data disks is not deleted.
data_disk_delete() {
    stack_ctl data-disk delete "$1" --yes
    api_quietly wait 60 /v1/data-disks "not any(x['id'] == '$1' for x in i)"
}
wait_data_disk() { api_quietly wait "${3:-60}" "/v1/data-disks?user=$1" "i[0]['state'] == '$2'"; }
# Whether what is mounted at a folder of a guest is that disk, by its serial number.
data_disk_is_at() { # DESKTOP DISK FOLDER
    guest_sh "$1" 'disk=$(sed -n "s|^/dev/\(sd[a-z]\) '"$3"' ext4 .*|\1|p" /proc/mounts)
        [ -n "$disk" ] && grep -qaF '"$2"' "/sys/block/$disk/device/vpd_pg80"' || die "$3 in $1 is not disk $2"
}

open_terminal() {
    # shellcheck disable=SC2086
    client_click "$1" $CLIENT_TERMINAL
    until_true 60 "the terminal's process" guest_sh "$2" 'pgrep -x lxterminal'
    until_true 60 "the terminal's window" client_shows_window "$1"
}

reload() { kill -HUP "$(stack_pid "$1")"; }
