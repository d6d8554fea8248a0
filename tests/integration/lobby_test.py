#!/usr/bin/env python3
"""What people are asked in the lobby, with real clients: xfreerdp3, xfreerdp 2 and rdesktop, typed into by xdotool.

    lobby_test.py CARREL_GATEWAY [TEST...]

carrel-gateway and carrel-lobby stand between them, a broker made of Python and xrdp as the guest. Everything runs in
namespaces of its own, see xrdp_guest.py; it needs root, and exits with 77 (skipped) without it. With
CARREL_PICTURES=FOLDER what the clients showed is kept there.
"""
import os
import shutil
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import broker_lab  # noqa: E402
import gateway_fakes  # noqa: E402
import xrdp_guest  # noqa: E402
from xrdp_guest import GUEST_PORT, GUEST_USER, PATIENCE_S, wait_until  # noqa: E402

NEEDED = ("xrdp", "xrdp-sesman", "xfreerdp3", "rdesktop", "Xvfb", "xdotool", "setxkbmap", "import", "xlogo", "unshare")
SKIPPED = 77
GUEST_PASSWORD = "password-of-the-guest"
WIDTH, HEIGHT = 800, 600
GREEN = (0x2E, 0x8B, 0x57)   # the guest's desktop
NEAR = 12                    # of 255 in each colour; a client may have asked for 16 bits a pixel

CODE = {"ask": "code", "text": "The six digits that your app shows, please.", "key": "code", "right": "314159",
        "wrong": "That code is not right."}
NEW_PASSWORD = {"ask": "new-password", "text": "Your password has expired.", "key": "new_password", "right": "four new words",
                "wrong": "The new password is too short."}
POOL = {"ask": "pool", "text": "Which desktop would you like?", "key": "pool", "right": "tests", "wrong": "It is closed by now.",
        "pools": [{"name": "design", "description": "Workstations with graphics", "ready": 3, "state": "open", "current": False},
                  {"name": "lab", "description": "", "ready": 0, "state": "closed", "reason": "Your desktop is not open at this "
                   "time of the day.", "current": False},
                  {"name": "office", "description": "The usual desktop", "ready": 12, "state": "open", "current": True},
                  {"name": "tests", "description": "", "ready": 0, "state": "open", "current": False}]}


def freerdp3(port, user, password, layout):
    """With an empty password it does not ask for one by itself."""
    return ["xfreerdp3", f"/v:127.0.0.1:{port}", f"/u:{user}", f"/p:{password}", "/cert:ignore", "/sec:tls",
            f"/size:{WIDTH}x{HEIGHT}", "/log-level:WARN"], []


def freerdp2(port, user, password, layout):
    return ["xfreerdp", *freerdp3(port, user, password, layout)[0][1:]], []


def rdesktop(port, user, password, layout):
    return ["rdesktop", "-g", f"{WIDTH}x{HEIGHT}", "-a", "24", "-k", layout, *(["-u", user] if user else []),
            *(["-p", "-"] if password else []), f"127.0.0.1:{port}"], [*([password] if password else []), "yes"]


REMMINA_SETTINGS = """[remmina_pref]
disable_tip=true
disable_news=true
periodic_news_permitted=false
fullscreen_toolbar_visibility=2
"""


def remmina(port, user, password, layout):
    """In a shell, because its connection is a file, and the password is put into it by itself."""
    desk = (f"[remmina]\nprotocol=RDP\nname=desk\nserver=127.0.0.1:{port}\nusername={user}\ncert_ignore=1\nsecurity=tls\n"
            f"resolution_mode=1\nresolution_width={WIDTH}\nresolution_height={HEIGHT}\nviewmode=4\ndisableautoreconnect=1\n")
    script = f"""mkdir -p "$HOME/.config/remmina" && mkdir -m 700 "$HOME/run" && cat >"$HOME/.config/remmina/remmina.pref" <<'END'
{REMMINA_SETTINGS}END
cat >"$HOME/desk.remmina" <<'END'
{desk}END
export XDG_RUNTIME_DIR=$HOME/run NO_AT_BRIDGE=1
openbox &
if read -r password && [ -n "$password" ]; then
    echo "$password" | dbus-run-session -- remmina --update-profile "$HOME/desk.remmina" --set-option password
fi
exec dbus-run-session -- remmina -c "$HOME/desk.remmina" </dev/null"""
    return ["bash", "-c", script], [password]


