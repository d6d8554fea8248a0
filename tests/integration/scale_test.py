#!/usr/bin/env python3
"""vmpool with many desktops, judged by counts of work and not by time: how many rows a pass reads and how many desktops
it looks at, when nothing happens, when something happens to one desktop, and after a start. tests/load/scalebench
measures the same for 20,000.

usage: scale_test.py BROKER VMPOOL
"""
import contextlib
import os
import signal
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import broker_lab  # noqa: E402
from scale_lab import ScaleLab  # noqa: E402

LAB = None
WAIT_S = 300
COUNT, HOSTS = 600, 6


def passes_behind(offset, count):
    """The passes behind OFFSET of the log, as soon as there are COUNT of them: sweeps come by themselves."""
    return LAB.wait_until(lambda: len(LAB.passes(offset)) >= count and LAB.passes(offset), WAIT_S, f'{count} passes')


def a_start_adopts_every_desktop_and_reads_each_row_once():
    LAB.start_vmpool()
    assert LAB.states() == {'ready': COUNT}, LAB.states()
    passes = LAB.passes()
    assert passes[0][0] == COUNT, passes
    assert sum(rows for rows, _ in passes) == COUNT, passes
    # Each is looked at when its row came, when its host came, and when it was found: not once for every other.
    assert sum(steps for _, steps in passes) <= 4 * COUNT, passes
    assert 'has no desktop' not in LAB.vmpool_log()


def nothing_is_read_or_looked_at_while_nothing_happens():
    offset = len(LAB.vmpool_log())
    for rows, steps in passes_behind(offset, 4)[1:]:
        assert (rows, steps) == (0, 0), LAB.passes(offset)


def what_happens_to_one_desktop_costs_as_much_as_one_desktop():
    LAB.add_user('ann', 'pool1')
    offset = len(LAB.vmpool_log())
    ticket = LAB.must(LAB.login('ann', pool='pool1'), 200)
    LAB.must(LAB.report(ticket, 'connected'), 200)
    passes_behind(offset, 3)
    rows = sum(rows for rows, _ in LAB.passes(offset))
    steps = sum(steps for _, steps in LAB.passes(offset))
    assert 1 <= rows <= 10 and 1 <= steps <= 10, LAB.passes(offset)
    # She logs off: one desktop is recycled and another made, with everything that belongs to it.
    offset = len(LAB.vmpool_log())
    name = LAB.get(f'/v1/sessions/{ticket["session"]}')['desktop']
    desktop = LAB.get(f'/v1/desktops/{name}')['id']
    LAB.must(LAB.post(f'/v1/sessions/{ticket["session"]}/logoff'), 202)
    LAB.wait_until(lambda: LAB.get(f'/v1/desktops/{desktop}').status == 404, WAIT_S, 'it is removed')
    LAB.wait_until(lambda: sum(LAB.states().values()) == COUNT, WAIT_S, 'another one is made')
    passes_behind(offset, 3)
    rows = sum(rows for rows, _ in LAB.passes(offset))
    assert 1 <= rows <= 60, (desktop, LAB.passes(offset))


def a_change_that_nobody_told_of_is_found_by_the_sweep():
    """As when a wake-up was lost: the rows are written past the store."""
    LAB.must(LAB.patch('/v1/pools/pool2', {'enabled': False}), 200)
    with contextlib.closing(sqlite3.connect(f'{LAB.dir}/store.db', timeout=60)) as db:
        taken = db.execute("SELECT id FROM desktops WHERE pool_id = 'p-0000000000000002'"
                           " AND state = 'ready' LIMIT 1").fetchone()[0]
        db.execute("UPDATE desktops SET state = 'recycling' WHERE id = ?", (taken,))
        db.execute('INSERT INTO desktop_changes (desktop_id) VALUES (?)', (taken,))
        db.commit()

    def is_gone():
        with contextlib.closing(sqlite3.connect(f'file:{LAB.dir}/store.db?mode=ro', uri=True, timeout=60)) as db:
            return not db.execute('SELECT 1 FROM desktops WHERE id = ?', (taken,)).fetchone()
    LAB.wait_until(is_gone, WAIT_S, 'it is removed')


def a_log_that_does_not_reach_back_makes_it_read_everything_once():
    LAB.vmpool.send_signal(signal.SIGSTOP)
    with contextlib.closing(sqlite3.connect(f'{LAB.dir}/store.db', timeout=60)) as db:
        db.execute('DELETE FROM desktop_changes')
        db.execute("INSERT INTO desktop_changes (desktop_id) VALUES ('')")
        db.commit()
        total = db.execute('SELECT COUNT(*) FROM desktops').fetchone()[0]
    offset = len(LAB.vmpool_log())
    LAB.vmpool.send_signal(signal.SIGCONT)
    LAB.wait_until(lambda: any(rows >= total - 2 for rows, _ in LAB.passes(offset)), WAIT_S, 'all rows are read')
    full = [rows for rows, _ in LAB.passes(offset) if rows >= total - 2]
    assert len(full) == 1, LAB.passes(offset)


TESTS = [a_start_adopts_every_desktop_and_reads_each_row_once, nothing_is_read_or_looked_at_while_nothing_happens,
         what_happens_to_one_desktop_costs_as_much_as_one_desktop, a_change_that_nobody_told_of_is_found_by_the_sweep,
         a_log_that_does_not_reach_back_makes_it_read_everything_once]

if __name__ == '__main__':
    with ScaleLab(sys.argv[1], sys.argv[2], COUNT, HOSTS, level='debug') as LAB:
        broker_lab.main(TESTS)
