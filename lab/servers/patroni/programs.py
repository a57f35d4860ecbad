"""Debian's programs that a cluster is made of: found, or installed where root may, or named in what lacks."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lab.servers.processes import ServerFailed

PACKAGES = ("patroni", "etcd-server", "haproxy", "postgresql-15")
BINARIES = Path("/usr/lib/postgresql/15/bin")
OTHER_PATRONI = "CHAOS_PATRONI"  # in the environment: the program of another release than Debian's
INSTALL_MAX_S = 900.0
WHERE = "/usr/bin:/usr/sbin:/usr/local/bin:/usr/local/sbin"


@dataclass(frozen=True, slots=True)
class Programs:
    """Where they are."""

    etcd: Path
    haproxy: Path
    patroni: Path
    postgres: Path  # the folder


def found() -> Programs | None:
    """None when something lacks."""
    etcd, haproxy, patroni = (shutil.which(name, path=WHERE) for name in ("etcd", "haproxy", "patroni"))
    patroni = os.environ.get(OTHER_PATRONI) or patroni
    if not (etcd and haproxy and patroni and os.access(BINARIES / "pg_rewind", os.X_OK)):
        return None
    return Programs(Path(etcd), Path(haproxy), Path(patroni), BINARIES)


def needed() -> Programs:
    """Installs what lacks, as root. Raises ServerFailed, which says what to do."""
    there = found()
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
    there = found()
    if there is None:
        raise ServerFailed(f"`{by_hand}` did not bring them: {done.stderr.decode(errors='replace')[-500:]}")
    return there
