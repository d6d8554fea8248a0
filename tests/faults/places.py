"""Every state of a desktop as a place in which a fault can meet it: how a desktop is brought there and held, and how
it is let go again. One class a state of common/desktop_state.c; faults_test.py refuses to start without one for each.
"""
import contextlib
import os
import signal
import time

import broker_lab  # noqa: F401  (its folder is on the path)


class Place:
    """A pool of its own with one desktop, which stays in STATE until let_go()."""
    state = None
    image = 'quick'
    kind = 'floating'
    has_guest = True  # QEMU runs, or is being started

    def __init__(self, lab):
        self.lab = lab
        self.pool = self.state.replace('_', '-').replace('/', '-')
        self.ticket = None
        self.desktop = self.pid = None

    def begin(self):
        """What can go on beside the other places' beginnings."""
        self.lab.make_pool(self.pool, image=self.image, kind=self.kind)

    def arrive(self):
        """Waits for the rest."""
        self.lab.wait_state(self.pool, 'ready')

    def note(self):
        """Looks at the desktop as it stands before the fault."""
        self.desktop = self.lab.wait_state(self.pool, self.state)
        self.pid = self.lab.qemu_of(self.desktop)
        assert bool(self.pid) == self.has_guest, f'{self.pool}: QEMU is {self.pid}'

    def let_go(self):
        """What held it holds no longer; its user logs off."""
        if self.ticket:
            self.lab.post(f'/v1/sessions/{self.ticket["session"]}/logoff')

    def log_in(self):
        user = f'user-{self.pool}'
        if self.lab.get(f'/v1/users/{user}').status == 404:
            self.lab.add_user(user, self.pool)
        else:
            self.lab.must(self.lab.post('/v1/entitlements', {'user': user, 'pool': self.pool}), 201)
        answer = self.lab.login(user, pool=self.pool)
        assert answer.status in (200, 202), answer
        self.ticket = answer.body

    def finish(self):
        self.lab.delete_pool(self.pool)


class Cloning(Place):
    state = 'cloning'

    def begin(self):
        pass

    def arrive(self):
        """After all others, because libvirt waits for half a minute only until QEMU speaks with it."""
        self.lab.hold(self.pool)
        super().begin()
        self.lab.wait_state(self.pool, 'cloning')
        self.lab.wait_until(lambda: self.lab.qemu_of(self.lab.desktops(self.pool)[0]), 60, 'its QEMU is being started')

    def let_go(self):
        self.lab.let_start(self.pool)


class Booting(Place):
    state = 'booting'
    image = 'silent'

    def arrive(self):
        desktop = self.lab.wait_state(self.pool, 'booting')
        self.lab.must_tell(desktop, 'rdp off')  # it is off; what is waited for is that the guest runs


class Ready(Place):
    state = 'ready'


class Claimed(Place):
    state = 'claimed'

    def arrive(self):
        super().arrive()
        self.log_in()


class InUse(Claimed):
    state = 'in_use'

    def arrive(self):
        super().arrive()
        self.lab.must(self.lab.report(self.ticket, 'connected'), 200)
        self.lab.must_tell(self.lab.desktops(self.pool)[0], 'users 1')


class Disconnected(InUse):
    state = 'disconnected'

    def arrive(self):
        super().arrive()
        self.lab.must(self.lab.report(self.ticket, 'closed', code='client-closed', detail='window closed'), 200)


class Recycling(InUse):
    """Held by a long pause between log-off and removal, which faults_test.py has set."""
    state = 'recycling'

    def arrive(self):
        super().arrive()
        self.lab.must(self.lab.post(f'/v1/sessions/{self.ticket["session"]}/logoff'), 202)

    def let_go(self):
        pass


class Stopped(Place):
    """A dedicated desktop whose user shut it down while its pool was closed."""
    state = 'stopped'
    kind = 'dedicated'
    has_guest = False

    def arrive(self):
        super().arrive()
        self.log_in()
        self.lab.must(self.lab.report(self.ticket, 'connected'), 200)
        self.lab.must(self.lab.patch(f'/v1/pools/{self.pool}', {'enabled': False}), 200)
        self.lab.must_tell(self.lab.desktops(self.pool)[0], 'poweroff')
        self.lab.wait_state(self.pool, 'stopped')
        self.ticket = None

    def let_go(self):
        self.lab.must(self.lab.patch(f'/v1/pools/{self.pool}', {'enabled': True}), 200)


