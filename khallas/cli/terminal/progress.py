"""How far a long verb is, shown on a terminal: where standard error is none, nothing is shown."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn


@contextmanager
def rows_read(file: Path, raw: BufferedReader | None = None) -> Iterator[Callable[[int], None]]:
    """Shows the rows read so far, as they are told; with `raw` how much of the file that is, where it has a size."""
    if not sys.stderr.isatty():
        yield lambda rows: None
        return
    total = file.stat().st_size if raw is not None and file.is_file() else None
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[rows]:,} rows"))
    left = () if total is None else (TimeRemainingColumn(),)
    with Progress(*columns, TimeElapsedColumn(), *left, transient=True) as bar:
        task = bar.add_task(file.name, total=total, rows=0)
        yield lambda rows: bar.update(task, completed=raw.tell() if raw is not None and total else 0, rows=rows)


@contextmanager
def stage_reached(name: str) -> Iterator[Callable[[str], None]]:
    """Shows the stage that was told last, beginning with `name`."""
    if not sys.stderr.isatty():
        yield lambda stage: None
        return
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), transient=True) as shown:
        task = shown.add_task(name, total=None)
        yield lambda stage: shown.update(task, description=stage)
