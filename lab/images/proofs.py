"""What is tried of any image: that it runs as nobody special, writes nowhere, and ends when it is told to."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.images.sealed import Contained, Sealed

STEP_MAX_S = 600
HERE = "127.0.0.1"
NO_CAPABILITY = "0" * 16


class ProofFailed(Exception):
    """An image does not do what is said of it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What /proc says of a process."""

    users: frozenset[int]
    capabilities: frozenset[str]
    no_new_privileges: bool


def standing_of(status: str) -> Standing:
    """Reads /proc/PID/status: the user in every of its meanings, what it may ever gain."""
    lines = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    users = frozenset(int(each) for each in lines["Uid"].split())
    capabilities = frozenset(lines[name].strip() for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb", "CapInh"))
    return Standing(users, capabilities, lines["NoNewPrivs"].strip() == "1")


def here(words: Sequence[str], port: int) -> tuple[str, ...]:
    """An image's own words, on this machine's loopback and a free port."""
    return tuple(word.replace("0.0.0.0", HERE).replace("8000", str(port)) for word in words)


def sealed_root(sealed: Sealed) -> None:
    """Root itself can write nowhere but where the compose file lets it."""
    for path, written in (("/probe", False), ("/opt/probe", False), ("/tmp/probe", True)):  # noqa: S108 - in there
        done = ran(sealed.as_root("touch", path))
        if (done.returncode == 0) is not written or (not written and "Read-only file system" not in done.stderr):
            raise ProofFailed(f"touch {path}: exit {done.returncode} {done.stderr.strip()}")


def stands(process: Contained, user: str) -> None:
    """It is whom the image names, and can never be more."""
    found = standing_of(Path(f"/proc/{process.first}/status").read_text())
    uid = int(user.partition(":")[0])
    if found != Standing(frozenset({uid}), frozenset({NO_CAPABILITY}), no_new_privileges=True):
        raise ProofFailed(f"process 1 is {found}")


def stopped(process: Contained) -> str:
    """SIGTERM ends it well. Raises ProofFailed."""
    process.stop()
    if process.code != 0:
        raise ProofFailed(f"after SIGTERM it ended with {process.code}: {process.log_tail()}")
    return "exit 0"


def ended(command: Sequence[str]) -> str:
    """What a command that ends well printed. Raises ProofFailed."""
    done = ran(command)
    if done.returncode != 0:
        raise ProofFailed(f"exit {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout.strip()


def ran(command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    """Whatever comes of it."""
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=STEP_MAX_S)