class Client:
    """A real client on a screen of its own, and a person at it."""

    def __init__(self, house, program, user="", password="", layout="us"):
        self.house, self.name = house, program.__name__
        self.folder = tempfile.mkdtemp(prefix="client-", dir=house.folder)
        self.log = open(os.path.join(self.folder, "log"), "wb")
        read, write = os.pipe()
        self.screen = subprocess.Popen(["Xvfb", "-displayfd", str(write), "-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-nolisten", "tcp",
                                        "-noreset"], pass_fds=[write], stdout=self.log, stderr=self.log)
        os.close(write)
        with os.fdopen(read, encoding="ascii") as pipe:
            self.display = ":" + pipe.readline().strip()
        self.environment = {"PATH": os.environ["PATH"], "DISPLAY": self.display, "HOME": self.folder, "TMPDIR": self.folder,
                            "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
        subprocess.run(["setxkbmap", layout], env=self.environment, check=True, stdout=self.log, stderr=self.log)
        command, words = program(house.gateway.port, user, password, {"us": "en-us", "de": "de"}[layout])
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=self.log, stderr=self.log, env=self.environment,
                                        text=True)
        self.process.stdin.write("\n".join(words) + "\n")
        self.process.stdin.close()
        self.shown = 0

    def xdotool(self, *words):
        subprocess.run(["xdotool", *words], env=self.environment, check=True, timeout=PATIENCE_S, stdout=subprocess.DEVNULL)

    def type(self, text):
        """A client whose window has just come may not have the keyboard yet, and what is typed then is lost for ever: the
        first letter is typed until it is seen."""
        def seen():
            before = self.pixels()
            self.enter()
            self.xdotool("type", "--", text[:1])
            return any(self.pixels() != before for _ in range(30))
        wait_until(seen, f"{self.name} shows what is typed")
        if text[1:]:
            self.xdotool("type", "--delay", "20", "--", text[1:])

    def enter(self):
        """rdesktop takes the keyboard when the mouse comes in."""
        self.xdotool("mousemove", str(WIDTH // 2), "20")
        self.xdotool("mousemove", str(WIDTH // 2 + 5), "25")

    def key(self, *names):
        self.xdotool("key", "--delay", "20", *names)

    def click(self, x, y):
        self.xdotool("mousemove", str(x), str(y), "click", "1")

    def pixels(self):
        """Rows of the screen, three bytes a pixel."""
        done = subprocess.run(["import", "-display", self.display, "-window", "root", "-depth", "8", "rgb:-"], capture_output=True,
                              env=self.environment, check=True, timeout=PATIENCE_S)
        return done.stdout

    def pixel(self, x, y, pixels=None):
        at = 3 * (y * WIDTH + x)
        return tuple((pixels or self.pixels())[at:at + 3])

    def looks(self, x, y, colour):
        assert self.process.poll() is None, "the client ended: " + self.log_text()
        return all(abs(a - b) <= NEAR for a, b in zip(self.pixel(x, y), colour))

    def picture(self, what):
        self.shown += 1
        if os.environ.get("CARREL_PICTURES"):
            path = os.path.join(os.environ["CARREL_PICTURES"], f"{self.house.test}-{self.name}-{self.shown}-{what}.png")
            subprocess.run(["import", "-display", self.display, "-window", "root", path], env=self.environment, check=True)

    def sees_lobby(self, what):
        """Just inside of the card's left edge every page is light, and stays as it is when all of it has come."""
        def there():
            before = self.pixels()
            return all(c > 0xD0 for c in self.pixel(WIDTH // 2 - 228, HEIGHT // 2, before)) and self.pixels() == before
        wait_until(there, f"{self.name} shows the {what}")
        self.enter()
        self.picture(what)

    def sees_desktop(self):
        wait_until(lambda: self.looks(20, HEIGHT // 2, GREEN) and self.looks(WIDTH - 20, HEIGHT // 2, GREEN), f"{self.name} shows the desktop")
        self.picture("desktop")

    def changes(self, before, what):
        wait_until(lambda: self.pixels() != before, f"{self.name}: {what}")

    def log_text(self):
        with open(self.log.name, encoding="utf-8", errors="replace") as file:
            return file.read()[-3000:]

    def stop(self):
        for process in (self.process, self.screen):
            if process.poll() is None:
                process.terminate()
                process.wait(PATIENCE_S)


class House:
    """Broker, gateway with its lobby, and guest."""

    def __init__(self, binary, folder):
        self.folder, self.test, self.clients = folder, "", []
        self.guest = xrdp_guest.Guest(folder, session=f"exec xlogo -geometry {WIDTH}x{HEIGHT}+0+0 -fg white -bg '#2e8b57'")
        self.guest.set_password(GUEST_PASSWORD)
        self.broker = gateway_fakes.FakeBroker(os.path.join(folder, "broker.sock"))
        self.connect = {"desktop": "demo-1", "address": "127.0.0.1", "port": GUEST_PORT, "credentials": "carrel",
                        "fingerprint": self.guest.fingerprint(), "user": GUEST_USER, "password": GUEST_PASSWORD}
        self.gateway = gateway_fakes.Gateway(binary, folder, self.broker.path)
        self.mark = 0

    def begin(self, test):
        self.test = test
        self.broker.set(connect=self.connect, questions=[], ready=True, logins=[], answers=[], reports=[])
        self.mark = len(self.gateway.lines)

    def client(self, program, **more):
        client = Client(self, program, **more)
        self.clients.append(client)
        return client

    def goes(self, change):
        """Waits for a change of state, "login -> question", and goes on from there."""
        with self.gateway.condition:
            found = self.gateway.condition.wait_for(
                lambda: next((i for i in range(self.mark, len(self.gateway.lines)) if f" {change}\n" in self.gateway.lines[i]), -1) + 1,
                PATIENCE_S)
        assert found, f"waited in vain for {change}"
        self.mark = found

    def end(self):
        for client in self.clients:
            client.stop()
        self.clients = []


HOUSE = None
PROGRAMS = {freerdp3: "xfreerdp3", freerdp2: "xfreerdp", rdesktop: "rdesktop"}


def logs_in(client, user="demo", password="right"):
    client.sees_lobby("form")
    client.click(WIDTH // 2, 304)  # the first field; rdesktop begins it with the local user's name
    client.key("ctrl+u")
    client.type(user)
    client.key("Tab")
    client.type(password)
    client.picture("typed")
    client.key("Return")


def a_person_logs_in_with_the_form(program):
    client = HOUSE.client(program)
    logs_in(client, password="wrnog")
    HOUSE.goes("login -> form")
    client.sees_lobby("wrong")
    client.type("right")  # the name is still there, and the focus on the password
    client.key("Return")
    HOUSE.goes("login -> lobby")
    client.sees_desktop()
    assert [(b["user"], b["password"], b["can_ask"]) for b in HOUSE.broker.logins] == [
        ("demo", "wrnog", True), ("demo", "right", True)], HOUSE.broker.logins


def all_questions_are_answered_in_one_visit(program):
    HOUSE.broker.set(questions=[CODE, NEW_PASSWORD, POOL])
    client = HOUSE.client(program)
    logs_in(client)
    HOUSE.goes("login -> question")
    client.sees_lobby("code")
    client.type("271 828")
    client.key("Return")
    HOUSE.goes("login -> question")
    client.sees_lobby("code-wrong")
    client.type("314159")
    client.picture("code-typed")
    client.key("Return")
    HOUSE.goes("login -> question")
    client.sees_lobby("password")
    client.type("four new words")
    client.key("Return")
    client.type("four nwe words")
    before = client.pixels()
    client.key("Return")
    client.changes(before, "the two are not the same")
    client.picture("password-differs")
    client.type("four new words")
    client.key("Return")
    HOUSE.goes("login -> question")
    client.sees_lobby("chooser")
    client.key("Down")
    client.picture("chosen")
    client.key("Return")
    HOUSE.goes("login -> lobby")
    client.sees_desktop()
    said = [(a["question"], a.get("code"), a.get("new_password"), a.get("pool")) for a in HOUSE.broker.answers]
    assert said == [("q-0000000000000000", "271828", None, None), ("q-0000000000000000", "314159", None, None),
                    ("q-0000000000000001", None, "four new words", None), ("q-0000000000000002", None, None, "tests")], said
    for answer in HOUSE.broker.answers:
        assert set(answer) == {"question", "gateway", "boot_id", "client"} | ({"code", "new_password", "pool"} & set(answer)), answer


def who_has_the_right_password_is_asked_all_the_same(program):
    HOUSE.broker.set(questions=[CODE, POOL])
    client = HOUSE.client(program, user="demo", password="right")
    HOUSE.goes("login -> question")
    client.sees_lobby("code")
    client.type("314159")
    client.click(WIDTH // 2 - 60, HEIGHT // 2 + 90)  # not a button's place on every page; Return is
    client.key("Return")
    HOUSE.goes("login -> question")
    client.sees_lobby("chooser")
    client.type("t")
    client.key("Return")
    HOUSE.goes("login -> lobby")
    client.sees_desktop()
    assert [a.get("code") or a.get("pool") for a in HOUSE.broker.answers] == ["314159", "tests"], HOUSE.broker.answers


def the_new_password_goes_to_a_guest_that_wants_the_users_own(program):
    HOUSE.broker.set(questions=[{**NEW_PASSWORD, "right": GUEST_PASSWORD}],
                     connect={**HOUSE.broker.connect, "credentials": "user", "user": "", "password": ""})
    client = HOUSE.client(program, user=GUEST_USER, password="right")
    HOUSE.goes("login -> question")
    client.sees_lobby("password")
    client.type(GUEST_PASSWORD)
    client.key("Tab")
    client.type(GUEST_PASSWORD)
    client.key("Return")
    HOUSE.goes("login -> lobby")
    client.sees_desktop()


def a_chosen_desktop_that_has_to_start_is_waited_for(program):
    HOUSE.broker.set(questions=[POOL], ready=False)
    client = HOUSE.client(program, user="demo", password="right")
    HOUSE.goes("login -> question")
    client.sees_lobby("chooser")
    client.key("Down", "Return")
    HOUSE.goes("login -> lobby")
    client.sees_lobby("wait")
    client.key("Return")  # out of impatience
    HOUSE.broker.set(ready=True)
    client.sees_desktop()


def a_german_keyboard_types_what_is_on_its_keys(program):
    client = HOUSE.client(program, layout="de")
    client.sees_lobby("form")
    client.click(WIDTH // 2, 304)
    client.key("ctrl+u")
    client.type("jürgen.groß")
    client.key("Tab")
    client.type("zYß@€{[]}\\|~µäÖ'#+*<>°")
    client.key("dead_acute", "e", "dead_circumflex", "space", "dead_circumflex", "x", "Return")
    HOUSE.goes("form -> login")
    wait_until(lambda: HOUSE.broker.logins, "the broker is asked")
    said = HOUSE.broker.logins[0]
    assert (said["user"], said["password"]) == ("jürgen.groß", "zYß@€{[]}\\|~µäÖ'#+*<>°é^^x"), said


def a_question_that_lapses_is_told(program):
    HOUSE.broker.set(questions=[{**CODE, "refused": (408, "client-timeout")}])
    client = HOUSE.client(program, user="demo", password="right")
    HOUSE.goes("login -> question")
    client.sees_lobby("code")
    client.type("1")
    client.key("Return")
    HOUSE.goes("login -> notice")
    client.sees_lobby("notice")
    client.key("Return")
    client.process.wait(PATIENCE_S)


def a_question_that_nobody_answers_is_told(program):
    HOUSE.broker.set(questions=[{**CODE, "expires_in_s": 5}])
    client = HOUSE.client(program, user="demo", password="right")
    HOUSE.goes("question -> notice")
    client.sees_lobby("notice")
    assert not HOUSE.broker.answers


def escape_leaves(program):
    client = HOUSE.client(program)
    client.sees_lobby("form")
    client.key("Escape")
    HOUSE.gateway.wait_log("the person left the lobby in state form", HOUSE.mark)
    client.process.wait(PATIENCE_S)


def with_mouse_and_wheel(program):
    pools = [{"name": f"pool-{i:02}", "description": f"Department {i}", "ready": i, "state": "open" if i % 5 else "closed",
              "reason": "It is closed.", "current": False} for i in range(32)]
    HOUSE.broker.set(questions=[{**POOL, "pools": pools, "right": "pool-31"}])
    client = HOUSE.client(program, user="demo", password="right")
    HOUSE.goes("login -> question")
    client.sees_lobby("chooser")
    client.xdotool("mousemove", str(WIDTH // 2), str(HEIGHT // 2))
    for _ in range(40):
        client.xdotool("click", "5")
    wait_until(lambda: scrolled_to_the_end(client), "the list's end")
    client.picture("scrolled")
    x, y = WIDTH // 2 - 100, HEIGHT // 2 + 126
    before = client.pixels()
    client.click(x, y)
    client.changes(before, "a row is chosen")
    client.picture("clicked")
    client.xdotool("mousemove", str(x), str(y), "click", "--repeat", "2", "--delay", "30", "1")
    HOUSE.goes("login -> lobby")
    client.sees_desktop()
    assert HOUSE.broker.answers[-1]["pool"] == "pool-31", HOUSE.broker.answers


def scrolled_to_the_end(client):
    """The bar's thumb has come down."""
    return client.looks(WIDTH // 2 + 231, HEIGHT // 2 + 140, (0x75, 0x81, 0x8E))


def strangers_cannot_take_all_pictures():
    HOUSE.gateway.configure(lobby_form_max=1)
    HOUSE.gateway.signal(1)
    HOUSE.gateway.wait_log("(?i)reload|configuration", HOUSE.mark)
    first = HOUSE.client(freerdp3)
    first.sees_lobby("form")
    second = gateway_fakes.FakeClient(HOUSE.gateway.port).login(user="", password="")
    code, _, ultimatum = second.refusal()
    assert code == 0xA and ultimatum, code
    second.close()
    # Who has the right password is no stranger, and who has become known makes room.
    HOUSE.broker.set(questions=[CODE])
    third = HOUSE.client(freerdp3, user="demo", password="right")
    HOUSE.goes("login -> question")
    third.sees_lobby("code")
    first.type("demo")
    first.key("Tab")
    first.type("right")
    first.key("Return")
    HOUSE.goes("login -> question")
    fourth = HOUSE.client(freerdp3)
    fourth.sees_lobby("form")
    HOUSE.gateway.configure(lobby_form_max=50)
    HOUSE.gateway.signal(1)


def with_each(test, also=None):
    """With each client that is installed; xfreerdp 2 is not everywhere."""
    def all_programs():
        for program, name in {**PROGRAMS, **(also or {})}.items():
            if shutil.which(name):
                HOUSE.begin(test.__name__)
                test(program)
                HOUSE.end()
                print(f"    {program.__name__}", flush=True)
    all_programs.__name__ = test.__name__
    return all_programs


def alone(test):
    def once():
        HOUSE.begin(test.__name__)
        test()
        HOUSE.end()
    once.__name__ = test.__name__
    return once


REMMINA = {remmina: "remmina"}
TESTS = [with_each(a_person_logs_in_with_the_form, REMMINA), with_each(all_questions_are_answered_in_one_visit, REMMINA),
         with_each(who_has_the_right_password_is_asked_all_the_same, REMMINA),
         with_each(a_chosen_desktop_that_has_to_start_is_waited_for),
         with_each(the_new_password_goes_to_a_guest_that_wants_the_users_own), with_each(a_german_keyboard_types_what_is_on_its_keys),
         with_each(with_mouse_and_wheel), with_each(a_question_that_lapses_is_told), with_each(a_question_that_nobody_answers_is_told),
         with_each(escape_leaves), alone(strangers_cannot_take_all_pictures)]


def inside(binary, *wanted):
    global HOUSE
    folder = tempfile.mkdtemp(prefix="carrel-lobby-")
    try:
        HOUSE = House(binary, folder)
        try:
            broker_lab.main([t for t in TESTS if not wanted or t.__name__ in wanted])
        except BaseException:
            for client in HOUSE.clients:
                client.picture("failed")
                print(f"--- {client.name}\n{client.log_text()}", file=sys.stderr)
            print(HOUSE.gateway.log_text()[-6000:], file=sys.stderr)
            raise
        HOUSE.end()
        assert HOUSE.gateway.stop() == 0, HOUSE.gateway.log_text()[-4000:]
    finally:
        xrdp_guest.end_all(folder)


def main():
    missing = [program for program in NEEDED if not shutil.which(program)]
    if os.getuid() != 0 or missing:
        print("skipped:", "it needs root" if os.getuid() else f"{missing} are not installed")
        return SKIPPED
    inside(*xrdp_guest.arguments())
    return 0


if __name__ == "__main__":
    sys.exit(main())
