"""The programs that a cluster is made of: Debian's, and Patroni as `requirements/patroni.lock` names it.

Debian 12's own Patroni (3.0.2) loses commits: a primary that stood still wakes up and takes the lock from whoever was
promoted meanwhile. What that package depends on is what a newer Patroni needs, too.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from lab.servers.processes import ServerFailed

PACKAGES = ("patroni", "etcd-server", "haproxy", "postgresql-15")
BINARIES = Path("/usr/lib/postgresql/15/bin")
LOCK = Path(__file__).parents[3] / "requirements" / "patroni.lock"
OTHER_PATRONI = "CHAOS_PATRONI"  # in the environment: the program of another release
INSTALL_MAX_S = 900.0
WHERE = "/usr/bin:/usr/sbin:/usr/local/bin:/usr/local/sbin"
# by Debian's Python, which everybody may run; the process that starts PostgreSQL loads it again and calls nothing
LAUNCHER = """#!/usr/bin/python3
import sys

sys.path.insert(0, {modules!r})
from patroni.__main__ import main

if __name__ == "__main__":
    main()
"""


@dataclass(frozen=True, slots=True)
class Programs:
    """Where they are."""

    etcd: Path
    haproxy: Path
    patroni: Path
    postgres: Path  # the folder


def needed(folder: Path) -> Programs:
    """Installs what lacks: Debian's packages as root, the lock's Patroni into `folder`, where others may enter. Raises
    ServerFailed, which says what to do.
    """
    programs = _of_debian()
    other = os.environ.get(OTHER_PATRONI)
    return replace(programs, patroni=Path(other) if other else _of_the_lock(folder))


def _of_the_lock(folder: Path) -> Path:
    modules, program = folder / "modules", folder / "patroni"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--no-compile"]
    done = subprocess.run(
        [*install, "--target", str(modules), "-r", str(LOCK)], capture_output=True, check=False, timeout=INSTALL_MAX_S
    )
    if done.returncode != 0:
        raise ServerFailed(f"{LOCK.name} was not installed: {done.stderr.decode(errors='replace')[-500:]}")
    program.write_text(LAUNCHER.format(modules=str(modules)))
    program.chmod(0o755)
    return program


def _found() -> Programs | None:
    """What Debian has of them; None when something lacks."""
    etcd, haproxy, patroni = (shutil.which(name, path=WHERE) for name in ("etcd", "haproxy", "patroni"))
    if not (etcd and haproxy and patroni and os.access(BINARIES / "pg_rewind", os.X_OK)):
        return None
    return Programs(Path(etcd), Path(haproxy), Path(patroni), BINARIES)


def _of_debian() -> Programs:
    there = _found()
    if there is not None:
        return there
    by_hand = f"apt-get install --no-install-recommends {' '.join(PACKAGES)}"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise ServerFailed(f"no Patroni, etcd, HAProxy and PostgreSQL 15 here; as root on Debian 12: {by_hand}")
    # runlevel 1: the packages' own services are not started beside ours
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    subprocess.run(["apt-get", "update", "-qq"], env=quiet, capture_output=True, check=False, timeout=INSTALL_MAX_S)
    done = subprocess.run(
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES],
        env=quiet,
        capture_output=True,
        check=False,
        timeout=INSTALL_MAX_S,
    )
    there = _found()
    if there is None:
        raise ServerFailed(f"`{by_hand}` did not bring them: {done.stderr.decode(errors='replace')[-500:]}")
    return there
