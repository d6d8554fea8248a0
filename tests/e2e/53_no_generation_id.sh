#!/bin/bash
# Instant clones of a guest whose kernel is not told that it was forked: the template has no generation id, as for kernels
# that do not know of it. No two of them draw the same bytes, and what each draws depends on what the host gave it.
. "$REPO/tests/e2e/lib.sh"

tidy() {
    stack_ctl pool delete untold --yes >/dev/null 2>&1 || true
    cp "$REPO/config/domain.xml" "$STACK/etc/domain.xml"
    reload vmpool
    stack_ctl pool set main --spare 2
}
trap tidy EXIT

stack_ctl pool set main --spare 0
sed -i '/<genid>/d' "$STACK/etc/domain.xml"
reload vmpool
stack_ctl pool create untold --image desktop --spare 4 --max 4 --vcpus 2 --memory 768MiB --provision instant --warm on
api_quietly wait 600 /v1/pools/untold "d['ready'] >= 4"
is "$(api get /v1/pools/untold 'd["provision_note"] or ""')" "" "why no instant clones are made"
read -r -a names <<<"$(api get '/v1/desktops?pool=untold&state=ready' '" ".join(x["name"] for x in i)')"
for name in "${names[@]}"; do
    is_fork "$name" || die "$name was not forked"
    # shellcheck disable=SC2016
    guest_sh "$name" 'for driver in acpi platform; do
        for link in /sys/bus/$driver/drivers/vmgenid/*:*; do [ ! -L "$link" ] || exit 1; done
    done' || die "$name has a generation id"
    guest_sh "$name" '! journalctl -k | grep -q "virtual machine fork"' || die "the kernel of $name was told"
    guest_sh "$name" 'head -c 32 /dev/urandom | od -An -v -tx1 | tr -d "\n"; echo; cat /proc/sys/kernel/random/uuid'
done >"$OUT/untold-bytes"
is "$(wc -l <"$OUT/untold-bytes")" 8 "lines of random bytes"
is "$(sort "$OUT/untold-bytes" | uniq -d)" "" "what two clones have both drawn"
stack_ctl pool set untold --spare 0
api_quietly wait 300 /v1/pools/untold 'd["desktops"] == 0'
