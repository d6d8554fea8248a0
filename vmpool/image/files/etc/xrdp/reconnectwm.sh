#!/bin/sh
# Run as the user when somebody comes back to the session, or for the first time to one that was open already.
[ -e /run/carrel/stopped ] || exit 0
while read -r pid; do
    kill -CONT "$pid"
done </run/carrel/stopped
