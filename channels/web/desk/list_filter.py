"""What a list's address asks for: read, narrowed to what can be meant, and written as a link. Pure.

What cannot be read narrows nothing: an address that somebody changed shows a longer list, never an error.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from urllib.parse import urlencode

from channels.receipt_view import STATUS, ReceiptStatus
from core.amounts import NoAmount, read_unsigned_amount
from core.help_desk.lists import PAGES_MAX, PERIODS, PaymentFilter, PaymentList, QueueName
from core.payments.table import PaymentState
from core.zone import ZONE

LISTS = "/desk/lists"
ANSWERS = frozenset({"approved", "refused", "lost", "challenged", "mismatch"})
TEXT_CHARS_MAX = 40
DIGITS_MAX = 5
# What is no such word is dropped: the log cannot be erased, and no name or number of a person may reach it.
WORDS = MappingProxyType(
    {
        "channel": re.compile(r"[a-z]{2,12}"),
        "tender": re.compile(r"(?!.*[0-9]{4})[a-z_][a-z0-9_]{1,19}|-"),
        "acquirer": re.compile(r"(?!.*[0-9]{4})[a-z][a-z0-9_]{0,19}"),
        "code": re.compile(r"[a-z_]{2,20}(?: [A-Z0-9-]{1,8})?"),
        "of": re.compile(r"[0-9A-Z]{26}"),
    }
)
MOMENT = "%Y-%m-%dT%H:%MZ"  # as a link of /ops writes it
STATES: Mapping[ReceiptStatus, frozenset[PaymentState]] = MappingProxyType(
    {status: frozenset(state for state, told in STATUS.items() if told is status) for status in ReceiptStatus}
)


@dataclass(frozen=True, slots=True)
class AskedList:
    """The list that the address asks for, as the form shows it again."""

    kind: PaymentList
    day: str = ""
    since: str = ""
    until: str = ""
    channel: str = ""
    status: str = ""
    tender: str = ""
    acquirer: str = ""
    low: str = ""
    high: str = ""
    answer: str = ""
    code: str = ""
    queue: str = ""
    of: str = ""
    page: int = 0

    def link(self, **other: str | int) -> str:
        """The address of this list, with something else."""
        values = {each.name: getattr(self, each.name) for each in fields(self)} | other
        return list_link(**{name: str(value) for name, value in values.items() if value})


def list_link(**asked: str) -> str:
    """The address of a list."""
    return f"{LISTS}?{urlencode({name: value for name, value in asked.items() if value})}"


def list_asked(query: Mapping[str, str]) -> AskedList:
    """Returns what an address asks for."""
    kind = next((kind for kind in PaymentList if kind == query.get("kind")), PaymentList.BEGUN)
    number = query.get("page", "0")
    page = int(number) if number.isascii() and number.isdigit() and len(number) <= DIGITS_MAX else 0
    words = {name: query.get(name, "") if shape.fullmatch(query.get(name, "")) else "" for name, shape in WORDS.items()}
    listed = {
        "status": next((each.value for each in ReceiptStatus if each == query.get("status")), ""),
        "answer": query.get("answer", "") if query.get("answer") in ANSWERS else "",
        "queue": next((each.value for each in QueueName if each == query.get("queue")), ""),
    }
    read = {
        "day": _readable(query.get("day", ""), lambda text: day_of(date.fromisoformat(text))),
        "since": _readable(query.get("since", ""), moment_of),
        "until": _readable(query.get("until", ""), moment_of),
        "low": _readable(query.get("low", ""), read_unsigned_amount),
        "high": _readable(query.get("high", ""), read_unsigned_amount),
    }
    values = words | listed | read
    if (kind is PaymentList.CUSTOMER and not values["of"]) or (kind is PaymentList.ANSWERED and not values["answer"]):
        kind = PaymentList.BEGUN
    return AskedList(kind, **values, page=min(page, PAGES_MAX - 1))


def filter_of(asked: AskedList, now: datetime) -> PaymentFilter:
    """The filter that the database is asked with; a list of a period is of today where no other is told."""
    begins: datetime | None = None
    ends: datetime | None = None
    if asked.kind in PERIODS:
        begins, ends = day_of(now.astimezone(ZONE).date())
        if asked.since:
            begins, ends = moment_of(asked.since), moment_of(asked.until) if asked.until else None
        elif asked.day:
            begins, ends = day_of(date.fromisoformat(asked.day))
    return PaymentFilter(
        asked.kind,
        begins,
        ends,
        asked.channel,
        STATES[ReceiptStatus(asked.status)] if asked.status else frozenset(),
        asked.tender,
        asked.acquirer,
        read_unsigned_amount(asked.low) if asked.low else None,
        read_unsigned_amount(asked.high) if asked.high else None,
        asked.answer,
        asked.code,
        QueueName(asked.queue) if asked.queue else None,
        asked.of,
    )


def moment_text(moment: datetime) -> str:
    """A moment as an address writes it."""
    return f"{moment.astimezone(UTC):{MOMENT}}"


def moment_of(text: str) -> datetime:
    """Reads a moment of a form. Raises ValueError."""
    return datetime.strptime(text, MOMENT).replace(tzinfo=UTC)


def day_of(day: date) -> tuple[datetime, datetime]:
    """The first moment of a day here and that of the next. Raises OverflowError."""
    return datetime.combine(day, time.min, ZONE), datetime.combine(day + timedelta(days=1), time.min, ZONE)


def _readable(text: str, read: Callable[[str], object]) -> str:
    """The text, unless it cannot be read."""
    try:
        read(text[:TEXT_CHARS_MAX])
    except (ValueError, OverflowError, NoAmount):
        return ""
    return text[:TEXT_CHARS_MAX].strip()
