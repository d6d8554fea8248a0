"""A real xfreerdp3 on a screen of its own (Xvfb), worked with xdotool."""
import os
import subprocess
import time

START_S, STOP_S = 120, 30


class Client:
    def __init__(self, folder, port, user, password, *arguments, size='800x600'):
        """The password goes in by standard input: it stands in no list of processes."""
        self.log = open(os.path.join(folder, 'client.log'), 'ab')
        read, write = os.pipe()
        self.screen = subprocess.Popen(['Xvfb', '-displayfd', str(write), '-screen', '0', size + 'x24', '-nolisten', 'tcp'],
                                       pass_fds=[write], stderr=self.log)
        os.close(write)
        with os.fdopen(read, encoding='ascii') as pipe:
            number = pipe.readline().strip()
        self.environment = {'PATH': os.environ['PATH'], 'DISPLAY': f':{number}', 'HOME': folder, 'TMPDIR': folder}
        self.process = subprocess.Popen(['xfreerdp3', '/args-from:stdin'], stdin=subprocess.PIPE, stdout=self.log,
                                        stderr=self.log, env=self.environment, text=True)
        words = [f'/v:127.0.0.1:{port}', f'/u:{user}', f'/p:{password}', '/cert:ignore', '/sec:tls', '/client-hostname:desk', f'/size:{size}',
                 *arguments]
        self.process.stdin.write('\n'.join(words) + '\n')
        self.process.stdin.close()

    def do(self, *what):
        subprocess.run(['xdotool', *what], env=self.environment, check=True, stdout=subprocess.DEVNULL)

    def colors(self):
        """How many different pixels the screen shows: one while it is black."""
        shot = subprocess.run(['import', '-window', 'root', '-format', '%k', 'info:-'], env=self.environment,
                              capture_output=True, text=True, check=False)
        return int(shot.stdout.split()[0]) if shot.returncode == 0 and shot.stdout.split() else 0

    def wait_for_picture(self):
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f'xfreerdp3 ended with status {self.process.returncode}')
            if self.colors() > 3:
                return
            time.sleep(0.3)
        raise RuntimeError('xfreerdp3 shows no picture')

    def wait(self, seconds):
        """Lets time pass, in which the client must not end."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return
        raise RuntimeError(f'xfreerdp3 ended with status {self.process.returncode}')

    def screenshot(self, path):
        subprocess.run(['import', '-window', 'root', path], env=self.environment, check=True)

    def stop(self):
        for process in (self.process, self.screen):
            if process.poll() is None:
                process.terminate()
                process.wait(STOP_S)
