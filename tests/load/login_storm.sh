#!/bin/bash
# Everybody logs in at once: 500 people as fast as it goes, then 2,000 log-ins at a steady 50 a second.
#
# usage: tests/load/login_storm.sh
. "$(dirname "$0")/lib.sh"

stand_start 500
load login -n 500 -c 500 --timeout 60 -R sessions.failed=0 -R guest.broken=0
load login -n 2000 -r 50 -c 200 -R sessions.failed=0 -R 'login.p99<500ms'
