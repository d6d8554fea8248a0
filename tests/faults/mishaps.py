"""One fault at a time: things that hang, disks that fill, files that are gone or are others, names and ports that are
taken, guests that say nothing, clocks that jump, a store that is locked. Each case makes a pool, breaks something,
asks for what is promised, mends it, and must find its pool well again; then nothing of it may be left.
"""
import contextlib
import glob
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
import time

LAB = None
ALL = False  # --all
CYCLES = 0   # --cycles


@contextlib.contextmanager
def pool(name, **members):
    LAB.make_pool(name, **members)
    yield name
    LAB.delete_pool(name)
    LAB.wait_pool_gone(name)
    LAB.nothing_is_left()


def host_stays_up():
    host = LAB.get('/v1/hosts/here')
    assert host['state'] == 'up', host


def wait_pool(name, condition, what):
    return LAB.wait_until(lambda: [p for p in [LAB.get(f'/v1/pools/{name}').body] if condition(p)], LAB.WAIT_S,
                          f'{name}: {what}; it is {LAB.get(f"/v1/pools/{name}").body}')[0]


def wait_stopped(name, *words):
    reason = wait_pool(name, lambda p: p['stopped'], 'the pool stops')['reason']
    print(f'    {name}: {reason}', flush=True)
    assert any(w in reason for w in words), reason
    return reason


def retry(name):
    LAB.must(LAB.post(f'/v1/pools/{name}/retry'), 200)
    ready = LAB.wait_state(name, 'ready')
    assert not LAB.get(f'/v1/pools/{name}')['failures']
    return ready


def user_on(name, user):
    LAB.add_user(user, name)
    ticket = LAB.must(LAB.login(user, pool=name), 200)
    LAB.must(LAB.report(ticket, 'connected'), 200)
    LAB.wait_state(name, 'in_use')
    return ticket


def on_disk(desktop, mib):
    """Whether what the guest writes when it is told lies there on its disk, as the host has it."""
    read = subprocess.run(['qemu-io', '-U', '-r', '-f', 'qcow2', '-c', f'read -P 0x5a {mib}M 1M',
                           LAB.column_of(desktop, 'disk')], capture_output=True, text=True, check=False).stdout
    assert 'read 1048576/1048576' in read, read
    return 'failed' not in read


def golden_disk(name):
    return f'{LAB.dir}/images/{LAB.get(f"/v1/images/{name}")["id"]}/disk.qcow2'


# --- what hangs -----------------------------------------------------------------------------------------------

def a_guest_that_hangs_keeps_nobody_else_waiting():
    """QEMU is stopped (SIGSTOP): who is led there is told, the desktop is replaced, and meanwhile a desktop is made and
    removed on the same host, which is never called down."""
    with pool('frozen'):
        desktop = LAB.wait_state('frozen', 'ready')
        LAB.add_user('fred', 'frozen')
        os.kill(LAB.qemu_of(desktop), signal.SIGSTOP)
        ticket = LAB.must(LAB.login('fred', pool='frozen'), 200)
        LAB.must(LAB.report(ticket, 'closed', code='guest-unreachable', detail='no answer in 10 s'), 200)
        LAB.make_pool('living')
        LAB.wait_state('living', 'ready')
        host_stays_up()
        LAB.delete_pool('living')
        LAB.wait_pool_gone('living')
        host_stays_up()
        LAB.wait_gone(desktop)
        LAB.wait_state('frozen', 'ready')
        host_stays_up()


def a_call_that_never_comes_back_keeps_its_own_desktop_only():
    """A guest that was found paused is let go on, which its QEMU, stopped, never does. Meanwhile a desktop is made and
    removed on the same host, and the one that hangs is recycled when that is asked for."""
    LAB.set(recycle_timeout='5s')
    with pool('stuck'):
        desktop = LAB.wait_state('stuck', 'ready')
        LAB.host.virsh('suspend', desktop['name'])
        LAB.kill_vmpool()
        os.kill(LAB.qemu_of(desktop), signal.SIGSTOP)
        said = len(LAB.vmpool_log())
        LAB.start_vmpool()
        LAB.wait_host('up')
        LAB.make_pool('living')
        LAB.wait_state('living', 'ready')
        host_stays_up()
        LAB.delete_pool('living')
        LAB.wait_pool_gone('living')
        LAB.must(LAB.post(f'/v1/desktops/{desktop["id"]}/recycle'), 202)
        LAB.wait_gone(desktop)
        LAB.wait_state('stuck', 'ready')
        assert f'desktop {desktop["name"]}: an operation on it hangs' in LAB.vmpool_log(), 'it did not hang'
        assert 'has not come back' not in LAB.vmpool_log()[said:], 'the host was called down'
    LAB.set(recycle_timeout='60s')


