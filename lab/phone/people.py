"""Who can be played at the phone: the demo's subscribers, from the package's own data."""

import csv
from dataclasses import dataclass
from importlib import resources

from core.subscribers.lines import msisdn


@dataclass(frozen=True, slots=True)
class Person:
    """One handset: its MSISDN (E.164), how it is written in Morocco, its holder, language, lines and mail addresses."""

    msisdn: str
    number: str
    name: str
    language: str
    lines: tuple[str, ...]
    emails: frozenset[str]


def people() -> tuple[Person, ...]:
    """One a contact MSISDN, in the data's order."""
    text = resources.files("lab").joinpath("demo", "subscribers.csv").read_text(encoding="utf-8-sig")
    by_number: dict[str, Person] = {}
    for row in csv.DictReader(text.splitlines()):
        number, line = row["contact_msisdn"], row["reference"]
        known = by_number.get(number)
        lines = (*known.lines, line) if known else (line,)
        emails = (known.emails if known else frozenset()) | {row["email"]} - {""}
        by_number[number] = Person(msisdn(number), number, row["holder"], row["language"], lines, emails)
    return tuple(by_number.values())
