"""The demo's folder: made, held by one demo at a time, begun anew; how other commands find the demo that runs there.

The kernel holds the lock for as long as the demo lives, so that a killed demo is never taken for a running one.
"""

import contextlib
import fcntl
import os
import shlex
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from khallas.settings.model import FILE, PREFIX

DEFAULT = Path(".state")
DEMO_ENV = "demo.env"
DEMO_ENV_BYTES_MAX = 64 * 1024
LOCK = "demo.lock"  # holds the address of the demo that holds it
URL_BYTES_MAX = 200
LOOKERS_MAX_S = 2.0  # a command that looks whether a demo runs holds the lock for a moment
POLL_S = 0.05
WRITTEN = ("valkey", "postgres", "cmi.jsonl", "secret-key", "vault-key", "desk-*", DEMO_ENV)
DATABASE = PREFIX + "DATABASE_URL"
CHECKOUT = (".git", "pyproject.toml")


class BadState(Exception):
    """The folder cannot be the demo's; the words are the whole message."""


@dataclass(frozen=True, slots=True)
class RunningDemo:
    """A demo that runs: where it answers, and its settings as an environment (empty while it starts, and for another
    user).
    """

    url: str
    environ: Mapping[str, str]


def prepare(state: Path) -> Path:
    """The folder, there and absolute. Raises BadState."""
    try:
        state.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadState(f"the folder {state} cannot be made: {error.strerror}; name another with --state") from None
    if any((state / name).exists() for name in CHECKOUT):
        raise BadState(f"{state} is a checkout: name a folder of its own with --state")
    return state.resolve()


@contextlib.contextmanager
def held(state: Path, url: str) -> Iterator[None]:
    """Keeps the demo's folder for this process while the block runs. Raises BadState where a demo runs already or
    nothing can be written.
    """
    try:
        lock = (state / LOCK).open("a+", encoding="utf-8")
    except OSError as error:
        raise BadState(f"cannot write in the folder {state}: {error.strerror}; name another with --state") from None
    with lock:
        if not _locked(lock.fileno()):
            lock.seek(0)
            where = lock.read(URL_BYTES_MAX)
            raise BadState(f"a demo is running at {where}, with the folder {state}")
        lock.truncate(0)
        lock.write(url)
        lock.flush()
        yield


def _locked(descriptor: int) -> bool:
    for _ in range(int(LOOKERS_MAX_S / POLL_S)):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(POLL_S)
    return False


def reset(state: Path) -> None:
    """Remove what a demo wrote, and nothing else that lies there. Held, please. Raises OSError."""
    for pattern in WRITTEN:
        for path in state.glob(pattern):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


def running(state: Path | None = None) -> RunningDemo | None:
    """The demo that runs in this folder now; without one named, in .state here or in the checkout."""
    for folder in (state,) if state else (DEFAULT, Path(__file__).parents[2] / DEFAULT):
        try:
            with (folder / LOCK).open("rb") as lock:
                if _is_held(lock.fileno()):
                    return RunningDemo(lock.read(URL_BYTES_MAX).decode(), demo_environ(folder))
        except OSError:
            continue
    return None


def _is_held(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False


def environ_at_hand(environ: Mapping[str, str], state: Path | None = None) -> Mapping[str, str]:
    """The settings given; where they name no database, over those of the demo that runs."""
    named = {name: value for name, value in environ.items() if name.startswith(PREFIX)}
    if named.get(DATABASE) or named.get(DATABASE + FILE):
        return named
    demo = running(state)
    kept = demo.environ if demo else {}
    return {name: value for name, value in kept.items() if name + FILE not in named} | named


def demo_environ(state: Path) -> dict[str, str]:
    """Returns what `khallas demo` wrote into its folder; nothing where there is none, or it is another user's."""
    try:
        with (state / DEMO_ENV).open() as file:
            words = shlex.split(file.read(DEMO_ENV_BYTES_MAX), comments=True)
    except OSError:
        return {}
    pairs = (word.partition("=") for word in words)
    return {name: value for name, _, value in pairs}


def demo_lines(environ: Mapping[str, str]) -> str:
    """Returns what demo_environ reads, and a shell too: `set -a; . .state/demo.env`."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in environ.items())


@contextlib.contextmanager
def told(state: Path, environ: Mapping[str, str]) -> Iterator[None]:
    """The settings for the other commands, readable by us alone, while the demo runs."""
    file = state / DEMO_ENV
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(demo_lines(environ))
    try:
        yield
    finally:
        file.unlink(missing_ok=True)
