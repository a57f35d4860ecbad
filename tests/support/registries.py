"""Software of others that tests run against: installed once, by a lock, beside the tests' Python."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

INSTALL_MAX_S = 180
AWAY = (
    *("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH"),
    *("NewConnectionError", "ConnectTimeoutError", "NameResolutionError", "ProxyError", "Temporary failure"),
)


class RegistryAway(Exception):
    """The registry cannot be reached, and what it has was not installed before."""


def npm_folder(sources: Path, name: str, wanted: str) -> Path:
    """The folder with the node_modules that a lock beside the sources names; made anew when the lock changes. `wanted`
    is said where node or npm is missing. Raises RegistryAway.
    """
    npm = shutil.which("npm")
    assert shutil.which("node"), wanted
    folder = _place(name, (sources / "package-lock.json").read_bytes())
    if not (folder / "installed").exists():
        assert npm, wanted
        folder.mkdir(parents=True, exist_ok=True)
        for file in ("package.json", "package-lock.json"):
            shutil.copy(sources / file, folder / file)
        _run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], folder)
        (folder / "installed").touch()
    return folder


def pypi_folder(requirements: Path, name: str) -> Path:
    """The folder with the wheels that a file names with their hashes, without what they need. Raises RegistryAway."""
    folder = _place(name, requirements.read_bytes())
    if not (folder / "installed").exists():
        folder.mkdir(parents=True, exist_ok=True)
        wheels = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--target", str(folder)]
        _run([sys.executable, "-m", "pip", "install", "--quiet", *wheels, "-r", str(requirements.resolve())], folder)
        (folder / "installed").touch()
    return folder


def _place(name: str, lock: bytes) -> Path:
    return Path(sys.prefix) / name / hashlib.sha256(lock).hexdigest()[:12]


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True, timeout=INSTALL_MAX_S)
    if done.returncode == 0:
        return
    told = done.stderr + done.stdout
    if any(word in told for word in AWAY):
        raise RegistryAway(f"{Path(command[0]).name}: {told.strip()[-300:]}")
    raise AssertionError(f"{command} ended with {done.returncode}: {told.strip()[-2_000:]}")
