#!/usr/bin/env python3
"""carrel-vmpool and everything that can go wrong under it, with real QEMU: see carrel-faults(7) for what is promised.

usage: faults_test.py BUILD [--image FOLDER] [--all] [--check-table] [WORD...]

  --image FOLDER   of a guest image (vmpool/image/build prints one): its kernel is used
  --all            also what takes many minutes
  --check-table    only whether each state of a desktop has its place in the matrix of kills; needs nothing
  WORD             only the cases with this in their name
"""
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import lab as faults_lab  # noqa: E402
import kills  # noqa: E402
import mishaps  # noqa: E402
import places  # noqa: E402
import broker_lab  # noqa: E402


def check_table(build):
    """The table of states decides what the matrix has to cover: a state or a kill without a promise is a failure."""
    table = subprocess.run([f'{build}/tests/faults/fault_states'], check=True, capture_output=True, text=True).stdout
    rows = [line.split() for line in table.splitlines()]
    states = {row[0] for row in rows}
    assert set(places.PLACES) == states, f'states without a place in tests/faults/places.py: {states ^ set(places.PLACES)}'
    wanted = {(state, kill) for state in states for kill in kills.KILLS}
    assert set(places.PROMISES) == wanted, f'no promise for, or no such: {wanted ^ set(places.PROMISES)}'
    for name, lent, *following in rows:
        assert 'recycling' in following or name == 'recycling', f'{name} has no way out'
        assert lent == 'free' or name in ('claimed', 'in_use', 'disconnected'), f'{name} is lent: who tells its user?'
    print(f'{len(states)} states, {len(wanted)} promises')
    return [row[0] for row in rows]


def main():
    words = sys.argv[1:]
    image = None
    if '--image' in words:
        at = words.index('--image')
        image = words[at + 1]
        del words[at:at + 2]
    flags = {w for w in words if w.startswith('--')}
    build, *wanted = [w for w in words if not w.startswith('--')]
    build = os.path.realpath(build)
    states = check_table(build)
    if '--check-table' in flags:
        return
    if os.geteuid() != 0 or not image:
        print('skipped: a libvirtd of its own needs root, and its guests the kernel of an image')
        sys.exit(77)
    if os.environ.get('CARREL_IN_NAMESPACE') != 'yes':
        os.environ['CARREL_IN_NAMESPACE'] = 'yes'
        os.execvp('unshare', ['unshare', '--net', '--mount', sys.executable, *sys.argv])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is ended
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
    mishaps.LONG = '--all' in flags
    tests = [t for t in kills.tests(states) + mishaps.CASES if not wanted or any(w in t.__name__ for w in wanted)]
    with faults_lab.FaultsLab(build, image) as lab:
        kills.LAB = mishaps.LAB = lab
        lab.start_all()
        broker_lab.main(tests)


if __name__ == '__main__':
    main()
