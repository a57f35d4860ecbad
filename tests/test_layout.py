"""The layout of the tree: class names that occur once, folders and files that a reader can take in."""

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PRODUCTION = ("khallas", "channels", "sessions", "core")
FOLDERS = (*PRODUCTION, "lab", "bench", "tests")
FILES_OF_A_FOLDER_MAX = 25
LINES_OF_A_FILE_MAX = 400
OURS = re.compile(rf"(?:{'|'.join((*PRODUCTION, 'lab'))})\.")
CONSTANT = re.compile(r"_*[A-Z][A-Z0-9_]+")


def modules(folders: tuple[str, ...]) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def test_a_class_name_occurs_once_in_production_code() -> None:
    places: dict[str, list[str]] = {}
    for path in modules(PRODUCTION):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(path.relative_to(ROOT).as_posix())
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_no_folder_holds_more_modules_than_a_reader_takes_in() -> None:
    sizes = Counter(path.parent.relative_to(ROOT).as_posix() for path in modules(FOLDERS))
    # Migrations form one line that only grows; their folder is a log, not a shelf.
    sizes.pop("core/database/migrations/versions")
    assert {folder: size for folder, size in sizes.items() if size > FILES_OF_A_FOLDER_MAX} == {}


def test_no_module_is_longer_than_a_reader_takes_in() -> None:
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in modules(FOLDERS)
    }
    assert {name: lines for name, lines in lengths.items() if lines > LINES_OF_A_FILE_MAX} == {}


def replaced(tree: ast.Module) -> Iterator[str]:
    """The full names of what a module replaces elsewhere: by a setattr, or by an assignment to an attribute."""
    origins: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            origins |= {name.asname or name.name: f"{node.module}.{name.name}" for name in node.names}
        elif isinstance(node, ast.Import):
            origins |= {name.asname: name.name for name in node.names if name.asname}
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="setattr") | ast.Attribute(attr="setattr"), args=[target, named, *_]):
                yield _whole(target, named, origins)
            case ast.Attribute(value=target, attr=name, ctx=ast.Store()):
                yield _whole(target, ast.Constant(name), origins)


def _whole(target: ast.expr, named: ast.expr, origins: Mapping[str, str]) -> str:
    match target, named:
        case ast.Constant(str(whole)), _:  # setattr("module.name", value)
            return whole
        case _, ast.Constant(str(name)):
            first, dot, rest = ast.unparse(target).partition(".")
            return f"{origins.get(first, first)}{dot}{rest}.{name}"
        case _:
            return ""  # a name that is known only when it runs


def test_bounds_are_passed_in_and_never_patched() -> None:
    """Whoever replaces a constant must know which module reads it, and when; an argument tells by itself."""
    patched = {
        (path.relative_to(ROOT).as_posix(), name)
        for path in modules(("tests", "lab"))
        for name in replaced(ast.parse(path.read_text(encoding="utf-8")))
        if OURS.match(name) and CONSTANT.fullmatch(name.rpartition(".")[2])
    }
    assert patched == set()


@pytest.mark.parametrize(
    "written",
    [
        'monkeypatch.setattr("core.pace.WAIT_S", 1)',
        'from core import pace\nmonkeypatch.setattr(pace, "WAIT_S", 1)',
        'from core.pace import Pace\nsetattr(Pace, "WAIT_S", 1)',
        "import core.pace\ncore.pace.WAIT_S = 1",
        "import core.pace as kept\nkept.WAIT_S = 1",
    ],
)
def test_what_is_patched_is_found_however_it_is_written(written: str) -> None:
    (name,) = replaced(ast.parse(written))
    assert name in {"core.pace.WAIT_S", "core.pace.Pace.WAIT_S"}


def test_no_lock_names_a_host() -> None:
    """What is installed comes from whichever registry a machine has; a lock says what, never where from."""
    locks = [*ROOT.glob("requirements/*.lock"), *ROOT.glob("tests/**/package-lock.json")]
    assert len(locks) > 3
    assert [str(path.relative_to(ROOT)) for path in locks if "://" in path.read_text()] == []
