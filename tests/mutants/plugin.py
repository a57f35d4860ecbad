"""The part within pytest: every mutant is tried in a child of the process that has collected the tests.

The servers and the imports are the parent's; the child swaps the code of the living functions for the mutant's and
runs the tests that enter its line, the shortest first, until one fails. What the import itself runs (constants,
tables, defaults) is tried by importing everything of ours anew in the child.
"""

import contextlib
import importlib
import json
import os
import resource
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import coverage
import pytest
from _pytest.runner import runtestprotocol

from tests.mutants.choosing import ROOT, TESTS_MAX_S, Mutant, imported, modules, mutants_of, unreached_checks
from tests.mutants.servers import Lending
from tests.mutants.swapping import Living, import_anew, living_functions, mutated, swap

MAP_MAX_S = 7_200.0
LEAST_S = 60.0
TIMES_MAX = 20.0  # a mutant that takes so many times what its tests took has hung, however busy the machine is
POLL_S = 0.005
LEFT_OUT_MAX = 20  # tests that cannot pass with servers that are lent (they migrate, stop or restart theirs)
KILLED, SURVIVED, HUNG = "killed", "survived", "hung"


@dataclass(frozen=True, slots=True)
class Share:
    """One worker's part of the mutants, and where it writes."""

    only: tuple[str, ...]
    at: int
    workers: int
    folder: Path
    tests_max_s: float = TESTS_MAX_S
    constants: bool = False  # what the import runs, and nothing else


