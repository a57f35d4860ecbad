"""How verbs tell what they did: words for people, or with `--json` one JSON value for programs, failures too.

Machine values only: centimes, ISO 8601, lists. What failed is `{"error": words, "code": exit code}` on standard output;
the words stand on standard error as ever.
"""

import json
import sys
from collections.abc import Iterable
from datetime import date, datetime
from typing import NoReturn

import typer

EXIT_FAILED = 1
EXIT_CONFIG = 78
JSON_OPTION = "--json"


def dumps(report: object) -> str:
    """Writes a value as one line of JSON."""
    return json.dumps(report, ensure_ascii=False, default=_plain)


def show(report: object, lines: Iterable[str], *, as_json: bool) -> None:
    """The report, for programs or for people."""
    typer.echo(dumps(report) if as_json else "\n".join(lines))


def fail(words: str, code: int = EXIT_FAILED, *, as_json: bool | None = None) -> NoReturn:
    """End the command. `as_json`: as the command line says unless told."""
    typer.echo(words, err=True)
    if json_wanted() if as_json is None else as_json:
        typer.echo(dumps({"error": words, "code": code}))
    raise SystemExit(code)


def json_wanted() -> bool:
    """Returns whether the command line asks for JSON."""
    return JSON_OPTION in sys.argv[1:]


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, date | datetime) else str(value)
