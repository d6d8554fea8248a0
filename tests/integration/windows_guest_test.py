#!/usr/bin/env python3
"""The template of Windows guests, without Windows: vmpool starts a guest of an image with --os windows-11 and an empty disk
on a libvirtd of its own. libvirt's schema takes what was made of the template, UEFI comes up with secure boot and a
TPM and shows on its screen that it finds no system, and nothing of all that is left when the desktop is gone. Needs
root, as a private libvirtd does, and ovmf and swtpm.

usage: windows_guest_test.py BROKER VMPOOL [PICTURE]     PICTURE: where the guest's screen is kept, as PNG
"""
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..', 'lib'))
import broker_lab  # noqa: E402

REPO = os.path.realpath(os.path.join(os.path.dirname(__file__), '..', '..'))
WAIT_S = 240  # generous: the firmware runs in software emulation on a machine that others use, too
LAB = None


class WindowsLab(broker_lab.Lab):
    def __init__(self, broker, vmpool):
        super().__init__(broker)
        self.vmpool_program = os.path.abspath(vmpool)
        self.vmpool = None
        with open(self.config, 'a', encoding='utf-8') as file:
            file.write(f'[vmpool]\nimage_dir = {self.dir}/images\ndesktop_dir = {self.dir}/desktops\n'
                       f'template = {REPO}/config/domain.xml\nwindows_template = {REPO}/config/domain-windows.xml\n'
                       'virt = qemu\nboot_timeout = 900s\n')

    def run(self, *words, check=True):
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, f'{words}: {done.stdout}{done.stderr}'
        return done.stdout

    def virsh(self, *words):
        return self.run('virsh', '-q', '-c', self.uri, *words)

    def start_all(self):
        os.mkdir(f'{self.dir}/libvirt')
        self.uri = self.run(f'{REPO}/config/private-libvirtd', 'start', f'{self.dir}/libvirt').strip()
        with open(f'{self.dir}/vmpool.log', 'ab') as log:
            self.vmpool = subprocess.Popen([self.vmpool_program, '--config', self.config], stderr=log)

    def end_all(self):
        if self.vmpool:
            self.vmpool.terminate()
            self.vmpool.wait(WAIT_S)
        self.run(f'{REPO}/config/private-libvirtd', 'stop', f'{self.dir}/libvirt', check=False)

    def vmpool_log(self):
        with open(f'{self.dir}/vmpool.log', encoding='utf-8', errors='replace') as file:
            return file.read()

    def desktops(self):
        return self.get('/v1/desktops?pool=win')['items']

    def files(self):
        """What there is of desktops, without the marks of hosts and directories."""
        found = [f'desktops/{name}' for name in os.listdir(f'{self.dir}/desktops') if name.startswith('d-')]
        states = f'{self.dir}/libvirt/lib/swtpm'
        return found + ([f'swtpm/{name}' for name in os.listdir(states)] if os.path.isdir(states) else [])


def a_windows_image_gets_the_template_for_windows():
    LAB.start_all()
    LAB.must(LAB.post('/v1/hosts', {'name': 'here', 'uri': LAB.uri}), 201)
    LAB.wait_until(lambda: LAB.get('/v1/hosts/here')['state'] == 'up', WAIT_S, 'the host is up')
    LAB.run('qemu-img', 'create', '-q', '-f', 'qcow2', f'{LAB.dir}/empty.qcow2', '64M')
    LAB.must(LAB.post('/v1/images', {'name': 'win11', 'source': f'{LAB.dir}/empty.qcow2', 'os': 'windows-11'}), 202)
    LAB.wait_until(lambda: LAB.get('/v1/images/win11')['state'] == 'ready', WAIT_S, 'the image is ready')
    LAB.must(LAB.post('/v1/pools', {'name': 'win', 'image': 'win11', 'spare': 1, 'max': 1, 'vcpus': 2,
                                    'memory_mib': 512, 'credentials': 'prompt'}), 201)

    def started():
        assert LAB.vmpool.poll() is None, f'vmpool ended with {LAB.vmpool.returncode}'
        items = LAB.desktops()
        pool = LAB.get('/v1/pools/win')
        assert not pool['failures'], pool['reason']
        return items and items[0]['state'] == 'booting' and items[0]['name']
    LAB.name = LAB.wait_until(started, WAIT_S, 'its guest runs')
    LAB.xml = LAB.virsh('dumpxml', LAB.name)
    root = xml.etree.ElementTree.fromstring(LAB.xml)
    assert root.find('devices/tpm/backend').attrib['version'] == '2.0', LAB.xml
    assert root.find('os/loader').attrib['secure'] == 'yes' and root.find('os/nvram').text.endswith('.nvram'), LAB.xml
    assert root.find('cpu/topology').attrib['sockets'] == '1' and root.find('clock').attrib['offset'] == 'localtime'
    assert root.find('devices/disk/target').attrib['bus'] == 'virtio', LAB.xml