class Resting(Place):
    """A dedicated desktop whose user has logged off, on its way to rest."""
    kind = 'dedicated'
    rest = None

    def arrive(self):
        super().arrive()
        self.log_in()
        self.lab.must(self.lab.report(self.ticket, 'connected'), 200)
        self.lab.must(self.lab.post(f'/v1/sessions/{self.ticket["session"]}/logoff'), 202)
        self.ticket = None
        self.lab.wait_state(self.pool, 'ready')
        self.hold()
        self.lab.rest(self.pool, self.rest)

    def hold(self):
        pass

    def let_go(self):
        """It is wanted again."""
        self.lab.rest(self.pool, 'keep')


class Stopping(Resting):
    """The guest has no ear for the button: it is ended after two minutes, or obeys its user."""
    state = 'stopped/stopping'
    rest = 'stop'

    def let_go(self):
        super().let_go()
        if self.lab.qemu_of(self.desktop) == self.pid:
            self.lab.tell_guest(self.desktop, 'poweroff')


class Suspending(Resting):
    """QEMU is stopped, so that its memory is not written."""
    state = 'stopped/suspending'
    rest = 'suspend'

    def hold(self):
        os.kill(self.lab.qemu_of(self.lab.desktops(self.pool)[0]), signal.SIGSTOP)

    def let_go(self):
        super().let_go()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGCONT)


class Suspended(Resting):
    state = 'stopped/suspended'
    rest = 'suspend'
    has_guest = False


class Failed(Place):
    """Three starts failed, and the pool waits for an administrator."""
    state = 'failed'
    has_guest = False

    def begin(self):
        self.lab.refuse(self.pool)
        super().begin()

    def arrive(self):
        self.lab.wait_until(lambda: self.lab.get(f'/v1/pools/{self.pool}')['stopped'], 120, 'the pool has stopped')
        self.lab.wait_state(self.pool, 'failed')

    def let_go(self):
        self.lab.permit(self.pool)
        self.lab.must(self.lab.post(f'/v1/pools/{self.pool}/retry'), 200)


class Maintenance(Place):
    state = 'maintenance'

    def begin(self):
        super().begin()
        self.order = None

    def arrive(self):
        super().arrive()
        desktop = self.lab.desktops(self.pool)[0]
        order = self.lab.must(self.lab.post(f'/v1/desktops/{desktop["id"]}/maintenance'), 202)['order']
        self.lab.wait_until(lambda: self.lab.get(f'/v1/orders/{order}')['state'] != 'open', 60, 'the order is done')

    def let_go(self):
        self.lab.must(self.lab.post(f'/v1/desktops/{self.desktop["id"]}/release'), 202)


PLACES = {c.state: c for c in (Cloning, Booting, Ready, Claimed, InUse, Disconnected, Recycling, Stopped, Failed,
                               Maintenance, Stopping, Suspending, Suspended)}


# --- promises -------------------------------------------------------------------------------------------------
# What becomes of a desktop. Each is asked twice: at once, while what held the desktop still holds it (now), and when it
# was let go (then). An end that is reached by waiting is waited for.

class Stays:
    """Same desktop, same state, same QEMU; afterwards it goes its way as if nothing had happened."""

    def __init__(self, then):
        self.then_word = then

    def now(self, p):
        d = p.lab.wait_state(p.pool, p.state)
        assert d['id'] == p.desktop['id'], f'{p.pool}: {d["id"]} stands where {p.desktop["id"]} was'
        assert p.lab.qemu_of(d) == p.pid, f'{p.pool}: its QEMU is {p.lab.qemu_of(d)} and was {p.pid}'
        if p.ticket and p.state != 'recycling':
            session = p.lab.get(f'/v1/sessions/{p.ticket["session"]}')
            assert session['state'] != 'ended', f'{p.pool}: {session}'

    def then(self, p):
        settle(p, self.then_word)


class WakesUp(Stays):
    """... with all that was open on it."""

    def then(self, p):
        super().then(p)
        words = f'desktop {p.desktop["name"]}: goes on with the memory that was written'
        assert words in p.lab.vmpool_log(), f'{p.pool}: it was started anew'


class Lost:
    """The guest is gone: a session on it ends with CODE, and another desktop takes its place."""

    def __init__(self, code=None, now='other'):
        self.code, self.now_word = code, now

    def now(self, p):
        if p.ticket and self.code:
            p.lab.wait_session_end(p.ticket, self.code)

    def then(self, p):
        settle(p, self.now_word)


class KeptOff(Lost):
    """The guest is gone, and nothing is done about it until the desktop is let go."""

    def now(self, p):
        p.lab.wait_until(lambda: p.desktop['name'] not in p.lab.host.domains(), 60, f'{p.pool}: its guest is gone')
        d = p.lab.desktops(p.pool)[0]
        assert (d['id'], d['state']) == (p.desktop['id'], p.state), f'{p.pool}: {d}'


