# Real RDP clients on headless screens, for quickstart --check and the end-to-end tests.
#
# Each client has a name, an X server of its own and a folder $CLIENTS/NAME with its log and pictures. Set
# before: REPO, CLIENTS. Screens are 1300x900, the clients' windows 1280x800 at the top left corner.
# shellcheck shell=bash disable=SC2034

CLIENT_SIZE=1280x800

# Where the guest's panel has its buttons in a window of that size.
CLIENT_TERMINAL="55 780"
CLIENT_LOGOUT="1255 780"

client_display() { cat "$CLIENTS/$1/display"; }

client_alive() { [ -n "$(cat "$CLIENTS/$1/$2.pid" 2>/dev/null)" ] && kill -0 "$(cat "$CLIENTS/$1/$2.pid")" 2>/dev/null; }

# client_screen NAME: starts the X server; returns when it takes connections (it writes its number then).
client_screen() {
    local dir=$CLIENTS/$1
    mkdir -p "$dir"
    client_alive "$1" xvfb && return 0
    rm -f "$dir/pipe"
    mkfifo "$dir/pipe"
    Xvfb -displayfd 3 -screen 0 1300x900x24 -nolisten tcp -noreset 3<>"$dir/pipe" >"$dir/xvfb.log" 2>&1 </dev/null &
    echo $! >"$dir/xvfb.pid"
    local number
    if ! read -r -t 30 number <>"$dir/pipe"; then
        echo "the X server of client $1 did not start:" >&2
        cat "$dir/xvfb.log" >&2
        return 1
    fi
    echo ":$number" >"$dir/display"
    rm -f "$dir/pipe"
}

# client_freerdp NAME PORT USER PASSWORD [ARGUMENT...]: connects in the background. The password goes through
# a pipe, so it is in no list of processes.
client_freerdp() {
    local name=$1 port=$2 user=$3 password=$4
    shift 4
    client_screen "$name" || return 1
    local dir=$CLIENTS/$name
    mkdir -p "$dir/home"
    date +%s.%N >"$dir/started"
    : >"$dir/client.log"
    rm -f "$dir/status"
    (
        trap - ERR EXIT
        set +e
        printf '%s\n' "/v:127.0.0.1:$port" "/u:$user" "/p:$password" /cert:ignore \
            "/size:$CLIENT_SIZE" /log-level:INFO "$@" |
            HOME=$dir/home DISPLAY=$(client_display "$name") xfreerdp3 /args-from:stdin >"$dir/client.log" 2>&1 &
        pid=$!
        echo "$pid" >"$dir/client.pid"
        wait "$pid"
        echo $? >"$dir/status.new"
        mv "$dir/status.new" "$dir/status"
    ) &
    client_await_file "$dir/client.pid"
}

# client_rdesktop NAME PORT USER PASSWORD [ARGUMENT...]
client_rdesktop() {
    local name=$1 port=$2 user=$3 password=$4
    shift 4
    client_screen "$name" || return 1
    local dir=$CLIENTS/$name
    mkdir -p "$dir/home/.local/share/rdesktop/certs"
    date +%s.%N >"$dir/started"
    rm -f "$dir/status"
    (
        trap - ERR EXIT
        set +e
        # "-p -" reads the password from the standard input; "yes" answers the question about the certificate.
        printf '%s\nyes\n' "$password" |
            HOME=$dir/home DISPLAY=$(client_display "$name") rdesktop -u "$user" -p - -g "$CLIENT_SIZE" -a 24 "$@" \
                "127.0.0.1:$port" >"$dir/client.log" 2>&1 &
        pid=$!
        echo "$pid" >"$dir/client.pid"
        wait "$pid"
        echo $? >"$dir/status.new"
        mv "$dir/status.new" "$dir/status"
    ) &
    client_await_file "$dir/client.pid"
}

client_await_file() {
    local end=$((SECONDS + 10))
    until [ -s "$1" ]; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.05
    done
}

# client_wait_end NAME SECONDS: until the client has ended by itself; prints its exit status.
client_wait_end() {
    timeout "$2" tail --pid="$(cat "$CLIENTS/$1/client.pid")" -s 0.1 -f /dev/null || return 1
    client_await_file "$CLIENTS/$1/status" && cat "$CLIENTS/$1/status"
}

