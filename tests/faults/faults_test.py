#!/usr/bin/env python3
"""carrel-vmpool and everything that can go wrong under it, with real QEMU: see carrel-faults(7) for what is promised.

usage: faults_test.py BUILD [--image FOLDER] [--all] [--cycles N] [--check-table] [WORD...]

  --image FOLDER   of a guest image (vmpool/image/build prints one): its kernel is used
  --all            every case, as long as it takes; else one of each kind of fault, in two labs beside each other
  --cycles N       so many guests are made and recycled
  --check-table    only whether each state of a desktop has its place in the matrix of kills; needs nothing
  WORD             only the cases with this in their name, of all
"""
import argparse
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

# One of each kind of fault, for every run of the tests. Much of it is waiting, so two labs share the machine.
SOME = [[kills.all_kills_at_some_states, mishaps.a_port_that_is_taken_at_the_last_moment_is_passed_over,
         mishaps.a_store_that_is_locked_stops_nothing_for_good, mishaps.many_cycles_leave_nothing],
        [mishaps.a_call_that_never_comes_back_keeps_its_own_desktop_only, mishaps.a_disk_that_is_full_during_a_clone,
         mishaps.a_golden_disk_that_is_gone_or_another,
         mishaps.a_guest_without_rdp_or_agent_fails_at_its_deadline_and_the_pool_stops,
         mishaps.what_a_golden_guest_without_rdp_wrote_is_kept_when_it_fails,
         mishaps.a_clock_that_jumps_ends_nothing_and_delays_nothing]]


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
    return [row[0] for row in rows]


def run(tests, build, image):
    """In a lab of their own, in namespaces of their own."""
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
    with faults_lab.FaultsLab(build, image) as lab:
        kills.LAB = mishaps.LAB = lab
        lab.start_all()
        broker_lab.main(tests)


def apart(*words):
    """The command by which this program runs in namespaces of its own."""
    return ['unshare', '--net', '--mount', sys.executable, *sys.argv, *words]


def run_beside_each_other():
    labs = [subprocess.Popen(apart('--lab', str(i)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            for i in range(len(SOME))]
    try:
        for lab in labs:
            print(lab.communicate()[0], end='', flush=True)
    finally:
        for lab in labs:
            if lab.poll() is None:
                lab.terminate()
                lab.communicate()
    sys.exit(any(lab.returncode for lab in labs))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('build', type=os.path.realpath)
    parser.add_argument('words', nargs='*')
    parser.add_argument('--image')
    parser.add_argument('--all', action='store_true')
    parser.add_argument('--cycles', type=int, default=0)
    parser.add_argument('--check-table', action='store_true')
    parser.add_argument('--lab', type=int, help=argparse.SUPPRESS)  # which of SOME; -1: the words say which, or all
    args = parser.parse_intermixed_args()
    states = check_table(args.build)
    mishaps.ALL, mishaps.CYCLES = args.all, args.cycles
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is ended
    if args.check_table:
        print(f'{len(states)} states, {len(places.PROMISES)} promises')
    elif os.geteuid() != 0 or not args.image:
        print('skipped: a libvirtd of its own needs root, and its guests the kernel of an image')
        sys.exit(77)
    elif args.lab is None and (args.all or args.words):
        os.execvp('unshare', apart('--lab=-1'))
    elif args.lab is None:
        run_beside_each_other()
    elif args.lab < 0:
        every = kills.tests(states) + mishaps.CASES
        run([t for t in every if not args.words or any(w in t.__name__ for w in args.words)], args.build, args.image)
    else:
        run(SOME[args.lab], args.build, args.image)


if __name__ == '__main__':
    main()
