"""Days and moments as the acquirer's files and spreadsheets write them. Pure.

The order of day, month and year is the contract's, a setting: `05/11/2026` could be two days. Everything else may vary
from row to row, as it does where people open such files: a time or none, two digits of the year or four, the separator.
"""

import re
from datetime import UTC, datetime

from core.spreadsheets import tidy
from core.zone import ZONE

YEARS = range(2000, 2100)  # others are a slip, and some of them no database can keep
_TIMES = ("", " %H:%M", " %H:%M:%S")
_TIME = re.compile(r"[T ](?=%[HI])")
_SEPARATOR = re.compile(r"[/.-]")
_FOUR_DIGITS = re.compile(r"(?<!\d)\d{4}(?!\d)")


class NoMoment(ValueError):
    """The text's fault: it is no day of ours. Never quotes what it holds."""


def moment_of(text: str, form: str) -> datetime:
    """The moment that a text tells, in UTC; without a zone it is Morocco's. `form`: strptime's, empty is ISO 8601.
    Raises NoMoment.
    """
    text = " ".join(tidy(text).split())
    moment = _read(text, form) if form else _iso(text)
    if moment is None:
        shown = form or "2026-11-29, with or without a time"
        raise NoMoment(f"is not written like {shown}: see KHALLAS_SETTLEMENT__DATE_FORMAT")
    if moment.year not in YEARS:
        raise NoMoment("is not of this century")
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZONE)).astimezone(UTC)


def _iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _read(text: str, form: str) -> datetime | None:
    """As the form says, or as a spreadsheet changes it."""
    moment = _parsed(text, form)
    return moment or _parsed(*_alike(text, form))


def _parsed(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)  # noqa: DTZ007 - the zone is set by the caller
    except ValueError:
        return None


def _alike(text: str, form: str) -> tuple[str, str]:
    """The text with one separator, and the form with that separator and with the text's own year and time."""
    day, _, time = text.partition(" ")
    shape = _TIME.split(form)[0]
    if shape[-2:] in ("%Y", "%y") and _SEPARATOR.search(day):  # at the front two digits could be a day
        shape = shape[:-2] + ("%Y" if _FOUR_DIGITS.search(day) else "%y")
    shape = _SEPARATOR.sub("/", shape)
    return f"{_SEPARATOR.sub('/', day)} {time}".strip(), shape + _TIMES[min(time.count(":"), 2)]
