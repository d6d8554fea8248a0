#!/usr/bin/python3
"""A guest for a stand that was given none: TLS mode, a self-signed certificate, log-ins of anybody, silence after that.

usage: fake_guest.py    prints its port on a line; ends when its standard input does
"""
import os
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'integration'))
import gateway_fakes  # noqa: E402

# MS-RDPBCGR 2.2.1.12: licensing is over, "valid client".
LICENCE = bytes.fromhex('80000000') + bytes.fromhex('ff031000' '07000000' '02000000' '04000000')


def hold(guest):
    """Each connection stays until its client leaves it; what it sends is read and dropped."""
    while True:
        with guest.condition:
            guest.condition.wait_for(lambda: guest.arrived)
            wire = guest.arrived.pop(0)
        wire.sock.settimeout(None)
        threading.Thread(target=converse, args=(wire,), daemon=True).start()


def converse(wire):
    try:
        wire.send(gateway_fakes.send_data(26, gateway_fakes.GUEST_USER, gateway_fakes.GUEST_IO, LICENCE))
        wire.rest()
    except OSError:
        pass
    finally:
        wire.close()


def main():
    with tempfile.TemporaryDirectory(prefix='fake-guest-') as directory:
        pem = os.path.join(directory, 'guest.pem')
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                        '-days', '30', '-subj', '/CN=guest', '-keyout', pem, '-out', pem + '.crt'],
                       check=True, stderr=subprocess.DEVNULL)
        with open(pem, 'ab') as whole, open(pem + '.crt', 'rb') as certificate:
            whole.write(certificate.read())
        guest = gateway_fakes.FakeGuest(pem)
    print(guest.port, flush=True)
    threading.Thread(target=hold, args=(guest,), daemon=True).start()
    sys.stdin.read()


main()
