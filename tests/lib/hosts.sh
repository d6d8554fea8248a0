# Simulated hypervisor hosts: each has a network namespace with an address of its own, a mount namespace in which
# other storage stands where vmpool's is, and a libvirtd. Sourced by end-to-end tests; $REPO, $OUT and $STACK are
# the runner's. host_remove takes all of one host away again.
# shellcheck shell=bash

HOST_NET=10.97

host_dir() { echo "$OUT/host-$1"; }

# host_make NAME NUMBER STORAGE [OPTION...]: at address $HOST_NET.NUMBER.2. STORAGE is "own", or a name: hosts with the
# same one share the disks of their desktops, and have vmpool's images. Options are private-libvirtd's.
host_make() {
    local name=$1 n=$2 storage=$3 dir
    dir=$(host_dir "$name")
    mkdir -p "$dir/libvirt"
    case $storage in
    own) mkdir "$dir"/{images,desktops,golden} ;;
    *)
        mkdir -p "$OUT/storage-$storage"
        ln -s "$STACK/images" "$dir/images"
        ln -s "$OUT/storage-$storage" "$dir/desktops"
        ln -s "$STACK/golden" "$dir/golden"
        ;;
    esac
    printf '%s\n' "${@:4}" >"$dir/options"
    # What libvirt knows of this machine's QEMU takes each a long look of some seconds.
    mkdir -p "$dir/libvirt/cache"
    cp -r "$STACK/libvirt/cache/." "$dir/libvirt/cache/"
    ip netns add "carrel-$name"
    ip link add "veth-$n" type veth peer name eth0 netns "carrel-$name"
    ip address add "$HOST_NET.$n.1/24" dev "veth-$n"
    ip link set "veth-$n" up
    ip -n "carrel-$name" link set lo up
    ip -n "carrel-$name" address add "$HOST_NET.$n.2/24" dev eth0
    ip -n "carrel-$name" link set eth0 up
    host_start "$name"
}

host_start() {
    local dir options=()
    dir=$(host_dir "$1")
    mapfile -t options < <(sed '/^$/d' "$dir/options")
    # shellcheck disable=SC2016
    ip netns exec "carrel-$1" unshare --mount --propagation private /bin/bash -ec '
        mount --bind "$1/images" "$2/images"
        mount --bind "$1/desktops" "$2/desktops"
        mount --bind "$1/golden" "$2/golden"
        shift 2
        exec "$@"
        ' host_start "$dir" "$STACK" "$REPO/config/private-libvirtd" start ${options[@]+"${options[@]}"} "$dir/libvirt"
}

host_uri() { "$REPO/config/private-libvirtd" uri "$(host_dir "$1")/libvirt"; }

# The host's network is cut, and its libvirtd crashes: guests live on and nobody can reach them.
host_cut() {
    ip -n "carrel-$1" link set eth0 down
    "$REPO/config/private-libvirtd" kill "$(host_dir "$1")/libvirt"
}

host_mend() {
    ip -n "carrel-$1" link set eth0 up
    host_start "$1"
}

# The process ids of the guests of its libvirtd.
host_guests() {
    local file
    for file in "$(host_dir "$1")"/libvirt/run/qemu/*.pid; do
        [ -s "$file" ] && [[ $file != */driver.pid ]] && cat "$file" && echo
    done | sed '/^$/d'
}

host_remove() {
    local dir
    dir=$(host_dir "$1")
    [ -d "$dir" ] || return 0
    "$REPO/config/private-libvirtd" stop "$dir/libvirt" || true
    ip netns delete "carrel-$1" 2>/dev/null || true
    rm -rf "$dir"
}