class Trials:
    """Registered as a plugin, it maps the tests and tries the mutants in the place of running the tests."""

    def __init__(self, share: Share) -> None:
        self._share = share

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Instead of pytest's own."""
        self._items = {item.nodeid: item for item in session.items}
        paths = modules(list(self._share.only))
        for path in paths:
            importlib.import_module(path.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
        living = living_functions()
        wanted = {name for item in session.items for name in getattr(item, "fixturenames", ())}
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="khallas-mutants-")))
            folder.chmod(0o711)  # PostgreSQL's user enters it
            self._servers = Lending(stack, folder, wanted)
            self._servers.to_conftest()
            entered, costs = self._mapped()
            most_s = self._share.tests_max_s
            mutants = [
                each
                for path in paths
                for each in mutants_of(path, entered.get(path, {}), costs, most_s, self._importing(path))
                if not (self._share.constants and each.function)
            ]
            self._write("mutants.jsonl", [asdict(each) for each in mutants], "w")
            reached = sorted((each for each in mutants if each.tests), key=lambda each: not each.entered)
            tried = self._tried_before()
            for mutant in reached[self._share.at :: self._share.workers]:
                if (mutant.path, mutant.number) in tried:
                    continue
                verdict, by = self._try(mutant, living)
                row = {"path": mutant.path, "number": mutant.number, "name": mutant.name, "verdict": verdict, "by": by}
                self._write("results.jsonl", [row], "a")
        return True

    def _importing(self, path: str) -> list[str]:
        """The tests of the files that import a module."""
        files = {name.split("::")[0] for name in self._items}
        those = {file for file in files if not {"", path}.isdisjoint(imported(file))}
        return [name for name in self._items if name.split("::")[0] in those]

    def _write(self, name: str, rows: list[dict[str, object]], mode: str) -> None:
        with (self._share.folder / name).open(mode, encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)

    def _tried_before(self) -> set[tuple[str, int]]:
        """Those whose verdicts an earlier run left in the folder."""
        results = self._share.folder / "results.jsonl"
        rows = map(json.loads, results.read_text(encoding="utf-8").splitlines()) if results.exists() else ()
        return {(row["path"], row["number"]) for row in rows}

    def _mapped(self) -> tuple[dict[str, dict[int, set[str]]], dict[str, float]]:
        """Which test enters which line and how long each takes: the first worker finds it out in a child, for all."""
        path = self._share.folder.parent / "map.json"
        red = path.with_name("red.txt")
        if self._share.at == 0 and not path.exists() and self._in_child(lambda _: self._map(path), MAP_MAX_S)[0] != 0:
            red.touch()
        until = time.monotonic() + MAP_MAX_S
        while not path.exists():
            if red.exists() or time.monotonic() > until:
                raise pytest.UsageError("the tests must be green before anything is changed")
            time.sleep(1)
        found = json.loads(path.read_text(encoding="utf-8"))
        lines = {path: {int(n): set(t) for n, t in lines.items()} for path, lines in found["lines"].items()}
        return lines, found["costs"]

    def _map(self, path: Path) -> int:
        traced = coverage.Coverage(
            data_file=None,
            config_file=False,
            include=[f"{ROOT}/{folder}/*" for folder in ("core", "sessions", "tests")],
            concurrency=["thread"],
        )
        costs: dict[str, float] = {}
        red: list[str] = []
        items = list(self._items.values())
        traced.start()
        for item, following in zip(items, [*items[1:], None], strict=True):
            traced.switch_context(item.nodeid)
            begun = time.perf_counter()
            if not _passes(item, following) and not _passes(item, following):  # once may be the machine
                red.append(item.nodeid)
                continue
            costs[item.nodeid] = time.perf_counter() - begun
        traced.stop()
        data = traced.get_data()
        lines = {str(Path(file).relative_to(ROOT)): data.contexts_by_lineno(file) for file in data.measured_files()}
        files = {item.nodeid.split("::")[0] for item in items}
        checks = [check for file in sorted(files) for check in unreached_checks(file, set(lines.get(file, ())))]
        ours = {file: entered for file, entered in lines.items() if not file.startswith("tests/")}
        if len(red) > LEFT_OUT_MAX:
            path.with_name("red.txt").write_text("\n".join(red), encoding="utf-8")
            return 1
        half = path.with_suffix(".half")
        half.write_text(
            json.dumps({"costs": costs, "lines": ours, "checks": checks, "left out": red}), encoding="utf-8"
        )
        half.rename(path)  # whole, for the other workers look for it
        return 0

    def _try(self, mutant: Mutant, living: Living) -> tuple[str, str]:
        limit_s = LEAST_S + TIMES_MAX * sum(cost for _, cost in mutant.tests)
        status, by = self._in_child(lambda pipe: self._tried(mutant, living, pipe), limit_s)
        if status is None:
            return HUNG, by
        return (SURVIVED, "") if status == 0 else (KILLED, by)

    def _tried(self, mutant: Mutant, living: Living, pipe: int) -> int:
        path = ROOT / mutant.path
        code = mutated(path, mutant.number)
        tests = [name for name, _ in mutant.tests]
        if mutant.entered and swap(path, code, living):
            return 0 if self._green(tests, pipe) else 1
        os.write(pipe, b"imported anew")
        import_anew(path, code)
        self._servers.to_whoever_imports()
        return int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--capture=sys", *tests]) != 0)

    def _green(self, tests: list[str], pipe: int) -> bool:
        """Whether all of them pass; the name of the first that does not goes into the pipe."""
        items = [self._items[name] for name in tests]
        for item, following in zip(items, [*items[1:], None], strict=True):
            if not _passes(item, following):
                os.write(pipe, item.nodeid.encode())
                return False
        return True

    def _in_child(self, work: Callable[[int], int], limit_s: float) -> tuple[int | None, str]:
        """What it came to, None if it took too long; and what it wrote into its pipe."""
        readable, writable = os.pipe()
        pid = os.fork()
        if pid == 0:
            status = 3
            try:
                os.setpgid(0, 0)
                os.close(readable)
                _be_quiet()
                status = work(writable)
            finally:
                os._exit(status)
        os.close(writable)
        status_ = _wait(pid, limit_s)
        with os.fdopen(readable, "rb", buffering=0) as pipe:
            os.set_blocking(pipe.fileno(), False)  # a server that it started may hold the other end a little longer
            said = pipe.read(4_096)
        self._servers.forget(pid)
        return status_, (said or b"").decode()


def _passes(item: pytest.Item, following: pytest.Item | None) -> bool:
    return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=following))


def _be_quiet() -> None:
    import hypothesis  # pytest wants to be the first to import its plugins

    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    profile = hypothesis.settings.get_profile("khallas")
    hypothesis.settings.register_profile("mutants", profile, database=None)  # a mutant's failures are nobody's examples
    hypothesis.settings.load_profile("mutants")


def _wait(pid: int, limit_s: float) -> int | None:
    """Its exit code; None if it was killed for taking too long."""
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(POLL_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None
