"""What this machine gives a build: the tools, and where its pip and apt find packages."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

TOOLS = ("buildah", "debootstrap", "unshare")
PACKAGES = ("buildah", "debootstrap", "debian-archive-keyring")
INSTALL_MAX_S = 900
ASK_MAX_S = 120
SUITE = "bookworm"
MIRROR = "http://deb.debian.org/debian"  # where apt itself knows none: on Ubuntu
# of pip's settings those that say where packages come from, not what is done with them
PIP_KEYS = frozenset({
    "cert", "client-cert", "default-timeout", "extra-index-url", "find-links", "index-url", "no-index", "proxy",
    "retries", "timeout", "trusted-host",
})  # fmt: skip
PIP_SECTIONS = ("global", "install", ":env:")  # the later one wins
INDEXES = frozenset({"extra-index-url", "index-url"})
APT_KEYS = ("Acquire::Check-", "Acquire::ForceIPv", "Acquire::Retries", "Acquire::http", "Acquire::https")
LISTED = re.compile(r"^(global|install|:env:)\.([a-z-]+)=('.*'|\".*\")$")
QUOTED = re.compile(r'"([^"]*)"')


@dataclass(frozen=True, slots=True)
class Told:
    """What pip and apt read in the build, and the paths of this machine that it names."""

    pip: str
    apt: str
    paths: tuple[Path, ...]


def lacking() -> str | None:
    """Why nothing can be built here; None where everything is there, installed by apt where that is possible."""
    if os.geteuid() != 0:
        return "only root can make a base of Debian's packages and enter it"
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing and shutil.which("apt-get") is not None:
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for words in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *PACKAGES]):
            subprocess.run(["apt-get", *words], env=quiet, capture_output=True, check=False, timeout=INSTALL_MAX_S)
        missing = [tool for tool in missing if shutil.which(tool) is None]
    if missing:
        return f"not installed: {', '.join(missing)} (Debian: apt-get install {' '.join(PACKAGES)})"
    tried = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "true"], capture_output=True, check=False, timeout=ASK_MAX_S
    )
    if tried.returncode != 0:
        return "this root may make no namespaces: a container without privileges"
    return None if _reached(place := mirror()) else f"Debian's mirror {place} cannot be reached"


def mirror_of(targets: str) -> str:
    """Debian's mirror, of what apt says of its targets."""
    return (targets.split() or [MIRROR])[0]


def mirror() -> str:
    """Where this machine's apt finds Debian."""
    if shutil.which("apt-get") is None:
        return MIRROR
    asked = ["indextargets", "--format", "$(REPO_URI)", "Identifier: Packages", f"Codename: {SUITE}"]
    return mirror_of(_said("apt-get", *asked))


def told() -> Told:
    """What this machine's pip and apt are told."""
    listed = _said("pip", "config", "list")
    dumped = _said("apt-config", "dump") if shutil.which("apt-config") else ""
    apt = apt_settings(dumped)
    named = (*pip_paths(listed), *(Path(each) for each in QUOTED.findall(apt) if each.startswith("/")))
    return Told(pip_settings(listed), apt, tuple(dict.fromkeys(path for path in named if path.exists())))


def pip_settings(listed: str) -> str:
    """A pip.conf of what `pip config list` printed: where packages come from, and nothing else."""
    kept = dict(_pip(listed))
    lines = [f"{key} = {' '.join(value.split())}" for key, value in kept.items()]
    return "\n".join(("[global]", *lines, ""))


def pip_paths(listed: str) -> Iterator[Path]:
    """The paths of this machine that these settings name. The files of a local index lie beside its pages."""
    for key, value in _pip(listed):
        for word in value.split():
            path = Path(word.removeprefix("file://"))
            if path.is_absolute():
                yield path.parent if key in INDEXES and path.parent != path.parent.parent else path


def apt_settings(dumped: str) -> str:
    """Of `apt-config dump` the lines that say how a mirror is reached."""
    return "".join(f"{line}\n" for line in dumped.splitlines() if line.startswith(APT_KEYS))


def _pip(listed: str) -> Sequence[tuple[str, str]]:
    found = [match.groups() for line in listed.splitlines() if (match := LISTED.match(line))]
    found.sort(key=lambda each: PIP_SECTIONS.index(each[0]))
    return [(key, str(ast.literal_eval(value))) for _, key, value in found if key in PIP_KEYS]


def _reached(place: str) -> bool:
    try:
        with urlopen(f"{place.rstrip('/')}/dists/{SUITE}/Release", timeout=ASK_MAX_S) as answer:  # noqa: S310 - apt's own
            return bool(answer.status == 200)
    except OSError:
        return False


def _said(program: str, *words: str) -> str:
    command = [sys.executable, "-m", "pip", *words] if program == "pip" else [program, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=ASK_MAX_S)
    return done.stdout