def a_start_that_hangs_is_ended_at_its_deadline():
    """QEMU does not come to its first instruction. libvirt would wait for it for ever."""
    LAB.set(clone_timeout='20s')
    LAB.hold('hung')
    with pool('hung'):
        LAB.make_pool('living')
        LAB.wait_state('living', 'ready')
        host_stays_up()
        wait_pool('hung', lambda p: p['failures'], 'the start fails')
        host_stays_up()
        assert 'an operation on it hangs: its guest is ended' in LAB.vmpool_log()
        LAB.let_start('hung')
        LAB.set(clone_timeout='300s')
        retry('hung')
        LAB.delete_pool('living')
        LAB.wait_pool_gone('living')


def a_golden_guest_that_hangs_is_ended_and_keeps_no_desktop_waiting():
    """Linked clones are made until there is one."""
    LAB.set(boot_timeout='10s')
    LAB.hold('golden')  # golden guests are called golden-...
    with pool('forked', provision='instant'):
        LAB.wait_until(lambda: 'hangs while it is booting: it is ended' in LAB.vmpool_log(), LAB.WAIT_S, 'it is ended')
        LAB.set(boot_timeout='900s')
        booted = LAB.wait_state('forked', 'ready')
        assert not LAB.column_of(booted, 'golden'), 'it was forked from what hangs'
        host_stays_up()
        LAB.let_start('golden')
        wait_pool('forked', lambda p: not p['provision_note'], 'nothing is missing')
        LAB.must(LAB.post(f'/v1/desktops/{booted["id"]}/recycle'), 202)
        LAB.wait_gone(booted)
        assert LAB.column_of(LAB.wait_state('forked', 'ready'), 'golden'), 'it was not forked'


def a_libvirtd_that_hangs_stalls_its_own_host_only():
    from lab import Libvirtd
    there = Libvirtd(f'{LAB.dir}/libvirt-there')
    there.start()
    try:
        LAB.must(LAB.post('/v1/hosts', {'name': 'there', 'uri': there.uri, 'labels': 'site=there'}), 201)
        LAB.wait_host('up', 'there')
        LAB.must(LAB.patch('/v1/hosts/here', {'labels': 'site=here'}), 200)
        with pool('stalled', host_labels='site=here'):
            LAB.wait_state('stalled', 'ready')
            ticket = user_on('stalled', 'stan')
            before = LAB.desktops('stalled')[0]
            pid = LAB.qemu_of(before)
            os.kill(LAB.host.pid(), signal.SIGSTOP)
            LAB.make_pool('elsewhere', host_labels='site=there')
            LAB.wait_state('elsewhere', 'ready')
            LAB.wait_host('down')
            print(f'    here: {LAB.get("/v1/hosts/here")["reason"]}', flush=True)
            LAB.delete_pool('elsewhere')
            LAB.wait_pool_gone('elsewhere')
            assert LAB.get('/v1/hosts/there')['state'] == 'up'
            os.kill(LAB.host.pid(), signal.SIGCONT)
            LAB.wait_host('up')
            after = LAB.desktops('stalled')[0]
            assert (after['id'], after['state'], LAB.qemu_of(after)) == (before['id'], 'in_use', pid), after
            LAB.must_tell(after, 'hook close desktop')  # a log-off is heard again
            LAB.wait_session_end(ticket, 'logoff')
            LAB.wait_gone(before)
            LAB.wait_state('stalled', 'ready')
        LAB.must(LAB.delete('/v1/hosts/there'), 204)
    finally:
        with contextlib.suppress(OSError):
            os.kill(LAB.host.pid(), signal.SIGCONT)
        there.stop()


# --- disks ----------------------------------------------------------------------------------------------------

