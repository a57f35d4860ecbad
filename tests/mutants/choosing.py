"""The mutants of some modules, and the tests that enter the line each of them changes."""

import ast
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.mutants.mutations import changes

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = ("core/database/", "sessions/store/")  # SQL and Redis: what they do is not in their Python
TESTS_MAX_S = 60.0  # of a line that hundreds of tests enter, those that fit
TESTS_OF_IMPORT_MAX_S = 15.0  # each such mutant imports everything anew
SOURCE_MAX_CHARS = 160

Lines = Mapping[int, set[str]]


@dataclass(frozen=True, slots=True)
class Mutant:
    """The number-th change of a module.

    `function` is empty where the import runs the line; a line that no test `entered` may be run by a test's own import.
    """

    path: str
    number: int
    line: int
    function: str
    text: str
    source: str
    entered: bool = False
    tests: tuple[tuple[str, float], ...] = ()

    @property
    def name(self) -> str:
        """How equivalent.txt writes it: nothing that moves when other lines do."""
        return f"{self.path} | {self.function or 'module'} | {self.source} | {self.text}"


def modules(only: list[str]) -> list[str]:
    """The paths to change, in the order they were named."""
    found: list[str] = []
    for name in only:
        paths = sorted((ROOT / name).rglob("*.py")) if (ROOT / name).is_dir() else [ROOT / name]
        found += [path.relative_to(ROOT).as_posix() for path in paths]
    return [path for path in dict.fromkeys(found) if not path.startswith(LEFT_OUT)]


def mutants_of(
    path: str,
    entered: Lines,
    costs: Mapping[str, float],
    tests_max_s: float = TESTS_MAX_S,
    importing: Collection[str] = (),
) -> list[Mutant]:
    """Those of one module; `entered` says which tests enter which of its lines, `importing` which may look at what its
    import makes and enter none.
    """
    text = (ROOT / path).read_text(encoding="utf-8")
    lines = text.splitlines()
    any_line: set[str] = set(importing).union(*entered.values())
    found: list[Mutant] = []
    for number, change in enumerate(changes(ast.parse(text))):
        span = range(change.line, change.last_line + 1)
        tests = set().union(*(entered.get(line, set()) for line in span)) if change.function else set()
        limit_s = tests_max_s if tests else min(tests_max_s, TESTS_OF_IMPORT_MAX_S)
        source = " ".join(lines[line - 1].strip() for line in span)[:SOURCE_MAX_CHARS]
        timed = affordable(tests or any_line, costs, limit_s)
        found.append(Mutant(path, number, change.line, change.function, change.text, source, bool(tests), timed))
    return found


@cache
def imported(test_file: str) -> frozenset[str]:
    """The modules of ours that a test file names in its imports, as paths; "" where it walks through all of them."""
    text = (ROOT / test_file).read_text(encoding="utf-8")
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names.update((node.module, *(f"{node.module}.{alias.name}" for alias in node.names)))
    paths = {name.replace(".", "/") + ending for name in names for ending in (".py", "/__init__.py")}
    return frozenset({path for path in paths if (ROOT / path).exists()} | ({""} if "walk_packages" in text else set()))


def affordable(tests: set[str], costs: Mapping[str, float], limit_s: float) -> tuple[tuple[str, float], ...]:
    """The shortest that fit together, at least one."""
    total = 0.0
    taken: list[tuple[str, float]] = []
    for cost, name in sorted((costs[name], name) for name in tests if name in costs):
        total += cost
        if taken and total > limit_s:
            break
        taken.append((name, cost))
    return tuple(taken)


def unreached_checks(test_file: str, entered: Collection[int]) -> Iterator[str]:
    """The assertions that no test came to: they cannot fail."""
    for node in ast.walk(ast.parse((ROOT / test_file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            for inner in ast.walk(node):
                if isinstance(inner, ast.Assert) and inner.lineno not in entered:
                    yield f"{test_file}:{inner.lineno} {node.name}"
