# A whole Carrel under one folder, without systemd: its own libvirtd, the three daemons, everything they keep.
# config/quickstart and the end-to-end tests source this file. All state is in $STACK (the folder), so a stack
# that one shell started can be stopped by another.
#
# Set before: REPO (the source tree), BUILD (where it is built), STACK, STACK_USER (the daemons' account, empty:
# the caller's own). Nothing is ended by name: only process ids that this file wrote down, and only while the
# process behind the id is still the program that was started.
# shellcheck shell=bash

stack_program() {
    case $1 in
    broker) echo "$BUILD/broker/carrel-broker" ;;
    gateway) echo "$BUILD/gateway/carrel-gateway" ;;
    vmpool) echo "$BUILD/vmpool/carrel-vmpool" ;;
    esac
}

# Ports that nobody listens on now. stack_free_ports 3 prints three different ones.
stack_free_ports() {
    python3 - "$1" <<'PY'
import socket, sys
held = [socket.socket() for _ in range(int(sys.argv[1]))]
for s in held:
    s.bind(('127.0.0.1', 0))
print(*(s.getsockname()[1] for s in held))
PY
}

# A range of ports for guests that does not overlap with another stack's on this machine.
stack_port_range() {
    python3 - <<'PY'
import random, socket
for _ in range(200):
    first = random.randrange(20000, 32000, 100)
    held = []
    try:
        for port in range(first, first + 60):
            s = socket.socket()
            held.append(s)
            s.bind(('127.0.0.1', port))
    except OSError:
        continue
    finally:
        for s in held:
            s.close()
    print('%d-%d' % (first, first + 59))
    break
PY
}

stack_ctl() { "$BUILD/broker/ctl/carrelctl" --socket "$STACK/run/broker.sock" "$@"; }

# stack_configure LISTEN [LINE...]: writes the configuration; each LINE "section.key = value" overrides.
stack_configure() {
    local listen=$1
    shift
    mkdir -p "$STACK"/{etc,run,log,store,images,desktops,golden,data,gateway}
    cp "$REPO/config/domain.xml" "$STACK/etc/domain.xml"
    python3 - "$STACK" "$listen" "$(stack_port_range)" "$(id -un)" "${STACK_USER:-$(id -un)}" "$@" \
        >"$STACK/etc/carrel.conf" <<'PY'
import sys

stack, listen, ports, admin, user = sys.argv[1:6]
values = {
    'store.path': stack + '/store/carrel.db',
    'store.key_file': stack + '/store/store.key',
    'broker.socket': stack + '/run/broker.sock',
    'broker.admins': admin,
    'broker.gateways': user,
    'gateway.name': 'gateway-1',
    'gateway.listen': listen,
    'gateway.broker_socket': stack + '/run/broker.sock',
    'gateway.state_dir': stack + '/gateway',
    'vmpool.name': 'vmpool-1',
    'vmpool.image_dir': stack + '/images',
    'vmpool.desktop_dir': stack + '/desktops',
    'vmpool.golden_dir': stack + '/golden',
    'vmpool.data_dir': stack + '/data',
    'vmpool.template': stack + '/etc/domain.xml',
    'vmpool.port_range': ports,
}
for line in sys.argv[6:]:
    key, _, value = line.partition('=')
    values[key.strip()] = value.strip()
sections = {}
for key, value in values.items():
    section, _, name = key.partition('.')
    sections.setdefault(section, []).append('%s = %s' % (name, value))
for section, lines in sections.items():
    print('[%s]\n%s\n' % (section, '\n'.join(lines)))
PY
    if [ -n "${STACK_USER:-}" ]; then
        chmod 755 "$STACK"
        chown "$STACK_USER:" "$STACK"/{run,log,store,images,desktops,golden,data,gateway}
    fi
}

# By the program's path, since the file may have been built anew while it runs.
stack_pid() {
    local pid program
    pid=$(cat "$STACK/run/$1.pid" 2>/dev/null) || return 1
    program=$(readlink "/proc/$pid/exe") || return 1
    [ "${program% (deleted)}" = "$(readlink -f "$(stack_program "$1")")" ] || return 1
    echo "$pid"
}

# stack_start NAME: starts one daemon and returns when it is ready.
stack_start() {
    stack_pid "$1" >/dev/null && return 0
    "$REPO/config/start-daemon" ${STACK_USER:+--user "$STACK_USER"} --deadline "${STACK_DEADLINE:-60}" \
        --pid "$STACK/run/$1.pid" --log "$STACK/log/$1.log" -- "$(stack_program "$1")" \
        --config "$STACK/etc/carrel.conf"
}

stack_wait_end() { timeout "$2" tail --pid="$1" -s 0.1 -f /dev/null; }

# stack_stop NAME: asks it to end, insists after 20 s (and says so: that is a fault of the daemon).
stack_stop() {
    local pid
    pid=$(stack_pid "$1") || return 0
    kill -TERM "$pid" 2>/dev/null || true
    if ! stack_wait_end "$pid" 20; then
        echo "carrel-$1 (process $pid) did not end within 20 s of SIGTERM and was killed" >&2
        kill -KILL "$pid" 2>/dev/null || true
        stack_wait_end "$pid" 10 || true
    fi
    rm -f "$STACK/run/$1.pid"
}

# stack_kill NAME: as a crash would.
stack_kill() {
    local pid
    pid=$(stack_pid "$1") || { echo "carrel-$1 does not run" >&2; return 1; }
    kill -KILL "$pid"
    stack_wait_end "$pid" 10
}

stack_start_libvirtd() {
    local group=()
    [ -z "${STACK_USER:-}" ] || group=(--group "$(id -gn "$STACK_USER")")
    "$REPO/config/private-libvirtd" start "${group[@]}" "$STACK/libvirt"
}

stack_virsh() { virsh -q -c "$("$REPO/config/private-libvirtd" uri "$STACK/libvirt")" "$@"; }

# Everything that this stack started, in an order in which nothing is brought up again behind our back.
stack_stop_all() {
    local name
    for name in gateway vmpool broker; do
        stack_stop "$name"
    done
    "$REPO/config/private-libvirtd" stop "$STACK/libvirt"
}
