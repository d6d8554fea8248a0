#!/bin/bash
# A message on a real guest's picture, and an administrator's log-off: the guest itself logs its user off, by the same
# way as for a log-off by the person; a floating desktop is recycled then, a dedicated one runs on. And a dedicated one
# whose user is away is suspended, and goes on where it was at the next log-in.
. "$REPO/tests/e2e/lib.sh"

# The wallpaper is dark or coloured where a banner is white.
shows_banner() {
    client_picture "$1" banner &&
        awk -v m="$(convert "$CLIENTS/$1/banner.png" -crop 580x6+350+21 +repage -colorspace Gray -format '%[fx:mean]' info:)" \
            'BEGIN { exit !(m > 0.97) }'
}
shows_no_banner() {
    client_picture "$1" after &&
        awk -v d="$(client_difference "$CLIENTS/$1/after.png" 600x80+340+16)" 'BEGIN { exit !(d < 0.04) }'
}

message() {
    local client=$1 session
    session=$(session_of "$2" 'i[0]["id"]')
    say "a message to $2"
    stack_ctl session message "$session" "The desktops are switched off at 18:00. Please save your work." --for 10min
    until_true 60 "the banner is on the screen" shows_banner "$client"
    client_click "$client" 640 40
    until_true 60 "the banner is gone" shows_no_banner "$client"
    api get '/v1/events?limit=1000' "[e for e in i if e['kind'] == 'session.message' and e['session'] == '$session'][0]['text']" |
        grep -q 'was shown the message' || die "no event tells that the message was shown"
}

log_off_by_order() {
    local client=$1 user=$2
    session=$(session_of "$user" 'i[0]["id"]')
    desktop=$(desktop_of "$user")
    guest_sh "$desktop" 'cat /run/carrel/session' | grep -qx 'open desktop' || die "the hook did not tell of the log-in"
    say "the administrator logs $user off"
    stack_ctl session logoff "$session" --yes
    client_wait_end "$client" 60 >/dev/null || die "the client was not closed"
    api_quietly wait 60 "/v1/sessions/$session" 'd["state"] == "ended"'
    is "$(api get "/v1/sessions/$session" 'd["end_code"]')" admin-logoff "why the session ended"
    # By what the guest did, and not because the broker lost its patience.
    grep -q "desktop $desktop: the guest says that desktop closed the session" "$STACK/log/vmpool.log" ||
        die "the guest's hook did not tell of the log-off"
    api get "/v1/sessions/$session" 'd["end_detail"]' | grep -q 'logged off' ||
        die "the session did not end by the guest: $(api get "/v1/sessions/$session" 'd["end_detail"]')"
}

log_in anna anna
message anna anna
id=$(desktop_id "$(desktop_of anna)")
log_off_by_order anna anna
wait_gone "$id"
wait_ready 2

say "a pool whose desktops are kept"
stack_ctl pool create own --image desktop --kind dedicated --spare 1 --max 1 --vcpus 2 --memory 768MiB
stack_ctl entitlement add own --user carla
api_quietly wait 400 /v1/pools/own 'd["ready"] >= 1'
log_in carla carla
desktop=$(desktop_of carla)
pid=$(guest_pid "$desktop")
log_off_by_order carla carla
is "$(guest_pid "$desktop")" "$pid" "the guest's process"
kill -0 "$pid" || die "the guest does not run any more"
until_true 60 "nobody is logged in" guest_sh "$desktop" '! pgrep -u desktop openbox'
is "$(api get "/v1/desktops/$desktop" 'd["state"]')" ready "the desktop's state"
log_in carla carla
is "$(desktop_of carla)" "$desktop" "the desktop of the next log-in"

say "she goes away, and her desktop is suspended with what is open on it"
open_terminal carla "$desktop"
terminal=$(guest_sh "$desktop" 'pgrep -x lxterminal')
stack_ctl pool power own --idle suspend --idle-after 10s
client_stop carla KILL
api_quietly wait 120 "/v1/desktops/$desktop" 'd["state"] == "stopped" and d["rest"] == "suspended"'
! kill -0 "$pid" 2>/dev/null || die "its guest still runs"
suspended=$(date +%s)
say "she comes back"
stack_ctl pool power own --idle keep
log_in carla carla
is "$(desktop_of carla)" "$desktop" "the desktop of the log-in that wakes it"
is "$(guest_sh "$desktop" 'pgrep -x lxterminal')" "$terminal" "the terminal's process"
until_true 30 "the window is still there" client_shows_window carla
off=$(($(guest_sh "$desktop" 'date +%s') - $(date +%s)))
[ "${off#-}" -le 5 ] || die "the guest's clock is off by $off s, $(($(date +%s) - suspended)) s after it was suspended"
grep -q "desktop $desktop: its clock was set" "$STACK/log/vmpool.log" || die "nobody set its clock"
! ls "$STACK/desktops/$(desktop_id "$desktop")"-*.save 2>/dev/null || die "the file of its memory was left behind"
log_off carla
wait_session carla 60 'not i'
stack_ctl pool delete own --yes
api_quietly wait 120 /v1/pools 'not any(x["name"] == "own" for x in i)'
