#!/usr/bin/python3
"""Runs a shell command in a guest through the QEMU agent: guest.py LIBVIRT-URI GUEST COMMAND

Its output is printed, its exit status is this program's. What it starts in the background must close its output.
"""
import base64
import json
import subprocess
import sys
import time


def agent(uri, guest, command, **arguments):
    question = {'execute': command, 'arguments': arguments}
    answer = subprocess.run(['virsh', '-q', '-c', uri, 'qemu-agent-command', guest, json.dumps(question)],
                            capture_output=True, text=True, timeout=60, check=False)
    if answer.returncode != 0:
        sys.exit('%s: %s' % (guest, answer.stderr.strip()))
    return json.loads(answer.stdout)['return']


def main():
    uri, guest, command = sys.argv[1:4]
    pid = agent(uri, guest, 'guest-exec', path='/bin/sh', arg=['-c', command], **{'capture-output': True})['pid']
    end = time.monotonic() + 60
    while time.monotonic() < end:
        state = agent(uri, guest, 'guest-exec-status', pid=pid)
        if state['exited']:
            sys.stdout.write(base64.b64decode(state.get('out-data', '')).decode(errors='replace'))
            sys.stderr.write(base64.b64decode(state.get('err-data', '')).decode(errors='replace'))
            return state.get('exitcode', 1)
        time.sleep(0.1)  # the agent tells nobody when a command has ended
    sys.exit('%s: %s did not end within 60 s' % (guest, command))


sys.exit(main())
