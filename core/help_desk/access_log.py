"""Who did what at the help desk: written before anything is shown or done, never changed (protocols/security.md 15).
Pure.

Law 09-08: whoever asks can be told who saw their data; so a person's number is shown at one's own, logged wish.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from core.help_desk.accounts import Role

DETAIL_CHARS_MAX = 600


class Action(StrEnum):
    """The actions that are logged."""

    LOGIN = "login"
    LOGIN_REFUSED = "login_refused"
    LOGIN_LOCKED = "login_locked"
    LOGOUT = "logout"
    CREDENTIAL = "credential"  # somebody changes a password of their own
    SESSION_END = "session_end"  # somebody ends sessions of theirs
    SEARCH = "search"
    VIEW = "view"
    CONTACT = "contact"  # the payer's number and address in full
    DIALOGS = "dialogs"  # what a number was shown lately
    INQUIRE = "inquire"
    RESEND = "resend"
    NOTE = "note"
    QUEUE = "queue"  # the list of requests that wait for a second person
    UNDO_PROPOSE = "undo_propose"
    UNDO_APPROVE = "undo_approve"
    UNDO_REJECT = "undo_reject"
    FINDING = "finding"  # of reconciliation: taken, proposed to be closed, closed
    HAND_PROPOSE = "hand_propose"
    HAND_APPROVE = "hand_approve"
    HAND_REJECT = "hand_reject"
    CHARGEBACK = "chargeback"  # entered, or a step of one
    EVIDENCE = "evidence"  # the sheet of a dispute: the payer's number in full
    ACCOUNT = "account"  # an account was made, disabled, given a password
    LOG = "log"  # the log itself, read or taken along
    EVENTS = "events"  # an endpoint was added, changed, sent its dead letters
    REPORT = "report"  # a day's, seen or taken along as a file
    EXPORT = "export"  # law 09-08, at the operator's terminal
    CORRECT = "correct"
    ERASE = "erase"


@dataclass(frozen=True, slots=True)
class Actor:
    """The person at the help desk, and the address where they sit."""

    name: str
    role: Role
    address: str = ""
    browser: str = ""  # a digest of the browser's own mark
    administers: bool = False

    @property
    def supervises(self) -> bool:
        """Returns whether this person sees what is beyond one customer: a day's report, who looked."""
        return self.role is Role.SUPERVISOR

    @property
    def decides(self) -> bool:
        """Returns whether money may leave by this person's word: never by that of who could make the second person."""
        return self.role is Role.SUPERVISOR and not self.administers


@dataclass(frozen=True, slots=True)
class Access:
    """A line of the access log."""

    at: datetime
    who: str
    role: str
    action: Action
    payment_id: str | None = None
    detail: str | None = None
    address: str = ""


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Says which lines of the log are wanted; empty fields narrow nothing."""

    begins: datetime
    ends: datetime
    who: str = ""
    action: str = ""
    payment_id: str = ""


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line as it is read; `action` may be one of another release."""

    id: int
    at: datetime
    who: str
    role: str
    action: str
    payment_id: str
    detail: str
    address: str


class AccessLogReader(Protocol):
    """Reads the access log. Raises DatabaseUnavailable."""

    async def page(self, wanted: LogFilter, limit: int, offset: int) -> tuple[LogLine, ...]:
        """Returns one page of the lines, the latest first."""

    def lines(self, wanted: LogFilter) -> AsyncIterator[LogLine]:
        """Yields all lines in their order, read as they are asked for."""


class AccessLog(Protocol):
    """Append-only. All methods raise DatabaseUnavailable; what could not be logged is then not shown either."""

    async def write(self, access: Access) -> None: ...

    async def of_payment(self, payment_id: str, limit: int) -> tuple[Access, ...]:
        """Returns who looked at a payment, the latest first."""
