"""A docstring that says which port a class implements, or which error is raised, names a class that is there; none says
a paragraph twice.
"""

import ast
import builtins
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("core", "channels", "sessions", "khallas", "lab")
IMPLEMENTS = re.compile(r"Implements ((?:[a-z_]+\.)*[A-Z]\w*)(?: and ((?:[a-z_]+\.)*[A-Z]\w*))?")
RAISES = re.compile(r"Raises ([^.;:(]*)")
CLASS = re.compile(r"\b[A-Z][a-z]+\w*")


@cache
def modules() -> Sequence[tuple[Path, ast.Module]]:
    paths = (path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py")))
    return [(path, ast.parse(path.read_text(encoding="utf-8"))) for path in paths]


def written(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def docstrings(tree: ast.Module) -> Iterator[str]:
    return (" ".join(text.split()) for text in written(tree))


def classes(tree: ast.Module) -> set[str]:
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}


def test_every_port_that_is_implemented_exists() -> None:
    there = {".".join(path.relative_to(ROOT).with_suffix("").parts): classes(tree) for path, tree in modules()}
    named: list[tuple[str, str]] = []
    for path, tree in modules():
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for match in IMPLEMENTS.finditer(" ".join(docstrings(tree))):
            named += [(module, port if "." in port else f"{module}.{port}") for port in match.groups() if port]
    assert len(named) > 50
    assert [
        (where, port) for where, port in named if port.split(".")[-1] not in there.get(port.rpartition(".")[0], ())
    ] == []


def test_every_error_that_is_raised_exists() -> None:
    known = set(dir(builtins))
    for _, tree in modules():
        known |= classes(tree)
        known |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    unknown = [
        f"{path.relative_to(ROOT)}: {name}"
        for path, tree in modules()
        for text in docstrings(tree)
        for raised in RAISES.finditer(text)
        for name in CLASS.findall(raised[1])
        if name not in known
    ]
    assert unknown == []


def repeated(text: str) -> list[str]:
    paragraphs = [" ".join(each.split()) for each in text.split("\n\n")]
    return [each for n, each in enumerate(paragraphs) if any(each in other for other in paragraphs[:n])]


def test_no_docstring_says_a_paragraph_twice() -> None:
    assert repeated("Reads.\n\nca: a file.") == []
    assert repeated("Reads. ca: a\nfile.\n\nca: a file.") == ["ca: a file."]
    twice = [
        f"{path.relative_to(ROOT)}: {text}"
        for path, tree in modules()
        for whole in written(tree)
        for text in repeated(whole)
    ]
    assert twice == []
