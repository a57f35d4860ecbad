"""The layout of the tree: class names that occur once, folders and files that a reader can take in."""

import ast
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PRODUCTION = ("khallas", "channels", "sessions", "core")
FOLDERS = (*PRODUCTION, "lab", "bench", "tests")
FILES_OF_A_FOLDER_MAX = 25
LINES_OF_A_FILE_MAX = 400


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


def test_no_lock_names_a_host() -> None:
    """What is installed comes from whichever registry a machine has; a lock says what, never where from."""
    locks = [*ROOT.glob("requirements/*.lock"), *ROOT.glob("tests/**/package-lock.json")]
    assert len(locks) > 3
    assert [str(path.relative_to(ROOT)) for path in locks if "://" in path.read_text()] == []