def settle(p, word):
    """WORD: 'same' or 'other' desktop is ready in the end, or either."""
    def fits(d):
        return d['state'] == 'ready' and (word == 'any' or (d['id'] == p.desktop['id']) == (word == 'same'))
    ready = p.lab.wait_desktop(p.pool, fits, f'{word} desktop than {p.desktop["id"]} is ready', answering=True)
    assert len(p.lab.desktops(p.pool)) == 1 or p.lab.wait_until(
        lambda: len(p.lab.desktops(p.pool)) == 1, 120, f'{p.pool} has one desktop'), p.lab.desktops(p.pool)
    assert p.lab.qemu_of(ready), f'{p.pool}: {ready["name"]} is ready and has no QEMU'
    pool = p.lab.get(f'/v1/pools/{p.pool}')
    assert not pool['stopped'], pool


PROMISES = {
    # QEMU is killed.
    ('cloning', 'qemu'): Lost(),
    ('booting', 'qemu'): Lost(),
    ('ready', 'qemu'): Lost(),
    ('claimed', 'qemu'): Lost('guest-failed'),
    ('in_use', 'qemu'): Lost('guest-failed'),
    ('disconnected', 'qemu'): Lost('guest-failed'),
    ('recycling', 'qemu'): Lost(),
    ('stopped', 'qemu'): Stays('same'),  # has none: nothing may happen to it
    ('stopped/stopping', 'qemu'): Lost(now='same'),
    ('stopped/suspending', 'qemu'): Lost(now='same'),  # what was open on it is lost, its disk is not
    ('stopped/suspended', 'qemu'): WakesUp('same'),
    ('failed', 'qemu'): Stays('other'),
    ('maintenance', 'qemu'): KeptOff(),
    # libvirtd is killed, and started again when vmpool has seen it.
    ('cloning', 'libvirtd'): Lost(now='any'),  # the start is begun again, or counts as failed
    ('booting', 'libvirtd'): Stays('same'),
    ('ready', 'libvirtd'): Stays('same'),
    ('claimed', 'libvirtd'): Stays('other'),
    ('in_use', 'libvirtd'): Stays('other'),
    ('disconnected', 'libvirtd'): Stays('other'),
    ('recycling', 'libvirtd'): Stays('other'),
    ('stopped', 'libvirtd'): Stays('same'),
    ('stopped/stopping', 'libvirtd'): Stays('same'),
    ('stopped/suspending', 'libvirtd'): WakesUp('same'),
    ('stopped/suspended', 'libvirtd'): WakesUp('same'),
    ('failed', 'libvirtd'): Stays('other'),
    ('maintenance', 'libvirtd'): Stays('other'),
    # vmpool is killed and started again.
    ('cloning', 'vmpool'): Lost(now='any'),
    ('booting', 'vmpool'): Stays('same'),
    ('ready', 'vmpool'): Stays('same'),
    ('claimed', 'vmpool'): Stays('other'),
    ('in_use', 'vmpool'): Stays('other'),
    ('disconnected', 'vmpool'): Stays('other'),
    ('recycling', 'vmpool'): Stays('other'),
    ('stopped', 'vmpool'): Stays('same'),
    ('stopped/stopping', 'vmpool'): Stays('same'),
    ('stopped/suspending', 'vmpool'): WakesUp('same'),
    ('stopped/suspended', 'vmpool'): WakesUp('same'),
    ('failed', 'vmpool'): Stays('other'),
    ('maintenance', 'vmpool'): Stays('other'),
}


class Hall:
    """A desktop in each of the states at once, so that one fault meets them all."""

    def __init__(self, lab, states):
        self.lab = lab
        self.places = [PLACES[s](lab) for s in sorted(states, key=self.turn)]

    @staticmethod
    def turn(state):
        """Who has to wait for rest comes first; a place that is not held for ever comes late."""
        return {'cloning': 3, 'stopped/stopping': 2}.get(state, 0 if '/' in state else 1)

    def __enter__(self):
        began = time.monotonic()
        self.lab.set(logoff_grace='900s')
        for place in self.places:
            place.begin()
        for place in self.places:
            place.arrive()
        for place in self.places:
            place.note()
        print(f'    every state is there after {time.monotonic() - began:.1f} s', flush=True)
        return self

    def let_go(self):
        self.lab.set(logoff_grace='100ms')
        for place in self.places:
            place.let_go()

    def __exit__(self, kind, value, trace):
        if kind:
            return
        for place in self.places:
            place.finish()
        for place in self.places:
            self.lab.wait_pool_gone(place.pool)
            with contextlib.suppress(AttributeError):
                self.lab.let_start(place.pool)
        self.lab.nothing_is_left()
