#!/usr/bin/env python3
"""A real session is recorded and played again: xfreerdp3, xrdp, "carrel-load record" and "carrel-load stream".

usage: record_desktop_test.py RECORD_DESKTOP BUILD

Needs root (xrdp is given private files); exits with 77 (skipped) without it, or where a program is missing.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
import xrdp_guest  # noqa: E402

RECORD_DESKTOP, BUILD = sys.argv[1:3]
NEEDED = (*xrdp_guest.NEEDED, 'xfreerdp3', 'Xvfb', 'xdotool', 'import')
SKIPPED, PATIENCE_S = 77, 400


def main():
    missing = [program for program in NEEDED if not shutil.which(program)]
    if os.getuid() != 0 or missing:
        print('skipped:', 'it needs root' if os.getuid() else f'{missing} are not installed')
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix='carrel-record-test-') as folder:
        recording, figures = os.path.join(folder, 'session.rec'), os.path.join(folder, 'run.json')
        subprocess.run([RECORD_DESKTOP, '--build', BUILD, '--seconds', '2', '--size', '96x64', '--rate', '5', recording],
                       check=True, timeout=PATIENCE_S)
        subprocess.run([os.path.join(BUILD, 'tests/load/carrel-load'), 'stream', '-n', '2', '--speed', '5', '--json', figures,
                        '--traffic', 'recording:' + recording, '-R', 'stream.missing=0', '-R', 'input.missing=0', '-R',
                        'sessions.lost=0', '-R', 'guest.broken=0'], check=True, timeout=PATIENCE_S)
        with open(figures, encoding='utf-8') as file:
            metrics = json.load(file)['metrics']
        assert metrics['stream.pdus'] > 20 and metrics['input.pdus'] > 20, metrics
    print('a real session was recorded and played again')
    return 0


sys.exit(main())
