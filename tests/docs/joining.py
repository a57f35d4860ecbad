"""A guide's pieces joined into a copy of the application, exactly as written."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[2]
STARTS_MAX_S = 300
PACKAGES = ("channels", "core", "khallas", "locales", "sessions")
_PIECE = re.compile(
    r"^( *)```python\n\1# into: (?P<file>\S+), (?P<where>above|below|instead of) `(?P<anchor>.+?)`\n"
    r"(?P<piece>.*?)^\1```",
    re.MULTILINE | re.DOTALL,
)
_TEXTS = re.compile(
    r"^( *)```toml\n\1# into: (?P<files>locales/\S+(?: and locales/\S+)*), at the end\n(?P<piece>.*?)^\1```",
    re.MULTILINE | re.DOTALL,
)
_FILE = re.compile(r"^( *)```python\n\1# file: (?P<file>\S+/\S+)\n(?P<source>.*?)^\1```", re.MULTILINE | re.DOTALL)


def copied(to: Path) -> Path:
    """What is served, and nothing else, so that pieces may be joined into it."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, to / package, ignore=shutil.ignore_patterns("__pycache__"))
    return to


def joined(page: str, to: Path) -> None:
    """Every `# into:` and every `# file:` block of a page of docs/extending. An anchor must stand there once."""
    text = (ROOT / "docs/extending" / page).read_text()
    pieces = list(_PIECE.finditer(text))
    for found in pieces:
        file = to / found["file"]
        anchor = found["anchor"].replace("\\n", "\n")
        before = file.read_text()
        assert before.count(anchor) == 1, f"{page}: {anchor!r} does not stand once in {found['file']}"
        piece = _out(found["piece"], found[1])
        file.write_text(before.replace(anchor, _placed(found["where"], anchor, piece)))
    for found in _TEXTS.finditer(text):
        for name in found["files"].split(" and "):
            with (to / name).open("a") as texts:
                texts.write(_out(found["piece"], found[1]))
    files = list(_FILE.finditer(text))
    for found in files:
        (to / found["file"]).write_text(textwrap.dedent(found["source"]))
    assert pieces or files, f"{page} has no block to join"


def _placed(where: str, anchor: str, piece: str) -> str:
    match where:
        case "above":
            return piece + anchor
        case "below":
            return anchor + "\n" + piece.rstrip("\n")
        case _:
            return piece.rstrip("\n")


def _out(piece: str, indent: str) -> str:
    """The piece as it stands in its file: without the indent of the list it is in."""
    return "".join(line.removeprefix(indent) for line in piece.splitlines(keepends=True))


def run(at: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """A Python of its own that finds the copy first."""
    path = os.pathsep.join([str(at), str(ROOT)])
    return subprocess.run(
        [sys.executable, "-P", *words],
        cwd=at,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=STARTS_MAX_S,
        check=False,
    )