def it_is_what_the_schema_of_libvirt_allows():
    path = f'{LAB.dir}/guest.xml'
    with open(path, 'w', encoding='utf-8') as file:
        file.write(LAB.virsh('dumpxml', '--inactive', LAB.name))
    LAB.run('virt-xml-validate', path, 'domain')


def the_one_for_kvm_is_taken_by_libvirt_as_well():
    """As with KVM, which is not there: libvirt checks and keeps such a domain, and it is not started."""
    text = LAB.virsh('dumpxml', '--inactive', LAB.name)
    text = text.replace("</features>", "<hyperv mode='custom'><relaxed state='on'/><vapic state='on'/>"
                        "<spinlocks state='on' retries='8191'/><vpindex state='on'/><runtime state='on'/>"
                        "<synic state='on'/><stimer state='on'><direct state='on'/></stimer><reset state='on'/>"
                        "<frequencies state='on'/><tlbflush state='on'/><ipi state='on'/></hyperv></features>")
    text = text.replace("<timer name='hpet'", "<timer name='hypervclock' present='yes'/><timer name='hpet'")
    path = f'{LAB.dir}/kvm.xml'
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)
    LAB.run('virt-xml-validate', path, 'domain')


def the_firmware_shows_itself():
    picture = f'{LAB.dir}/screen'

    def lit():
        LAB.virsh('screenshot', LAB.name, picture)
        mean = LAB.run('convert', picture, '-colorspace', 'Gray', '-format', '%[fx:mean*1000]', 'info:')
        colours = LAB.run('convert', picture, '-format', '%k', 'info:')
        return float(mean) > 1 and int(colours) > 2
    LAB.wait_until(lit, WAIT_S, 'the firmware draws on the screen')
    if len(sys.argv) > 3:
        LAB.run('convert', picture, sys.argv[3])


def nothing_of_it_is_left():
    assert any(name.endswith('.nvram') for name in LAB.files()), LAB.files()
    assert any(name.startswith('swtpm/') for name in LAB.files()), LAB.files()
    LAB.must(LAB.delete('/v1/pools/win'), 202)
    LAB.wait_until(lambda: LAB.get('/v1/pools/win').status == 404, WAIT_S, 'the pool is gone')
    LAB.wait_until(lambda: not [f for f in LAB.files() if not f.endswith('.log.failed')], 30, 'its files are gone')


TESTS = [a_windows_image_gets_the_template_for_windows, it_is_what_the_schema_of_libvirt_allows,
         the_one_for_kvm_is_taken_by_libvirt_as_well, the_firmware_shows_itself, nothing_of_it_is_left]


def main():
    if os.geteuid() != 0:
        print('skipped: a libvirtd of its own needs root')
        sys.exit(77)
    if not shutil.which('swtpm') or not os.path.exists('/usr/share/OVMF/OVMF_CODE_4M.ms.fd'):
        print('skipped: ovmf and swtpm are not installed')
        sys.exit(77)
    global LAB
    with WindowsLab(sys.argv[1], sys.argv[2]) as LAB:
        try:
            broker_lab.main(TESTS)
        except BaseException:
            print(LAB.vmpool_log()[-8000:], file=sys.stderr)
            print(LAB.files(), file=sys.stderr)
            raise
        finally:
            LAB.end_all()


if __name__ == '__main__':
    main()
