"""`./run fresh`: this checkout on machines that never saw it. Needs Python alone, nothing is installed yet.

Clones of it, in a path with a space and an accent, with LANG=C, for root and for an ordinary user, with the pip Python
brings, with 23.0.1 and with the newest: installed, a bill paid by `khallas dial` and `khallas call`, a part of the
suite run. What is not committed is not cloned.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STEP_MAX_S = 600
FRESH_USER = "khallas-fresh"
OLD_PIP = "pip==23.0.1"  # of Debian 12; resolves an extra anew though a lock pins it
NEWEST_PIP = "pip"
PARTS = (
    "tests/core/test_money.py",
    "tests/core/messaging/test_gsm7.py",
    "tests/lab/servers/test_servers.py",
    "tests/ops/test_locks.py",
)
PAYER = "0600000001"
DIALLED = "1\n1\n1\n1\n2\n"
TYPED = "4000000000000010#\n1229#\n1\n123#\n"
TAIL_CHARS = 4_000


class Failed(Exception):
    """A step that did not end well; the words are what it said."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who has the clone; `uid` None is whoever runs this."""

    name: str
    home: Path
    uid: int | None = None
    gid: int | None = None


@dataclass(frozen=True, slots=True)
class Checkout:
    """A clone, and whose it is."""

    path: Path
    person: Person

    def environ(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("KHALLAS_", "PYTHON", "LC_"))}
        return kept | {"LANG": "C", "LC_ALL": "C", "HOME": str(self.person.home)}

    def start(self, *command: str, stdin: int = subprocess.DEVNULL) -> "subprocess.Popen[str]":
        """A command in the clone, as its owner."""
        return subprocess.Popen(
            command,
            cwd=self.path,
            env=self.environ(),
            user=self.person.uid,
            group=self.person.gid,
            extra_groups=None if self.person.uid is None else [],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )

    def run(self, *command: str, typed: str = "") -> str:
        """What it said. Raises Failed."""
        process = self.start(*command, stdin=subprocess.PIPE)
        try:
            out, _ = process.communicate(typed, STEP_MAX_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise Failed(f"{' '.join(command)}: no end within {STEP_MAX_S} s") from None
        if process.returncode != 0:
            raise Failed(f"{' '.join(command)}: exit {process.returncode}\n{out[-TAIL_CHARS:]}")
        return out

    def khallas(self, *words: str, typed: str = "", says: str) -> None:
        """A verb that must say something. Raises Failed."""
        out = self.run(".venv/bin/khallas", *words, typed=typed)
        if says not in out:
            raise Failed(f"khallas {' '.join(words)} did not say {says!r}\n{out[-TAIL_CHARS:]}")


def cloned(folder: Path, name: str, person: Person) -> Checkout:
    """The checkout's last commit; where it is no git repository, what lies there."""
    path = folder / name
    if (ROOT / ".git").exists():
        clone = ["git", "-c", "safe.directory=*", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(path)]
        subprocess.run(clone, check=True, timeout=STEP_MAX_S)
    else:
        shutil.copytree(ROOT, path, symlinks=True, ignore=shutil.ignore_patterns(".venv*", ".state", "node_modules"))
    if person.uid is not None:
        subprocess.run(["chown", "-R", f"{person.uid}:{person.gid}", str(path)], check=True, timeout=STEP_MAX_S)
    return Checkout(path, person)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def demo(at: Checkout, *options: str) -> Iterator["subprocess.Popen[str]"]:
    """Started; within the block it becomes ready(). Stopped by SIGTERM, with exit code 0. Raises Failed."""
    process = at.start("./run", "demo", "--port", str(free_port()), *options)
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        if process.wait(STEP_MAX_S) != 0:
            raise Failed(f"./run demo ended with {process.returncode}")
    finally:
        process.kill()
        process.wait()


def ready(process: "subprocess.Popen[str]") -> None:
    """Raises Failed when it ends before it says so."""
    said = []
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("ready http://127.0.0.1:"):
            return
        said.append(line)
    raise Failed(f"./run demo did not become ready\n{''.join(said)[-TAIL_CHARS:]}")


def pays(at: Checkout) -> None:
    """The README's own way, at the demo that runs in .state."""
    at.khallas("dial", "--from", PAYER, typed=DIALLED, says="HandOver")
    at.khallas("call", "--from", PAYER, "--answer", typed=TYPED, says="[Paid]")
    at.khallas("lookup", PAYER, says="captured")


def two_first_starts(at: Checkout) -> str:
    with demo(at) as first, demo(at, "--state", "../the other's state") as second:
        ready(first)
        ready(second)
        pays(at)
    return "two first starts at once, a bill paid"


def suite(at: Checkout, pip: str) -> str:
    python = at.run("sh", "-c", "say() { :; }; . requirements/install.sh; find_python").strip()
    at.run(python, "-m", "venv", ".venv")
    at.run(".venv/bin/python", "-m", "pip", "install", "--quiet", "--upgrade", pip)
    at.run("./run", "test", *PARTS)
    if pip == OLD_PIP:
        with demo(at) as running:
            ready(running)
            pays(at)
    version = at.run(".venv/bin/python", "-m", "pip", "--version").split()[1]
    return f"pip {version}: {len(PARTS)} files of the suite{', a bill paid' if pip == OLD_PIP else ''}"


def production(at: Checkout) -> str:
    python = at.run("sh", "-c", "say() { :; }; . requirements/install.sh; find_python").strip()
    at.run(python, "-m", "venv", "served")
    pip = ("served/bin/python", "-m", "pip")
    locks = [word for name in ("production", "voice", "otel", "relay") for word in ("-r", f"requirements/{name}.lock")]
    at.run(*pip, "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:", *locks)
    at.run(*pip, "install", "--quiet", "--no-deps", "--no-build-isolation", ".")
    at.run(*pip, "check")
    at.run("served/bin/khallas", "--version")
    return "production's locks with every extra"


@contextmanager
def ordinary(folder: Path) -> Iterator[Person]:
    """A user of this machine who owns nothing: made for this where root may, else whoever we are."""
    if os.geteuid() != 0:
        name = pwd.getpwuid(os.geteuid()).pw_name
        print(f"not root: all is tried as {name}; root's part needs root", flush=True)
        yield Person(name, folder)
        return
    home = folder / "home"
    made = subprocess.run(["useradd", "--no-create-home", "--home-dir", str(home), FRESH_USER], check=False)
    try:
        entry = pwd.getpwnam(FRESH_USER)  # there since an earlier run that was killed, perhaps
        home.mkdir()
        os.chown(home, entry.pw_uid, entry.pw_gid)
        yield Person(FRESH_USER, home, entry.pw_uid, entry.pw_gid)
    finally:
        if made.returncode == 0:
            subprocess.run(["userdel", FRESH_USER], check=False)


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="khallas fraîche ", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        with ordinary(folder) as person:
            us = Person(pwd.getpwuid(os.geteuid()).pw_name, Path.home())
            steps = (
                ("first", us, two_first_starts),
                ("old", person, lambda at: suite(at, OLD_PIP)),
                ("new", person, lambda at: suite(at, NEWEST_PIP)),
                ("served", person, production),
            )
            for where, who, step in steps:
                since = time.monotonic()
                try:
                    told = step(cloned(folder, where, who))
                except Failed as failed:
                    print(f"FAILED as {who.name}: {failed}", flush=True)
                    return 1
                print(f"ok  {who.name}, {told}  {time.monotonic() - since:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
