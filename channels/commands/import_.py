"""`khallas import`: files into the database, with a progress bar on a terminal."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from channels.clock import SystemClock
from channels.settings import BadSettings, Settings
from core.database.pool import open_database
from core.importing import ImportFailed, Report, import_csv

PROBLEMS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one file."""

    file: Path
    report: Report | None
    failure: str = ""

    @property
    def failed(self) -> bool:
        return self.report is None or self.report.problems_count > 0

    def told(self) -> dict[str, object]:
        if self.report is None:
            return {"file": self.file.name, "error": self.failure}
        r = self.report
        counts = {"rows": r.rows, "added": r.added, "changed": r.changed, "unchanged": r.unchanged}
        problems = [{"line": p.line, "why": p.why} for p in r.problems]
        told = {"file": self.file.name, "kind": r.kind.value, "dry_run": r.dry_run, **counts, "kept_paid": r.kept_paid}
        return {**told, "problems_count": r.problems_count, "problems": problems}

    def lines(self) -> Iterator[str]:
        if self.report is None:
            yield f"{self.file.name}: {self.failure}; nothing was imported"
            return
        r = self.report
        done = "would be" if r.dry_run else "were"
        yield (
            f"{self.file.name}: {r.rows} {r.kind.value} read, {r.added} {done} added, {r.changed} changed, "
            f"{r.unchanged} unchanged, {r.problems_count} refused"
        )
        for problem in r.problems[:PROBLEMS_SHOWN]:
            yield f"  line {problem.line}: {problem.why}"


async def import_files(settings: Settings, files: Sequence[Path], *, dry_run: bool) -> list[FileReport]:
    """Each file by itself: all of its good rows, or none. Subscribers come before bills. Raises BooksDown."""
    url = settings.database_url.get_secret_value()
    if not url:
        raise BadSettings("KHALLAS_DATABASE_URL is missing")
    reports = []
    async with open_database(url) as database:
        for file in files:
            with _bar(file) as progress, file.open(encoding="utf-8-sig", newline="") as text:
                try:
                    report = await import_csv(database, text, SystemClock().now(), dry_run=dry_run, progress=progress)
                    reports.append(FileReport(file, report))
                except ImportFailed as error:
                    reports.append(FileReport(file, None, str(error)))
    return reports


@contextlib.contextmanager
def _bar(file: Path) -> Iterator[Callable[[int], None]]:
    if not sys.stderr.isatty():
        yield lambda rows: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed} rows"), TimeElapsedColumn())
    with Progress(*columns, transient=True) as bar:
        task = bar.add_task(file.name, total=None)
        yield lambda rows: bar.update(task, completed=rows)
