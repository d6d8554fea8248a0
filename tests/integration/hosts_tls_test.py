#!/usr/bin/env python3
"""carrel-vmpool, as an account without rights, and hosts over the network: libvirtds of their own that listen for TLS
with certificates of config/host-ca, on addresses of a network namespace that the test makes. Who is refused learns
why from the host's reason. Without guests. Needs root, as a private libvirtd does.

usage: hosts_tls_test.py BROKER VMPOOL
"""
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import broker_lab  # noqa: E402

REPO = os.path.realpath(os.path.join(os.path.dirname(__file__), '..', '..'))
NOBODY = 65534
WAIT_S = 120  # generous: several builds and tests may share the machine
NORTH, SOUTH, STRICT = '127.0.9.1', '127.0.9.2', '127.0.9.3'
LAB = None

# A stand-in for ssh: as the real one it waits for somebody to answer, unless it was told that nobody will. Then it ends,
# and not before libvirt has written something: who writes later hears of a broken pipe only.
SSH = """#!/bin/sh
case " $* " in
*' BatchMode=yes '*) head -c 1 >/dev/null; echo "called with $*" >&2; exit 255 ;;
*) exec sleep 300 ;;
esac
"""


class HostsLab(broker_lab.Lab):
    """Broker, vmpool and three hosts: north and south are of the first CA, strict takes one other client only."""

    def __init__(self, broker, vmpool):
        super().__init__(broker)
        self.vmpool_program = os.path.abspath(vmpool)
        self.vmpool = None
        self.libvirtds = []
        with open(self.config, 'a', encoding='utf-8') as file:
            file.write(f'[vmpool]\nimage_dir = {self.dir}/disks/images\ndesktop_dir = {self.dir}/disks/desktops\n'
                       f'golden_dir = {self.dir}/golden\n'
                       f'template = {REPO}/config/domain.xml\nvirt = qemu\nkeepalive = 2s\n')

    def ca(self, *words, **environment):
        done = subprocess.run([f'{REPO}/config/host-ca', *words], env=os.environ | environment, text=True,
                              capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def client(self, ca, name='carrel-vmpool', **environment):
        """A folder for ?pkipath= that vmpool's account can read, as an administrator would make it."""
        self.ca('client', f'{self.dir}/{ca}', name, **environment)
        pki = f'{self.dir}/etc-{ca}-{name}'
        shutil.copytree(f'{self.dir}/{ca}/client-{name}', pki)
        for path in (pki, *(os.path.join(pki, name) for name in os.listdir(pki))):
            os.chown(path, NOBODY, NOBODY)
        return pki

    def libvirtd(self, name, address, *allowed):
        """On an empty disk of its own where vmpool's folders are; ALLOWED are the names of tls_allowed_dn_list."""
        pki = f'{self.dir}/ca-one/host-{name}/pki'
        folder = f'{self.dir}/{name}'
        self.libvirtds.append(folder)
        clients = [word for dn in allowed for word in ('--tls-client', dn)]
        done = subprocess.run(['unshare', '--mount', '/bin/sh', '-c', 'mount -t tmpfs none "$0" && exec "$@"',
                               f'{self.dir}/disks', f'{REPO}/config/private-libvirtd', 'start', '--tls', pki, address,
                               *clients, folder], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def start_all(self):
        for name in ('disks', 'disks/images', 'disks/desktops'):
            os.mkdir(f'{self.dir}/{name}')
            os.chown(f'{self.dir}/{name}', NOBODY, NOBODY)
        self.ca('init', f'{self.dir}/ca-one')
        self.ca('init', f'{self.dir}/ca-two')
        self.ca('host', f'{self.dir}/ca-one', 'north', NORTH)
        self.ca('host', f'{self.dir}/ca-one', 'south', 'south.example.org')  # not for its address
        self.ca('host', f'{self.dir}/ca-one', 'strict', STRICT)
        self.libvirtd('north', NORTH)
        self.libvirtd('south', SOUTH)
        self.libvirtd('strict', STRICT, 'CN=somebody-else')
        for name in os.listdir(self.dir):
            if name.startswith('store'):
                os.chown(f'{self.dir}/{name}', NOBODY, NOBODY)
        os.chown(self.dir, NOBODY, NOBODY)
        os.mkdir(f'{self.dir}/bin')
        with open(os.open(f'{self.dir}/bin/ssh', os.O_CREAT | os.O_WRONLY, 0o755), 'w', encoding='ascii') as file:
            file.write(SSH)
        with open(f'{self.dir}/vmpool.log', 'ab') as log:
            self.vmpool = subprocess.Popen([self.vmpool_program, '--config', self.config], stderr=log, user=NOBODY,
                                           group=NOBODY, extra_groups=[], cwd='/',
                                           env=os.environ | {'PATH': f'{self.dir}/bin:{os.environ["PATH"]}'})

    def end_all(self):
        if self.vmpool and self.vmpool.poll() is None:
            self.vmpool.terminate()
            try:
                status = self.vmpool.wait(WAIT_S)
                assert status == 0, f'vmpool ended with {status}:\n{self.vmpool_log()[-4000:]}'
            finally:
                self.vmpool.kill()
        for folder in self.libvirtds:
            subprocess.run([f'{REPO}/config/private-libvirtd', 'stop', folder], capture_output=True, check=False)

    def vmpool_log(self):
        with open(f'{self.dir}/vmpool.log', encoding='utf-8', errors='replace') as file:
            return file.read()

    def add(self, name, uri):
        self.must(self.post('/v1/hosts', {'name': name, 'uri': uri}), 201)

    def wait_host(self, name, state):
        def holds():
            assert self.vmpool.poll() is None, f'vmpool ended with {self.vmpool.returncode}:\n{self.vmpool_log()}'
            host = self.get(f'/v1/hosts/{name}')
            return [host] if host['state'] == state else None
        return self.wait_until(holds, WAIT_S, f'host {name} is {state}')[0]

    def wait_refused(self, name, *words):
        reason = self.wait_host(name, 'down')['reason']
        print(f'    {name}: {reason}', flush=True)
        assert any(word in reason for word in words), f'{name}: {reason}'


def a_host_with_certificates_of_the_ca_comes_up_with_its_size():
    LAB.add('north', f'qemu+tls://{NORTH}/system?pkipath={LAB.pki}')
    host = LAB.wait_host('north', 'up')
    assert host['vcpus'] == os.cpu_count() and host['memory_mib'] > 0, host
    LAB.wait_until(lambda: LAB.get('/v1/hosts/north')['disk_mib'] > 0, WAIT_S, 'the room on its disk is known')
    assert LAB.get('/v1/hosts/north')['storage'] == 'own'
    assert 'warning' not in LAB.vmpool_log(), 'its libvirt makes the folders there'
    assert host['libvirt'] and not host['reason'], host


def a_client_of_another_ca_is_refused_and_says_why():
    LAB.add('stranger', f'qemu+tls://{NORTH}/system?pkipath={LAB.client("ca-two")}')
    LAB.wait_refused('stranger', 'is not of the CA in cacert.pem')
    assert "The certificate hasn't got a known issuer" in LAB.vmpool_log()


def a_host_refuses_a_client_whose_ca_it_does_not_know():
    """The client knows the host's CA beside its own, so it is the host that refuses."""
    pki = LAB.client('ca-two', 'half')
    with open(f'{LAB.dir}/ca-one/ca/cacert.pem', encoding='ascii') as one, \
            open(f'{pki}/cacert.pem', 'a', encoding='ascii') as both:
        both.write(one.read())
    LAB.add('half', f'qemu+tls://{NORTH}/system?pkipath={pki}')
    LAB.wait_refused('half', "the host refused carrel-vmpool's certificate")


def an_expired_client_certificate_is_named():
    pki = LAB.client('ca-one', 'late')
    ca, request = f'{LAB.dir}/ca-one/ca', f'{LAB.dir}/late.request'
    for words in (('req', '-new', '-key', f'{pki}/clientkey.pem', '-subj', '/CN=late', '-out', request),
                  ('x509', '-req', '-in', request, '-CA', f'{ca}/cacert.pem', '-CAkey', f'{ca}/key.pem', '-set_serial',
                   '5', '-days', '-1', '-out', f'{pki}/clientcert.pem')):
        subprocess.run(['openssl', *words], check=True, capture_output=True)
    LAB.add('late', f'qemu+tls://{NORTH}/system?pkipath={pki}')
    LAB.wait_refused('late', f'The client certificate {pki}/clientcert.pem has expired')


def a_key_that_vmpool_may_not_read_is_named():
    pki = LAB.client('ca-one', 'locked')
    os.chown(f'{pki}/clientkey.pem', 0, 0)
    LAB.add('locked', f'qemu+tls://{NORTH}/system?pkipath={pki}')
    LAB.wait_refused('locked', f'{pki}/clientkey.pem')
    assert 'PRIVATE KEY' not in LAB.vmpool_log() + LAB.read_log()


def a_client_that_is_not_on_the_list_of_the_host_is_refused():
    LAB.add('strict', f'qemu+tls://{STRICT}/system?pkipath={LAB.pki}')
    LAB.wait_refused('strict', 'tls_allowed_dn_list')


def a_host_with_another_name_is_not_believed():
    LAB.add('south', f'qemu+tls://{SOUTH}/system?pkipath={LAB.pki}')
    LAB.wait_refused('south', 'is not for the name in the URI')


def a_password_in_a_uri_is_refused_and_kept_nowhere():
    answer = LAB.post('/v1/hosts', {'name': 'secret', 'uri': 'qemu+ssh://carrel:hunter2@north/system'})
    assert answer.status == 400 and 'must not carry a password' in str(answer.body), answer
    assert 'hunter2' not in str(answer.body) + LAB.read_log() + LAB.vmpool_log()


def ssh_that_would_ask_fails_at_once():
    LAB.add('shell', f'qemu+ssh://carrel@{NORTH}/system')
    LAB.wait_refused('shell', 'BatchMode=yes')


TESTS = [a_host_with_certificates_of_the_ca_comes_up_with_its_size, a_client_of_another_ca_is_refused_and_says_why,
         an_expired_client_certificate_is_named, a_key_that_vmpool_may_not_read_is_named,
         a_host_refuses_a_client_whose_ca_it_does_not_know, a_client_that_is_not_on_the_list_of_the_host_is_refused,
         a_host_with_another_name_is_not_believed, a_password_in_a_uri_is_refused_and_kept_nowhere,
         ssh_that_would_ask_fails_at_once]


def main():
    if os.geteuid() != 0:
        print('skipped: a libvirtd of its own needs root')
        sys.exit(77)
    if os.environ.get('CARREL_IN_NAMESPACE') != 'yes':
        os.environ['CARREL_IN_NAMESPACE'] = 'yes'
        os.execvp('unshare', ['unshare', '--net', sys.executable, *sys.argv])
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
    global LAB
    with HostsLab(sys.argv[1], sys.argv[2]) as LAB:
        try:
            LAB.start_all()
            LAB.pki = LAB.client('ca-one')
            broker_lab.main(TESTS)
        except BaseException:
            if LAB.vmpool:
                print(LAB.vmpool_log()[-8000:], file=sys.stderr)
            raise
        finally:
            LAB.end_all()


if __name__ == '__main__':
    main()