client_picture() { DISPLAY=$(client_display "$1") import -window root "$CLIENTS/$1/${2:-picture}.png"; }

# What the desktop looks like at that size, drawn by the same program that drew it for the guest.
client_expected() {
    local file=$CLIENTS/expected.png
    if [ ! -s "$file" ]; then
        mkdir -p "$CLIENTS"
        python3 "$REPO/vmpool/image/wallpaper.py" >"$CLIENTS/wallpaper.png"
        convert "$CLIENTS/wallpaper.png" -resize "$CLIENT_SIZE!" "$file.new.png"
        mv "$file.new.png" "$file"
    fi
    echo "$file"
}

# How much a part of a picture differs from the empty desktop: 0 is the same, 1 is black against white.
client_difference() {
    compare -metric RMSE -extract "$2" "$1" "$(client_expected)" null: 2>&1 | sed -n 's/.*(\([0-9.e-]*\)).*/\1/p'
}

# client_shows_window NAME: a window stands in the middle, where the window manager puts the first one.
client_shows_window() {
    client_picture "$1" &&
        awk -v d="$(client_difference "$CLIENTS/$1/picture.png" 300x200+500+300)" 'BEGIN { exit !(d > 0.2) }'
}

# client_shows_desktop NAME [PICTURE]: true when the last picture shows the guest's wallpaper (its right half,
# where no window opens by itself) and below it the panel, which is dark. Off by 4 % at most: colour depths.
client_shows_desktop() {
    local picture=$CLIENTS/$1/${2:-picture}.png difference panel
    [ -s "$picture" ] || return 1
    difference=$(client_difference "$picture" 300x500+980+0)
    panel=$(convert "$picture" -crop 400x20+500+770 +repage -colorspace Gray -format '%[fx:mean]' info:)
    awk -v d="${difference:-1}" -v p="${panel:-1}" 'BEGIN { exit !(d < 0.04 && p > 0.02 && p < 0.25) }'
}

# client_wait_desktop NAME SECONDS: until the picture is the guest's desktop. A screen tells nobody when it has
# changed, so this looks twice a second.
client_wait_desktop() {
    local end=$((SECONDS + $2))
    while [ $SECONDS -lt $end ]; do
        client_picture "$1" && client_shows_desktop "$1" && return 0
        if ! client_alive "$1" client; then
            echo "client $1 ended while its desktop was awaited; the end of its log:" >&2
            tail -n 5 "$CLIENTS/$1/client.log" >&2
            return 1
        fi
        sleep 0.5
    done
    echo "client $1 does not show the desktop after $2 s; see $CLIENTS/$1/picture.png" >&2
    return 1
}

# client_click NAME X Y
client_click() { DISPLAY=$(client_display "$1") xdotool mousemove "$2" "$3" sleep 0.3 click 1; }

# client_type NAME TEXT: types TEXT and Return.
client_type() { DISPLAY=$(client_display "$1") xdotool type --delay 60 "$2" && DISPLAY=$(client_display "$1") xdotool key Return; }

# client_stop NAME: closes the client's connection as a user does who closes its window, or a crash with KILL.
client_stop() {
    local pid
    client_alive "$1" client || return 0
    pid=$(cat "$CLIENTS/$1/client.pid")
    kill -"${2:-TERM}" "$pid" 2>/dev/null || true
    timeout 15 tail --pid="$pid" -s 0.1 -f /dev/null || kill -KILL "$pid" 2>/dev/null || true
}

# client_finish: ends all clients and screens.
client_finish() {
    local dir
    for dir in "$CLIENTS"/*/; do
        [ -d "$dir" ] || continue
        dir=$(basename "$dir")
        client_stop "$dir"
        client_alive "$dir" xvfb && kill "$(cat "$CLIENTS/$dir/xvfb.pid")" 2>/dev/null
        rm -f "$CLIENTS/$dir/xvfb.pid" "$CLIENTS/$dir/client.pid"
    done
    return 0
}
