"""The tool that changes the code: what it changes, what it leaves alone, and that the change is what then runs."""

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

from core import money
from tests.mutants.__main__ import EQUIVALENT
from tests.mutants.choosing import affordable, imported, mutants_of, unreached_checks
from tests.mutants.mutations import changes
from tests.mutants.swapping import living_functions, swap

SOURCE = '''
LIMIT = 3

class Port(Protocol):
    def f(self) -> int: return 1

def f(x: int, most: int = 5) -> bool:
    """Words."""
    log.info("read %d", x)
    if x < most and not x:
        raise ValueError("a word for people")
    self.x = x + 1
    count(x)
    self.says = NotSent("words" if x else "others")
    return any(y for y in x if y.z)
'''


def changed(number: int) -> str:
    tree = ast.parse(SOURCE)
    changes(tree)[number].apply()
    return ast.unparse(ast.fix_missing_locations(tree))


def test_what_is_changed_and_where() -> None:
    found = [(change.line, change.function, change.text) for change in changes(ast.parse(SOURCE))]
    assert found == [
        (2, "", "3 becomes 4"),
        (7, "", "5 becomes 6"),
        (10, "f", "And becomes Or"),
        (10, "f", "Lt becomes LtE"),
        (10, "f", "not removed"),
        (11, "f", "statement removed"),
        (12, "f", "statement removed"),
        (12, "f", "Add becomes Sub"),
        (12, "f", "1 becomes 2"),
        (13, "f", "statement removed"),
        (14, "f", "statement removed"),
        (15, "f", "returns None"),
        (15, "f", "any becomes all"),
        (15, "f", "condition negated"),
    ]


@pytest.mark.parametrize(
    ("text", "shorter"),
    [("ab", "a"), ("a ", "a"), ("a\n", "a"), ("\n", "XX"), ("", "XX"), ("\na\nb", "\na\n"), ("\nSELECT 1\n", None)],
)
def test_of_a_block_of_lines_the_end_alone_is_not_taken_away(text: str, shorter: str | None) -> None:
    found = [change.text for change in changes(ast.parse(f"A = {text!r}"))]
    assert found == ([] if shorter is None else [f"{text!r} becomes {shorter!r}"])


@pytest.mark.parametrize(
    ("number", "line"),
    [
        (0, "LIMIT = 4"),
        (1, "def f(x: int, most: int=6) -> bool:"),
        (2, "    if x < most or not x:"),
        (4, "    if x < most and x:"),
        (5, "        pass"),
        (11, "    return None"),
        (13, "    return any((y for y in x if not y.z))"),
    ],
)
def test_a_change_is_one_line_and_no_other(number: int, line: str) -> None:
    before = ast.unparse(ast.parse(SOURCE)).splitlines()
    after = changed(number).splitlines()
    assert [new for old, new in zip(before, after, strict=True) if new != old] == [line]


def test_the_living_function_runs_the_mutant() -> None:
    path = Path(money.__file__)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    chosen = next(
        each for each in changes(tree) if each.function == "parse_centimes" and each.text == "Mult becomes FloorDiv"
    )
    chosen.apply()
    living = living_functions()
    kept = money.parse_centimes.__code__
    parse: Callable[[str], int] = money.parse_centimes
    try:
        assert swap(path, compile(ast.fix_missing_locations(tree), str(path), "exec", dont_inherit=True), living)
        assert parse("769.20") == 769 // 100 + 20
    finally:
        money.parse_centimes.__code__ = kept
    assert parse("769.20") == 76920


def test_of_many_tests_the_shortest_that_fit_are_run() -> None:
    costs = {"slow": 50.0, "short": 1.0, "middling": 20.0, "elsewhere": 0.1}
    assert affordable({"slow", "short", "middling", "unmapped"}, costs, 30) == (("short", 1.0), ("middling", 20.0))
    assert affordable({"slow"}, costs, 30) == (("slow", 50.0),)


def test_what_the_import_makes_is_tried_by_whoever_imports_it_too() -> None:
    assert {"core/money.py", "tests/mutants/choosing.py"} <= imported("tests/mutants/test_mutants.py")
    assert "core/zone.py" not in imported("tests/mutants/test_mutants.py")
    assert "" in imported("tests/core/test_words.py")
    found = mutants_of("core/money.py", {}, {"looks": 1.0}, importing=["looks"])
    assert {mutant.tests for mutant in found if not mutant.function} == {(("looks", 1.0),)}
    of_a_line = mutants_of("core/money.py", {16: {"enters"}}, {"looks": 1.0, "enters": 1.0}, importing=["looks"])
    assert {mutant.tests for mutant in of_a_line if mutant.line == 16} == {(("enters", 1.0),)}


def test_a_check_that_no_test_comes_to_is_told() -> None:
    here = Path(__file__).relative_to(Path(__file__).resolve().parents[2]).as_posix()
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    reached = {number for number, line in enumerate(lines, 1) if "assert " in line}
    assert list(unreached_checks(here, reached)) == []
    last = max(reached)
    (told,) = unreached_checks(here, reached - {last})
    assert told.startswith(f"{here}:{last} test_")


def test_every_equivalent_mutant_is_one_that_is_made_and_has_its_reason() -> None:
    """A line that a later change of the code made void goes."""
    for line in EQUIVALENT.read_text(encoding="utf-8").splitlines()[1:]:
        name, reason = line.rsplit(" | ", 1)
        path = name.split(" | ")[0]
        assert name in {mutant.name for mutant in mutants_of(path, {}, {})}, name
        assert reason.strip()
