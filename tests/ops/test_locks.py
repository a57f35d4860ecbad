"""The locks are whole: what is installed from them without resolving anything lacks nothing, on every Python."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PYTHONS = ("3.11.2", "3.11.7", "3.12.1", "3.13.0")
SETS = {
    "production": ("pdf",),
    "production voice": ("pdf", "voice"),
    "production otel": ("pdf", "otel"),
    "production relay": ("pdf", "relay"),
    "demo": ("pdf", "lab"),
    "dev": ("pdf", "lab", "voice", "otel", "relay"),
}


def pinned(names: str) -> dict[str, str]:
    """What these locks install together, by name."""
    found: dict[str, str] = {}
    for name in names.split():
        text = (ROOT / f"requirements/{name}.lock").read_text()
        found |= dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", text, re.MULTILINE))
    return found


def environment(python: str) -> dict[str, str]:
    own = {name: str(value) for name, value in default_environment().items()}
    return own | {"python_full_version": python, "python_version": python.rpartition(".")[0]}


def lacking(pins: dict[str, str], extras: tuple[str, ...], python: str) -> list[str]:
    """What something in the lock requires on this Python, and the lock does not hold."""
    marks, wrong = environment(python), []
    waiting, seen = [("khallas", extra) for extra in ("", *extras)], set()
    waiting += [(name, "") for name in pins]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        for line in metadata.requires(name) or ():
            needed = Requirement(line)
            if needed.marker and not needed.marker.evaluate(marks | {"extra": extra}):
                continue
            wanted = canonicalize_name(needed.name)
            if wanted not in pins or not needed.specifier.contains(pins[wanted], prereleases=True):
                wrong.append(f"{name} wants {needed}: {pins.get(wanted)}")
                continue
            waiting += [(wanted, one) for one in ("", *needed.extras)]
    return wrong


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("names", SETS)
def test_a_lock_lacks_nothing(names: str, python: str) -> None:
    assert lacking(pinned(names), SETS[names], python) == []


def test_a_lock_that_lacks_something_is_seen() -> None:
    pins = pinned("dev")
    del pins["tomli"]
    pins["yarl"] = "0.1"
    assert {wrong.split()[0] for wrong in lacking(pins, (), "3.11.0")} > {"khallas", "aiohttp"}


def test_one_version_everywhere() -> None:
    dev = pinned("dev")
    for names in SETS:
        assert pinned(names).items() <= dev.items(), names


def test_the_project_itself_is_built_with_what_the_lock_holds() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    for requirement in map(Requirement, wanted):
        for names in SETS:
            assert requirement.specifier.contains(pinned(names)[requirement.name]), names


def test_all_that_is_pinned_has_hashes() -> None:
    for lock in (ROOT / "requirements").glob("*.lock"):
        for entry in re.split(r"\n(?=\S)", lock.read_text().strip()):
            assert re.fullmatch(r"[a-z0-9._-]+==\S+( \\\n    --hash=sha256:[0-9a-f]{64})+", entry), (lock.name, entry)


def test_nothing_is_resolved_anywhere() -> None:
    """Wherever a lock is installed, by script, image or guide."""
    places = [ROOT / "run", ROOT / "requirements/install.sh", ROOT / "Dockerfile", *(ROOT / "docs").rglob("*.md")]
    commands = [
        line
        for place in places
        for line in place.read_text().splitlines()
        if re.search(r'pip install .*(-r |"\$@"$)|pip_ install .*-r ', line)
    ]
    assert len(commands) > 3
    for command in commands:
        assert "--no-deps" in command, command
        assert "--require-hashes" in command, command
    for place in places:
        assert not re.search(r"pip install [^\n]*\.\[", place.read_text()), place
