"""A mutant's code in the place of the original's, in the process that runs."""

import ast
import gc
import sys
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, FunctionType

from tests.mutants.choosing import ROOT
from tests.mutants.mutations import changes

OURS = ("core", "sessions", "channels", "khallas", "locales", "tests", "bench", "prometheus_client")
STAYS = "tests.mutants"

Living = dict[tuple[str, str, int], list[FunctionType]]


def mutated(path: Path, number: int) -> CodeType:
    """The module with its number-th change."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    changes(tree)[number].apply()
    code: CodeType = compile(ast.fix_missing_locations(tree), str(path), "exec", dont_inherit=True)
    return code


def living_functions() -> Living:
    """The functions of ours that exist, by file, name and line."""
    gc.unfreeze()  # tests/conftest.py hides what was collected from the look for garbage, and so from us
    found: Living = {}
    for thing in gc.get_objects():
        if isinstance(thing, FunctionType) and thing.__code__.co_filename.startswith(str(ROOT)):
            code = thing.__code__
            found.setdefault((code.co_filename, code.co_qualname, code.co_firstlineno), []).append(thing)
    gc.freeze()
    return found


def swap(path: Path, mutant: CodeType, living: Living) -> bool:
    """Give the living functions the mutant's code. False if none lives, or if it closes over other names."""
    original: CodeType = compile(path.read_text(encoding="utf-8"), str(path), "exec", dont_inherit=True)
    swapped = False
    for old, new in _differing(original, mutant):
        for function in living.get((str(path), old.co_qualname, old.co_firstlineno), ()):
            if function.__code__ != old:
                continue
            if old.co_freevars != new.co_freevars:
                return False
            function.__code__ = new
            swapped = True
    return swapped


def _differing(old: CodeType, new: CodeType) -> Iterator[tuple[CodeType, CodeType]]:
    """Pairs of code that differ, outermost first."""
    olds = [code for code in old.co_consts if isinstance(code, CodeType)]
    news = [code for code in new.co_consts if isinstance(code, CodeType)]
    for one, other in zip(olds, news, strict=False):
        if one != other:
            yield one, other
            yield from _differing(one, other)


def import_anew(path: Path, mutant: CodeType) -> None:
    """From now on all of ours is imported again, one module as the mutant."""
    for name in list(sys.modules):
        if name.split(".")[0] in OURS and name != "tests" and not name.startswith(STAYS):
            del sys.modules[name]
    real = SourceFileLoader.get_code

    def get_code(loader: SourceFileLoader, fullname: str) -> CodeType | None:
        return mutant if loader.path == str(path) else real(loader, fullname)

    SourceFileLoader.get_code = get_code  # type: ignore[method-assign,assignment]