@contextlib.contextmanager
def full_disk(leave_kib=0):
    """The file system of the overlays has no room, but for so much."""
    ballast = f'{LAB.dir}/desktops/notes.ballast'
    room = os.statvfs(f'{LAB.dir}/desktops')
    size = room.f_bavail * room.f_bsize - leave_kib * 1024
    fd = os.open(ballast, os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        os.posix_fallocate(fd, 0, max(size, 1))
    finally:
        os.close(fd)
    yield
    with contextlib.suppress(FileNotFoundError):
        os.unlink(ballast)


def a_disk_that_is_full_during_a_clone():
    LAB.set(disk_reserve='0KiB')
    with full_disk():
        LAB.make_pool('full')
        wait_stopped('full', 'No space left', 'no space', 'space')
        overlays = [f for f in os.listdir(f'{LAB.dir}/desktops') if f.startswith('d-')]
        assert not overlays, overlays
    LAB.set(disk_reserve='1MiB')
    retry('full')
    LAB.delete_pool('full')
    LAB.wait_pool_gone('full')
    LAB.nothing_is_left()


def a_disk_that_fills_under_a_user_pauses_and_the_work_goes_on():
    """The guest's writes wait; when there is room they are done, and neither guest nor session has ended."""
    with pool('filling'):
        desktop = LAB.wait_state('filling', 'ready')
        ticket = user_on('filling', 'phil')
        pid = LAB.qemu_of(desktop)
        answers = []
        with full_disk(4096):
            writing = threading.Thread(
                target=lambda: answers.append(LAB.tell_guest(desktop, 'write 8 40', LAB.WAIT_S)))
            writing.start()
            name = desktop['name']
            LAB.wait_until(lambda: LAB.host.virsh('domstate', name).strip() == 'paused', LAB.WAIT_S, 'the guest pauses')
            assert not answers, answers
        writing.join(LAB.WAIT_S)
        assert answers == ['ok'], answers
        assert LAB.qemu_of(desktop) == pid
        assert LAB.get(f'/v1/sessions/{ticket["session"]}')['state'] == 'active'


def a_golden_disk_that_is_gone_or_another():
    disk = golden_disk('quick')
    kept = f'{LAB.dir}/kept.qcow2'
    with pool('golden'):
        first = LAB.wait_state('golden', 'ready')
        harms = (('cut off', 'was imported with'), ('missing', 'cannot be found'), ('replaced', 'was imported with'))
        for harm, word in harms if ALL else harms[:1]:
            os.rename(disk, kept)
            if harm == 'cut off':
                shutil.copy(kept, disk)
                os.truncate(disk, os.stat(kept).st_size // 2)
                shutil.copystat(kept, disk)
            elif harm == 'replaced':
                shutil.copy(golden_disk('mute'), disk)
            LAB.must(LAB.post(f'/v1/desktops/{first["id"]}/recycle'), 202)
            LAB.wait_gone(first)
            wait_stopped('golden', word)
            os.replace(kept, disk)
            first = retry('golden')


def a_damaged_overlay_keeps_its_desktop_for_its_owner_and_says_so():
    """Nobody can start from it; a dedicated one is not thrown away but left to the administrator."""
    with pool('damaged', kind='dedicated'):
        LAB.wait_state('damaged', 'ready')
        user_on('damaged', 'dana')
        LAB.must(LAB.patch('/v1/pools/damaged', {'enabled': False}), 200)
        desktop = LAB.desktops('damaged')[0]
        LAB.must_tell(desktop, 'poweroff')
        LAB.wait_state('damaged', 'stopped')
        overlay = f'{LAB.dir}/desktops/{desktop["id"]}.qcow2'
        with open(overlay, 'r+b') as file:
            file.write(b'\0' * 4096)
        LAB.must(LAB.patch('/v1/pools/damaged', {'enabled': True}), 200)
        wait_stopped('damaged', 'cannot start the guest')
        host_stays_up()
        assert os.path.exists(overlay), 'the owner\'s disk was deleted'
        LAB.must(LAB.post(f'/v1/desktops/{desktop["id"]}/recycle'), 202)
        LAB.wait_gone(desktop)
        retry('damaged')


def a_dedicated_guest_that_dies_starts_again_from_its_disk():
    """With its owner on it, whose session ends, and with nobody; nothing that was written is lost."""
    with pool('owned', kind='dedicated'):
        LAB.wait_state('owned', 'ready')
        ticket = user_on('owned', 'olga')
        desktop = LAB.desktops('owned')[0]
        assert LAB.tell_guest(desktop, 'write 1 1', LAB.WAIT_S) == 'ok'
        for ends in (ticket, None):
            pid = LAB.qemu_of(desktop)
            os.kill(pid, signal.SIGKILL)
            if ends:
                LAB.wait_session_end(ends, 'guest-failed')
            LAB.wait_until(lambda: LAB.qemu_of(desktop) not in (None, pid), LAB.WAIT_S, 'it is started again')
            LAB.wait_desktop('owned', lambda d: d['state'] == 'ready', 'it is ready again', answering=True)
        assert on_disk(desktop, 1)
        again = LAB.must(LAB.login('olga', pool='owned'), 200)
        assert LAB.desktops('owned')[0]['id'] == desktop['id'], again


def a_full_copy_is_lent_and_recycled_like_any_other():
    """Its disk rests on no image, and nothing of it is left when its user has logged off."""
    with pool('whole', provision='full'):
        desktop = LAB.wait_state('whole', 'ready')
        disk = LAB.column_of(desktop, 'disk')
        info = subprocess.run(['qemu-img', 'info', '-U', disk], capture_output=True, text=True, check=True).stdout
        assert 'virtual size: 64 MiB' in info and 'backing file' not in info, info
        ticket = user_on('whole', 'wilma')
        LAB.must_tell(desktop, 'hook close desktop')
        LAB.wait_session_end(ticket, 'logoff')
        LAB.wait_gone(desktop)
        assert not os.path.exists(disk), disk
        other = LAB.wait_state('whole', 'ready')
        assert other['id'] != desktop['id'] and os.path.exists(LAB.column_of(other, 'disk'))


def disk_names(desktop):
    return sorted(f for f in os.listdir(f'{LAB.dir}/desktops') if f.startswith(desktop['id']) and f.endswith('.qcow2'))


def disks_of(desktop):
    return len(disk_names(desktop))


def written_desktop(name, user):
    """USER's desktop in a dedicated pool, with something on its disk, and where its snapshots are."""
    LAB.wait_state(name, 'ready')
    user_on(name, user)
    LAB.must(LAB.patch(f'/v1/pools/{name}', {'spare': 0}), 200)  # no start is cut off, which libvirt does not get over
    desktop = LAB.desktops(name)[0]
    assert LAB.tell_guest(desktop, 'write 1 30', LAB.WAIT_S) == 'ok'
    return desktop, f'/v1/desktops/{desktop["id"]}/snapshots'


def begin_copy(path, **members):
    """Until the snapshot "kept" is being made, or restored."""
    said = len(LAB.vmpool_log())
    LAB.must(LAB.post(path, {'force': True, **members}), 202)
    LAB.wait_until(lambda: 'kept begins' in LAB.vmpool_log()[said:], LAB.WAIT_S, 'it begins')


def copies_of_a_disk_that_are_cut_off_are_begun_again_or_undone():
    """A snapshot fails with its host's libvirtd and leaves everything as it was; with vmpool a restore is begun again."""
    def snapshots():
        return [x['state'] for x in LAB.get(where)['items']]

    def wait_done(*outcomes):
        LAB.wait_until(lambda: snapshots() in outcomes, LAB.WAIT_S, f'its snapshots are one of {outcomes}')
        LAB.wait_desktop('copied', lambda d: d['id'] == desktop['id'] and d['state'] == 'ready', 'it is ready', answering=True)

    with pool('copied', kind='dedicated'):
        desktop, where = written_desktop('copied', 'cora')
        begin_copy(where, name='kept')
        LAB.crash_libvirtd()
        wait_done([], ['ready'])
        if not snapshots():  # it was done before the kill otherwise
            begin_copy(where, name='kept')
            wait_done(['ready'])
        assert disks_of(desktop) == 2, disks_of(desktop)
        assert LAB.tell_guest(LAB.desktops('copied')[0], 'write 40 1', LAB.WAIT_S) == 'ok'
        begin_copy(f'{where}/kept/restore')
        LAB.kill_vmpool()
        LAB.start_vmpool()
        wait_done(['ready'])
        assert on_disk(desktop, 1) and on_disk(desktop, 30) and not on_disk(desktop, 40)
        LAB.wait_until(lambda: disks_of(desktop) == 2, LAB.WAIT_S, 'the files of disk and snapshot are there, and no others')

        # One that was killed behind the end of a copy leaves the former disk.
        names = disk_names(desktop)
        LAB.kill_vmpool()
        shutil.copy(f'{LAB.dir}/desktops/{names[0]}', f'{LAB.dir}/desktops/{desktop["id"]}-00000000.qcow2')
        LAB.start_vmpool()
        LAB.wait_until(lambda: disk_names(desktop) == names, LAB.WAIT_S, f'{names} are there, and no others')


def a_snapshot_whose_host_is_lost_meanwhile_is_undone_when_it_comes_back():
    """Its desktop, whose guest ended for the copy, waits for the host and says so, and stands again with what it had."""
    LAB.set(host_timeout='2s')
    with pool('parted', kind='dedicated'):
        desktop, where = written_desktop('parted', 'petra')
        begin_copy(where, name='kept')
        LAB.host.kill()
        waiting = LAB.wait_desktop('parted', lambda d: d['state'] == 'stopped', 'it waits for its host')
        assert 'host here does not answer' in waiting['reason'], waiting
        LAB.host.start()
        LAB.wait_desktop('parted', lambda d: d['state'] == 'ready', 'it is ready again', answering=True)
        snapshots = [x['state'] for x in LAB.get(where)['items']]
        assert snapshots in ([], ['ready']), snapshots
        assert on_disk(desktop, 1) and on_disk(desktop, 30)
        LAB.wait_until(lambda: disks_of(desktop) == 1 + len(snapshots), LAB.WAIT_S, 'no file is left of what was begun')
    LAB.set(host_timeout='600s')


# --- what is taken --------------------------------------------------------------------------------------------

def a_port_that_is_taken_is_passed_over():
    LAB.set(port_range='21990-21991')
    with socket.create_server(('127.0.0.1', 21990)):
        with pool('port'):
            assert LAB.wait_state('port', 'ready')['port'] == 21991
        with socket.create_server(('127.0.0.1', 21991)):
            LAB.make_pool('noport')
            wait_stopped('noport', 'no port of vmpool.port_range is free')
    retry('noport')
    LAB.delete_pool('noport')
    LAB.wait_pool_gone('noport')
    LAB.set(port_range='21000-21999')


def a_port_that_is_taken_at_the_last_moment_is_passed_over():
    """After vmpool looked and before QEMU listens: QEMU says so, and another is tried."""
    LAB.set(port_range='21992-21993')
    LAB.hold('race')
    with pool('race'):
        LAB.wait_state('race', 'cloning')
        LAB.wait_until(lambda: LAB.qemu_of(LAB.desktops('race')[0]), 60, 'QEMU is about to start')
        with open(f'/proc/{LAB.qemu_of(LAB.desktops("race")[0])}/cmdline', encoding='utf-8', errors='replace') as file:
            first = 21992 if ':21992-' in file.read() else 21993
        with socket.create_server(('127.0.0.1', first)):
            LAB.let_start('race')
            assert LAB.wait_state('race', 'ready')['port'] == 21992 + 21993 - first
    LAB.set(port_range='21000-21999')


def a_suspended_desktop_waits_for_a_port():
    """A start anew would lose what is open on it."""
    LAB.set(port_range='21994-21995')
    with pool('resumed', kind='dedicated'):
        LAB.wait_state('resumed', 'ready')
        ticket = user_on('resumed', 'rhea')
        LAB.must(LAB.post(f'/v1/sessions/{ticket["session"]}/logoff'), 202)
        desktop = LAB.wait_state('resumed', 'ready')
        LAB.rest('resumed', 'suspend')
        LAB.wait_state('resumed', 'stopped/suspended')
        with socket.create_server(('127.0.0.1', 21994)), socket.create_server(('127.0.0.1', 21995)):
            LAB.rest('resumed', 'keep')
            LAB.wait_desktop('resumed', lambda d: d['reason'] == 'no port of vmpool.port_range is free', 'it says what it waits for')
        LAB.wait_desktop('resumed', lambda d: d['state'] == 'ready', 'it is ready again', answering=True)
        assert f'desktop {desktop["name"]}: goes on with the memory that was written' in LAB.vmpool_log()
    LAB.set(port_range='21000-21999')


def a_name_that_is_taken_is_passed_over():
    """By a domain that vmpool has not seen yet: it came after the last look through the host."""
    from lab import FOREIGN
    disk = f'{LAB.dir}/named.qcow2'
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', disk, '8M'], check=True)
    with open(f'{LAB.dir}/named.xml', 'w', encoding='utf-8') as file:
        file.write(FOREIGN.format(name='named-1', disk=disk))
    LAB.host.virsh('create', '--paused', f'{LAB.dir}/named.xml')
    LAB.make_pool('named')
    assert LAB.wait_state('named', 'ready')['name'] != 'named-1'
    assert LAB.host.virsh('domstate', 'named-1').strip() == 'paused'
    LAB.delete_pool('named')
    LAB.wait_pool_gone('named')
    LAB.host.virsh('destroy', 'named-1')
    LAB.nothing_is_left()


# --- guests that say nothing ----------------------------------------------------------------------------------

def a_guest_without_rdp_or_agent_fails_at_its_deadline_and_the_pool_stops():
    LAB.set(boot_timeout='5s', failure_limit='1')
    for name, image in (('deaf', 'silent'), ('dumb', 'mute')) if ALL else (('deaf', 'silent'),):
        LAB.make_pool(name, image=image)
        wait_stopped(name, 'in time')
        LAB.wait_until(lambda: not [d for d in LAB.host.domains() if d.startswith(('deaf', 'dumb'))], LAB.WAIT_S,
                       'its guest does not stay')
        LAB.delete_pool(name)
        LAB.wait_pool_gone(name)
    LAB.set(boot_timeout='900s', failure_limit='3')
    LAB.nothing_is_left()


def what_a_golden_guest_without_rdp_wrote_is_kept_when_it_fails():
    def has_written():
        for file in glob.glob(f'{LAB.dir}/golden/*/golden-*.serial.log'):
            with open(file, encoding='utf-8', errors='replace') as log:
                return 'faults guest: ready' in log.read()
        return False

    with pool('told', image='silent', provision='instant', spare=0):
        LAB.wait_until(has_written, LAB.WAIT_S, 'it has booted')
        LAB.set(boot_timeout='1s')
        kept = LAB.wait_until(lambda: LAB.get('/v1/pools/told/failures')['items'], LAB.WAIT_S, 'its words are kept')[-1]
        assert kept['desktop'].startswith('golden-') and 'in time' in kept['reason'], kept
        assert 'faults guest: ready' in kept['last_words'], kept
        assert 'faults guest: ready' in LAB.get(f'/v1/desktops/{kept["desktop"]}/log')['text']
        print(f'    {wait_pool("told", lambda p: "could not" in p["provision_note"], "it says why")["provision_note"]}', flush=True)
    LAB.set(boot_timeout='900s')


def a_host_that_cannot_start_guests_says_why_until_it_can():
    """Its libvirtd runs, but not the daemon that takes the guests' output."""
    LAB.host.kill()
    LAB.host.start('--logd')
    LAB.wait_host('up')
    with pool('silenced'):
        desktop = LAB.wait_desktop('silenced', lambda d: 'cannot start guests' in (d['reason'] or ''), 'it says why')
        assert 'virtlogd' in desktop['reason'] and 'host here' in desktop['reason'], desktop
        host_stays_up()
        LAB.host.kill()
        LAB.host.start()
        ready = LAB.wait_state('silenced', 'ready')
        assert ready['id'] == desktop['id'] and not ready['reason'], ready


def wait_asked(desktop):
    """Looks are a minute apart, but the next one comes at once when the clock was set while none is under way."""
    asked = int(LAB.tell_guest(desktop, 'asked'))
    sets = LAB.vmpool_log().count('the clock was set by')

    def again():
        done = LAB.vmpool_log().count('the clock was set by')
        set_clock(100 * (done + 1))  # once more, when it was noticed
        return done > sets and int(LAB.tell_guest(desktop, 'asked')) > asked
    LAB.wait_until(again, LAB.WAIT_S, 'the agent is asked again')


def an_agent_that_falls_silent_under_a_user_ends_nothing():
    with pool('quiet'):
        desktop = LAB.wait_state('quiet', 'ready')
        ticket = user_on('quiet', 'quinn')
        LAB.must_tell(desktop, 'users 1')
        LAB.must_tell(desktop, 'agent off')
        LAB.must(LAB.report(ticket, 'closed', code='client-closed', detail='gone for lunch'), 200)
        LAB.wait_state('quiet', 'disconnected')
        # Looks at who is logged in get no answer; others are served meanwhile.
        LAB.make_pool('loud')
        LAB.wait_state('loud', 'ready')
        LAB.delete_pool('loud')
        LAB.wait_pool_gone('loud')
        for _ in range(3):
            wait_asked(desktop)
        assert LAB.desktops('quiet')[0]['state'] == 'disconnected'
        again = LAB.must(LAB.login('quinn', pool='quiet'), 200)
        assert again['session'] == ticket['session'] and again['connect']['port'] == desktop['port'], again


# --- time -----------------------------------------------------------------------------------------------------

def set_clock(seconds):
    with open(f'{LAB.dir}/clock.new', 'w', encoding='ascii') as file:
        file.write(str(seconds))
    os.rename(f'{LAB.dir}/clock.new', f'{LAB.dir}/clock')


def a_clock_that_jumps_ends_nothing_and_delays_nothing():
    """A day ahead (--all), and a day or two back, with desktops that boot, stand, are used and wait for their pause."""
    jumps = [86400, -86400] if ALL else [-86400]
    with pool('steady'):
        LAB.make_pool('timely', image='silent')
        LAB.wait_state('steady', 'ready')
        ticket = user_on('steady', 'tom')
        used = LAB.desktops('steady')[0]
        for jump in jumps:
            booting = LAB.wait_state('timely', 'booting')
            set_clock(jump)
            ready = LAB.wait_state('timely', 'ready', answering=True)
            assert ready['id'] == booting['id'], f'set by {jump} s: the guest that booted was given up'
            os.kill(LAB.qemu_of(ready), signal.SIGKILL)  # failed, and the pause before the next one
            LAB.wait_desktop('timely', lambda d, old=ready: d['state'] == 'ready' and d['id'] != old['id'],
                             'another one is ready', answering=True)
            LAB.delete_pool('timely')
            LAB.wait_pool_gone('timely')
            if jump != jumps[-1]:
                LAB.make_pool('timely', image='silent')
            now = LAB.desktops('steady')[0]
            assert (now['id'], now['state']) == (used['id'], 'in_use'), now
            host_stays_up()
        assert LAB.get(f'/v1/sessions/{ticket["session"]}')['state'] == 'active'
    assert 'the clock was set by' in LAB.vmpool_log()


# --- the store ------------------------------------------------------------------------------------------------

def a_store_that_is_locked_stops_nothing_for_good():
    """Somebody else (a backup, a hung process) holds the file: guests live on, and what happened meanwhile is done
    when it lets go."""
    with pool('locked', spare=2, max=2):
        LAB.wait_until(lambda: LAB.get('/v1/pools/locked')['ready'] == 2, LAB.WAIT_S, 'two are ready')
        one, two = LAB.desktops('locked')
        pid = LAB.qemu_of(two)
        victim = LAB.qemu_of(one)
        began = time.monotonic()
        with contextlib.closing(sqlite3.connect(f'{LAB.dir}/store.db', timeout=60, isolation_level=None)) as db:
            db.execute('BEGIN EXCLUSIVE')
            os.kill(victim, signal.SIGKILL)
            hold_s = 60 if ALL else 6
            LAB.wait_until(lambda: time.monotonic() - began > hold_s, hold_s + 60, 'the lock was held long enough')
            assert LAB.vmpool.poll() is None, 'vmpool ended'
            db.execute('ROLLBACK')
        LAB.wait_gone(one)
        LAB.wait_until(lambda: LAB.get('/v1/pools/locked')['ready'] == 2, LAB.WAIT_S, 'two are ready again')
        assert LAB.qemu_of(two) == pid, 'the other guest was touched'


# --- leftovers ------------------------------------------------------------------------------------------------

def figures():
    pid = LAB.vmpool.pid
    with open(f'/proc/{pid}/smaps_rollup', encoding='ascii') as file:
        memory_kib = sum(int(line.split()[1]) for line in file if line.startswith(('Private_Dirty:', 'Private_Clean:')))
    return {'descriptors': len(os.listdir(f'/proc/{pid}/fd')), 'threads': len(os.listdir(f'/proc/{pid}/task')),
            'libvirtd descriptors': len(os.listdir(f'/proc/{LAB.host.pid()}/fd')), 'KiB': memory_kib}


def storage_pools():
    """Of libvirt: one each for the folders of overlays and of images."""
    return sorted(LAB.host.virsh('pool-list', '--all', '--name').split())


def note_least(least):
    least.update({key: min(least.get(key, value), value) for key, value in figures().items()})


def memory_slack_kib():
    """Without a sanitizer (one reserves terabytes) memory stands still; with one, what it keeps of freed memory and of
    where that was asked for grows, ever slower."""
    with open(f'/proc/{LAB.vmpool.pid}/status', encoding='ascii') as file:
        size_kib = next(int(line.split()[1]) for line in file if line.startswith('VmSize:'))
    return 8192 if size_kib > 1 << 30 else 1024


def many_cycles_leave_nothing():
    """Guests of real QEMU are made and recycled, before they have booted. The second quarter is compared with the last:
    the least of each, as more is in use while the host is looked through, for example."""
    count = CYCLES or (200 if ALL else 12)
    storage = storage_pools()
    LAB.set(parallel_boots='4')
    with pool('cycle', image='silent', spare=4, max=4, memory_mib=64):
        seen, before, after = set(), {}, {}
        while len(seen) < count:
            def booting():
                return [d for d in LAB.desktops('cycle') if d['state'] == 'booting' and d['id'] not in seen]
            for desktop in LAB.wait_until(booting, LAB.WAIT_S, f'another guest after {len(seen)}'):
                seen.add(desktop['id'])
                LAB.must(LAB.post(f'/v1/desktops/{desktop["id"]}/recycle'), 202)
            if len(seen) >= count // 4 and (not before or len(seen) <= count // 2):
                note_least(before)
            if len(seen) >= count * 3 // 4:
                note_least(after)
        slack_kib = memory_slack_kib()
        print(f'    {len(seen)} cycles; at first {before}, in the end {after}', flush=True)
    for key, slack in (('descriptors', 24), ('threads', 4), ('libvirtd descriptors', 48), ('KiB', slack_kib)):
        assert after[key] <= before[key] + slack, f'{key} grew from {before[key]} to {after[key]}'
    LAB.set(parallel_boots='10')
    assert storage_pools() == storage, f'{storage} became {storage_pools()}'


CASES = [a_guest_that_hangs_keeps_nobody_else_waiting, a_call_that_never_comes_back_keeps_its_own_desktop_only,
         a_start_that_hangs_is_ended_at_its_deadline,
         a_golden_guest_that_hangs_is_ended_and_keeps_no_desktop_waiting,
         a_libvirtd_that_hangs_stalls_its_own_host_only, a_disk_that_is_full_during_a_clone,
         a_disk_that_fills_under_a_user_pauses_and_the_work_goes_on, a_golden_disk_that_is_gone_or_another,
         a_damaged_overlay_keeps_its_desktop_for_its_owner_and_says_so,
         a_full_copy_is_lent_and_recycled_like_any_other, a_dedicated_guest_that_dies_starts_again_from_its_disk,
         copies_of_a_disk_that_are_cut_off_are_begun_again_or_undone,
         a_snapshot_whose_host_is_lost_meanwhile_is_undone_when_it_comes_back,
         a_port_that_is_taken_is_passed_over, a_port_that_is_taken_at_the_last_moment_is_passed_over,
         a_suspended_desktop_waits_for_a_port, a_name_that_is_taken_is_passed_over,
         a_guest_without_rdp_or_agent_fails_at_its_deadline_and_the_pool_stops,
         what_a_golden_guest_without_rdp_wrote_is_kept_when_it_fails,
         a_host_that_cannot_start_guests_says_why_until_it_can, an_agent_that_falls_silent_under_a_user_ends_nothing,
         a_clock_that_jumps_ends_nothing_and_delays_nothing,
         a_store_that_is_locked_stops_nothing_for_good, many_cycles_leave_nothing]
