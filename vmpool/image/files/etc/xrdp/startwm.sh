#!/bin/sh
# What the session's programs say is kept where people look for it; without room for it there is a session nevertheless.
if true 2>/dev/null >"$HOME/.xsession-errors"; then
    exec >>"$HOME/.xsession-errors" 2>&1
fi
[ -r /etc/profile ] && . /etc/profile
[ -r "$HOME/.profile" ] && . "$HOME/.profile"
exec /usr/lib/carrel/session
