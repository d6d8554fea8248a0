"""kill -9 of QEMU, libvirtd and vmpool at every state of a desktop. All states stand at once, so that a kill meets them
all, and what is promised for each (places.PROMISES) is asked for each by itself.
"""
import contextlib
import os
import signal

import places

LAB = None


def kill_qemu(hall):
    for place in hall.places:
        if place.pid:
            os.kill(place.pid, signal.SIGKILL)


def kill_libvirtd(hall):
    LAB.crash_libvirtd()


def kill_vmpool(hall):
    """The next one looks through the host, where a guest may hang, without a wait for it."""
    LAB.kill_vmpool()
    said = len(LAB.vmpool_log())
    LAB.start_vmpool()
    LAB.wait_until(lambda: 'host here: looked through' in LAB.vmpool_log()[said:], LAB.WAIT_S, 'the host is looked through')
    LAB.wait_host('up')
    assert 'has not come back' not in LAB.vmpool_log()[said:], 'a guest that hangs held up its host'


KILLS = {'qemu': kill_qemu, 'libvirtd': kill_libvirtd, 'vmpool': kill_vmpool}


def walk(kills, states):
    """One after another in the same hall. What is promised in the end is what the last one does."""
    with places.Hall(LAB, states) as hall:
        faults = []
        for kill in kills:
            KILLS[kill](hall)
            for place in hall.places:
                with noting(faults, place, kill):
                    places.PROMISES[place.state, kill].now(place)
        hall.let_go()
        for place in hall.places:
            with noting(faults, place, kill):
                places.PROMISES[place.state, kill].then(place)
        assert not faults, '\n'.join(faults)


@contextlib.contextmanager
def noting(faults, place, kill):
    try:
        yield
    except AssertionError as error:
        faults.append(f'kill of {kill} while {place.state}: {error}')


def all_kills_at_some_states():
    """Those in which a desktop stays when libvirtd or vmpool is killed, so that QEMU is the last to be."""
    walk(['vmpool', 'libvirtd', 'qemu'], ['booting', 'in_use', 'recycling', 'stopped/suspended'])


def tests(states):
    """Each kill by itself at every state, and all of them in turn at some."""
    def make(kill):
        def test():
            walk([kill], states)
        test.__name__ = f'kill_of_{kill}_at_every_state'
        return test
    return [make(kill) for kill in KILLS] + [all_kills_at_some_states]
