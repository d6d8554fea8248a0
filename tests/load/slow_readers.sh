#!/bin/bash
# A hundred clients that take 100 kB a second from guests that send as fast as they can: every byte must arrive, and
# what a slow reader does not take must stay with its guest, not in the gateway's memory.
#
# usage: tests/load/slow_readers.sh
. "$(dirname "$0")/lib.sh"

stand_start 100
load slow -n 100 -d 20 --read-rate 100000 -R sessions.lost=0 -R stream.missing=0 -R 'gateway.memory_after<64MiB'
