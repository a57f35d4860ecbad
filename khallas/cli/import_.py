"""`khallas import`: files into the database, with a progress bar on a terminal."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from channels.csv_cells import csv_file
from core.clock import SystemClock
from core.database.pool import open_database
from core.database.subscribers.importing import Completeness, ImportFailed, ImportReport, Problem, import_csv, rehearsal
from core.spreadsheets import text_of
from khallas.cli.terminal.progress import rows_read
from khallas.settings.model import Settings

PROBLEMS_SHOWN = 20
RATED_ROWS_MIN = 1_000


@dataclass(frozen=True, slots=True)
class FileReport:
    """The counts of what became of one file's rows."""

    file: Path
    report: ImportReport | None
    failure: str = ""
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        return self.report is None or self.report.problems_count > 0

    def told(self) -> dict[str, object]:
        if self.report is None:
            return {"file": self.file.name, "error": self.failure}
        r = self.report
        counts = {"rows": r.rows, "added": r.added, "changed": r.changed, "unchanged": r.unchanged}
        problems = [{"line": p.line, "why": p.why} for p in r.problems]
        kept = {"kept_paid": r.kept_paid, "codes_changed": r.codes_changed, "withdrawn": r.withdrawn}
        told = {"file": self.file.name, "kind": r.kind.value, "dry_run": r.dry_run, **counts, **kept}
        rate = round(r.rows / self.seconds) if self.seconds else None
        more: dict[str, object] = {"seconds": round(self.seconds, 3), "rows_per_s": rate}
        warnings = [{"line": p.line, "why": p.why} for p in r.warnings]
        more |= {"warnings_count": r.warnings_count, "warnings": warnings}
        return {**told, "problems_count": r.problems_count, "problems": problems, **more}

    def lines(self) -> Iterator[str]:
        if self.report is None:
            yield f"{self.file.name}: {self.failure}; nothing was imported"
            return
        r = self.report
        done = "would be" if r.dry_run else "were"
        # of a small file it says nothing
        rate = f"; {r.rows / max(self.seconds, 0.001):,.0f} rows a second" if r.rows >= RATED_ROWS_MIN else ""
        yield (
            f"{self.file.name}: {r.rows} {r.kind.value} read, {r.added} {done} added, {r.changed} changed, "
            f"{r.unchanged} unchanged, {r.problems_count} refused{rate}"
        )
        if r.codes_changed:
            yield f"  payment codes: {r.codes_changed} {done} changed"
        if r.withdrawn:
            yield f"  no longer owed: {r.withdrawn} {done} withdrawn"
        if r.kept_paid:
            yield f"  paid here and left as they are: {r.kept_paid}"
        for problem in r.problems[:PROBLEMS_SHOWN]:
            yield f"  line {problem.line}: {problem.why}"
        for warning in r.warnings[:PROBLEMS_SHOWN]:
            yield f"  line {warning.line}, taken, look at it: {warning.why}"
        if r.warnings_count > PROBLEMS_SHOWN:
            yield f"  and {r.warnings_count - PROBLEMS_SHOWN} more like these"


async def import_files(
    settings: Settings,
    files: Sequence[Path],
    *,
    dry_run: bool,
    whole: Completeness = Completeness.NO,
    errors: Path | None = None,
) -> list[FileReport]:
    """Imports each file by itself, in this order: all of its good rows, or none. Subscribers come before their bills.

    `errors` gets every row that was left out: file, line, why. Raises DatabaseUnavailable, OSError.
    """
    url = settings.require_database_url()
    reports = []
    with _errors(errors) as refused:
        async with open_database(url) as database, contextlib.AsyncExitStack() as stack:
            # a dry run knows of each file what the ones before it would bring
            within = await stack.enter_async_context(rehearsal(database)) if dry_run else None
            for file in files:
                began = time.perf_counter()
                with file.open("rb") as raw, text_of(raw) as text, rows_read(file, raw) as progress:
                    try:
                        report = await import_csv(
                            database,
                            text,
                            SystemClock().now(),
                            dry_run=dry_run,
                            whole=whole,
                            progress=progress,
                            refused=partial(refused, file),
                            within=within,
                            mail_utf8=settings.mail_utf8,
                        )
                        reports.append(FileReport(file, report, seconds=time.perf_counter() - began))
                    except ImportFailed as error:
                        reports.append(FileReport(file, None, str(error)))
    return reports


@contextlib.contextmanager
def _errors(path: Path | None) -> Iterator[Callable[[Path, Problem], None]]:
    """Writes each problem as it is found: none is held in memory."""
    if path is None:
        yield lambda file, problem: None
        return
    with csv_file(path, ("file", "line", "why", "row"), marked=False) as write:
        yield lambda file, problem: write(file.name, problem.line, problem.why, problem.row)
