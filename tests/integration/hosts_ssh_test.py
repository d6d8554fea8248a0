#!/usr/bin/env python3
"""carrel-vmpool, as an account without rights, and hosts by ssh, with a real sshd and libvirtd in a network and a mount
namespace of their own: as carrel-hosts(7) says to set it up, with an account for vmpool and a key that has no passphrase.
And a host by TCP. Without guests. Needs root, as a private libvirtd and sshd do.

usage: hosts_ssh_test.py BROKER VMPOOL
"""
import grp
import os
import pwd
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import broker_lab  # noqa: E402
import hosts_tls_test  # noqa: E402

REPO = hosts_tls_test.REPO
NOBODY = hosts_tls_test.NOBODY
NORTH, SOUTH = '127.0.9.1', '127.0.9.2'
CARREL = 61234  # the account on the host, and its group, which libvirt's socket lets in
LAB = None


class SshLab(hosts_tls_test.HostsLab):
    def start_all(self):
        for name in ('disks', 'disks/images', 'disks/desktops', 'etc', 'home', 'north'):
            os.mkdir(f'{self.dir}/{name}')
        for name in os.listdir(self.dir):
            if name.startswith(('store', 'disks')):
                os.chown(f'{self.dir}/{name}', NOBODY, NOBODY)
        for name in ('images', 'desktops'):
            os.chown(f'{self.dir}/disks/{name}', NOBODY, NOBODY)
        os.chown(self.dir, NOBODY, NOBODY)
        self.make_account()
        self.make_keys()
        self.start_host()
        with open(f'{self.dir}/vmpool.log', 'ab') as log:
            self.vmpool = subprocess.Popen([self.vmpool_program, '--config', self.config], stderr=log, user=NOBODY,
                                           group=NOBODY, extra_groups=[], cwd='/')

    def make_account(self):
        """This namespace alone sees it. The group is the one that private-libvirtd lets to its socket."""
        with open('/etc/passwd', encoding='ascii') as file:
            passwd = [line for line in file if not line.startswith('carrel:')]
        passwd.append(f'carrel:x:{CARREL}:{CARREL}::{self.dir}/home:/bin/sh\n')
        passwd += [] if any(line.startswith('sshd:') for line in passwd) else ['sshd:x:61235:65534::/run/sshd:/bin/false\n']
        with open('/etc/group', encoding='ascii') as file:
            group = [line for line in file if not line.startswith('carrel:')] + [f'carrel:x:{CARREL}:\n']
        for name, lines in (('passwd', passwd), ('group', group)):
            with open(f'{self.dir}/etc/{name}', 'w', encoding='ascii') as file:
                file.writelines(lines)
            subprocess.run(['mount', '--bind', f'{self.dir}/etc/{name}', f'/etc/{name}'], check=True)
        assert pwd.getpwnam('carrel').pw_uid == CARREL and grp.getgrnam('carrel').gr_gid == CARREL

    def make_keys(self):
        def key(path):
            subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', path], check=True)
        key(f'{self.dir}/etc/host_key')
        key(f'{self.dir}/etc/other_host_key')
        for name in ('id_ed25519', 'stranger'):
            key(f'{self.dir}/{name}')
            os.chown(f'{self.dir}/{name}', NOBODY, NOBODY)
        shutil.copy(f'{self.dir}/id_ed25519.pub', f'{self.dir}/etc/authorized_keys')
        # /etc/ssh of this namespace: known hosts of the whole machine, as the page has them.
        os.mkdir(f'{self.dir}/etc/ssh')
        subprocess.run(['mount', '--bind', f'{self.dir}/etc/ssh', '/etc/ssh'], check=True)
        os.chmod(f'{self.dir}/etc/ssh', 0o755)

    def start_host(self):
        self.libvirtds.append(f'{self.dir}/north')
        done = subprocess.run([f'{REPO}/config/private-libvirtd', 'start', '--group', 'carrel', '--tcp', SOUTH,
                               f'{self.dir}/north'], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        with open(f'{self.dir}/north/run/libvirtd.pid', encoding='ascii') as file:
            pid = file.read().strip()
        with open(f'{self.dir}/etc/sshd_config', 'w', encoding='ascii') as file:
            file.write(f'ListenAddress {NORTH}\nHostKey {self.dir}/etc/host_key\nUsePAM no\nStrictModes no\n'
                       f'AuthorizedKeysFile {self.dir}/etc/authorized_keys\nPasswordAuthentication no\n'
                       'AllowUsers carrel\nPidFile none\nLogLevel VERBOSE\n')
        os.makedirs('/run/sshd', exist_ok=True)
        # In the mount namespace of the libvirtd, where its socket stands where that of a host is.
        with open(f'{self.dir}/sshd.log', 'ab') as log:
            self.sshd = subprocess.Popen(['nsenter', f'--mount=/proc/{pid}/ns/mnt', '/usr/sbin/sshd', '-D', '-e', '-f',
                                          f'{self.dir}/etc/sshd_config'], stderr=log)
        self.wait_until(self.scan, hosts_tls_test.WAIT_S, 'sshd answers')

    def scan(self):
        return subprocess.run(['ssh-keyscan', '-t', 'ed25519', NORTH], capture_output=True, text=True,
                              check=False).stdout

    def trust(self, text):
        with open(f'{self.dir}/etc/ssh/ssh_known_hosts', 'w', encoding='ascii') as file:
            file.write(text)

    def uri(self, **parameters):
        query = '&'.join(f'{key}={value}' for key, value in ({'keyfile': f'{self.dir}/id_ed25519'} | parameters).items())
        return f'qemu+ssh://carrel@{NORTH}/system?{query}'

    def end_all(self):
        super().end_all()
        if getattr(self, 'sshd', None):
            self.sshd.terminate()
            self.sshd.wait()


def a_host_whose_key_nobody_has_looked_at_is_not_believed():
    LAB.add('unknown', LAB.uri())
    LAB.wait_refused('unknown', 'Host key verification failed')


def a_host_that_is_known_comes_up_with_its_size():
    LAB.trust(LAB.scan())
    LAB.add('north', LAB.uri())
    host = LAB.wait_host('north', 'up')
    assert host['vcpus'] == os.cpu_count() and host['memory_mib'] > 0, host
    LAB.wait_until(lambda: LAB.get('/v1/hosts/north')['disk_mib'] > 0, hosts_tls_test.WAIT_S, 'its disk is known')


def one_that_was_refused_before_comes_up_by_itself():
    LAB.wait_host('unknown', 'up')
    LAB.must(LAB.delete('/v1/hosts/unknown'), 204)


def a_key_that_the_host_does_not_let_in_is_named():
    LAB.add('stranger', LAB.uri(keyfile=f'{LAB.dir}/stranger'))
    LAB.wait_refused('stranger', 'Permission denied (publickey')
    assert 'PRIVATE KEY' not in LAB.vmpool_log() + LAB.read_log()


def the_end_of_sshd_is_seen_and_its_return():
    for child in subprocess.run(['pgrep', '-P', str(LAB.sshd.pid)], capture_output=True, text=True,
                                check=False).stdout.split():
        os.kill(int(child), 15)
    LAB.sshd.terminate()
    LAB.sshd.wait()
    LAB.wait_host('north', 'down')
    LAB.start_host()
    LAB.wait_host('north', 'up')


def a_host_with_another_key_than_before_is_not_believed():
    with open(f'{LAB.dir}/etc/other_host_key.pub', encoding='ascii') as file:
        LAB.trust(f'{NORTH} {" ".join(file.read().split()[:2])}\n')
    LAB.add('changed', LAB.uri())
    LAB.wait_refused('changed', "the host's key has changed")


def a_host_by_tcp_comes_up():
    LAB.add('south', f'qemu+tcp://{SOUTH}/system')
    LAB.wait_host('south', 'up')


TESTS = [a_host_whose_key_nobody_has_looked_at_is_not_believed, a_host_that_is_known_comes_up_with_its_size,
         one_that_was_refused_before_comes_up_by_itself, a_key_that_the_host_does_not_let_in_is_named,
         the_end_of_sshd_is_seen_and_its_return, a_host_with_another_key_than_before_is_not_believed,
         a_host_by_tcp_comes_up]


def main():
    if os.geteuid() != 0:
        print('skipped: a libvirtd and an sshd of its own need root')
        sys.exit(77)
    if not os.path.exists('/usr/sbin/sshd'):
        print('skipped: openssh-server is not installed')
        sys.exit(77)
    if os.environ.get('CARREL_IN_NAMESPACE') != 'yes':
        os.environ['CARREL_IN_NAMESPACE'] = 'yes'
        os.execvp('unshare', ['unshare', '--net', '--mount', '--propagation', 'private', sys.executable, *sys.argv])
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
    global LAB
    with SshLab(sys.argv[1], sys.argv[2]) as LAB:
        hosts_tls_test.LAB = LAB
        try:
            LAB.start_all()
            broker_lab.main(TESTS)
        except BaseException:
            if LAB.vmpool:
                print(LAB.vmpool_log()[-8000:], file=sys.stderr)
            if os.path.exists(f'{LAB.dir}/sshd.log'):
                with open(f'{LAB.dir}/sshd.log', encoding='utf-8', errors='replace') as file:
                    print(file.read()[-3000:], file=sys.stderr)
            raise
        finally:
            LAB.end_all()


if __name__ == '__main__':
    main()
