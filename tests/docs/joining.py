"""A guide's pieces joined into a copy of the application, exactly as written."""

import re
import shutil
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("channels", "core", "khallas", "locales", "sessions")
_PIECE = re.compile(
    r"^( *)```python\n\1# into: (?P<file>\S+), (?P<where>above|below) `(?P<anchor>.+?)`\n(?P<piece>.*?)^\1```",
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
        both = (piece + anchor) if found["where"] == "above" else (anchor + "\n" + piece.rstrip("\n"))
        file.write_text(before.replace(anchor, both))
    files = list(_FILE.finditer(text))
    for found in files:
        (to / found["file"]).write_text(textwrap.dedent(found["source"]))
    assert pieces or files, f"{page} has no block to join"


def _out(piece: str, indent: str) -> str:
    """The piece as it stands in its file: without the indent of the list it is in."""
    return "".join(line.removeprefix(indent) for line in piece.splitlines(keepends=True))
