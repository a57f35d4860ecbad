"""`./run mutants`: change one thing at a time in the code, and see whether a test notices.

    ./run mutants --only core/payments
    ./run mutants --only core/money.py tests/core/test_money.py

Tests are chosen by the lines they enter. Survivors that nothing can tell from the original stand in equivalent.txt
with the reason; any other makes it end with 1.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.mutants.choosing import ROOT, TESTS_MAX_S, Mutant
from tests.mutants.plugin import SURVIVED, Share, Trials

EQUIVALENT = Path(__file__).with_name("equivalent.txt")
WHERE, TESTS = ("core", "sessions"), ("tests/core", "tests/sessions")
UNREACHED, SAME = "unreached", "equivalent"


def report(folders: list[Path]) -> dict[str, int]:
    """How many came to which end; what survived without a reason is printed."""
    reasons = dict(
        line.rsplit(" | ", 1) for line in EQUIVALENT.read_text(encoding="utf-8").splitlines() if " | " in line
    )
    mutants = [Mutant(**row) for row in _rows(folders[0] / "mutants.jsonl")]
    mapped = json.loads((folders[0].parent / "map.json").read_text(encoding="utf-8"))
    for check in mapped["checks"]:
        print(f"never reached: {check}")
    for test in mapped["left out"]:
        print(f"left out, for it does not pass here: {test}")
    found = {
        (row["path"], row["number"]): row["verdict"] for folder in folders for row in _rows(folder / "results.jsonl")
    }
    counts: Counter[str] = Counter()
    for mutant in mutants:
        verdict = str(found.get((mutant.path, mutant.number), UNREACHED))
        if verdict in (SURVIVED, UNREACHED) and mutant.name in reasons:
            verdict = SAME
        counts[verdict] += 1
        if verdict in (SURVIVED, UNREACHED):
            print(f"{verdict} at line {mutant.line}: {mutant.name}")
    return dict(counts)


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def work(share: Share, tests: list[str]) -> int:
    """One worker: a pytest that tries its share."""
    share.folder.mkdir(parents=True, exist_ok=True)
    return int(pytest.main(["-p", "no:cacheprovider", "--capture=sys", *tests], plugins=[Trials(share)]))


def main() -> int:
    """Starts the workers, waits for them, and reports."""
    parser = argparse.ArgumentParser(prog="./run mutants", description=__doc__)
    parser.add_argument("--only", action="append", metavar="PATH", help="a file or a folder of core or sessions")
    parser.add_argument("--workers", type=int, default=2, help="processes, each with servers of its own")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="where results stay, and a run goes on")
    parser.add_argument("--tests-max-s", type=float, default=TESTS_MAX_S, help="seconds of tests for one change")
    parser.add_argument("--constants", action="store_true", help="only constants, tables and defaults")
    parser.add_argument("--at", type=int, help=argparse.SUPPRESS)  # which worker this process is
    parser.add_argument("tests", nargs="*", help="those to choose from (default: tests/core and tests/sessions)")
    asked = parser.parse_args()
    tests = asked.tests or list(TESTS)
    only = tuple(asked.only or WHERE)
    if asked.at is not None:
        return work(Share(only, asked.at, asked.workers, asked.keep, asked.tests_max_s, asked.constants), tests)
    with tempfile.TemporaryDirectory(prefix="khallas-mutants-") as made:
        made_or_kept: Path = asked.keep or Path(made)
        (made_or_kept / "red.txt").unlink(missing_ok=True)
        folders = [made_or_kept / str(at) for at in range(asked.workers)]
        named = [*(f"--only={path}" for path in only), f"--tests-max-s={asked.tests_max_s}"]
        named += ["--constants"] if asked.constants else []
        command = [sys.executable, "-m", "tests.mutants", *named, f"--workers={asked.workers}"]
        started = [
            subprocess.Popen([*command, f"--at={at}", f"--keep={folder}", *tests], cwd=ROOT)
            for at, folder in enumerate(folders)
        ]
        ended = [process.wait() for process in started]
        if any(ended):
            raise SystemExit("A worker failed; its lines above say why.")
        counts = report(folders)
    print(f"{sum(counts.values())} mutants: " + ", ".join(f"{n} {verdict}" for verdict, n in sorted(counts.items())))
    return int(any(counts.get(verdict) for verdict in (SURVIVED, UNREACHED)))


if __name__ == "__main__":
    sys.exit(main())
