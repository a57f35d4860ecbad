"""A verb of `khallas` within this process: an interpreter for each costs a second, and tests/e2e starts them so."""

import asyncio
import io
import logging
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from khallas.cli.main import main
from tests.e2e.demo import Said, environment


def run_verb(*arguments: str | Path, **settings: str) -> Said:
    """Runs a verb to its end; not where a loop runs, for it has one of its own."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr("os.environ", environment(**settings))
        patch.setattr(sys, "argv", ["khallas", *map(str, arguments)])
        patch.setattr(sys, "excepthook", sys.excepthook)
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
        finally:
            root.handlers[:] = handlers
            root.setLevel(level)
    return Said(code, out.getvalue(), err.getvalue())


async def verb(*arguments: str | Path, **settings: str) -> Said:
    """Runs a verb to its end, in a thread of its own."""
    return await asyncio.to_thread(run_verb, *arguments, **settings)
