"""A payment that is being checked, as the desk explains it: what the bank said last, when, and how it goes on. Pure."""

from collections.abc import Callable
from datetime import datetime, timedelta

from core.help_desk.service import Case
from core.help_desk.timeline import Source, TimelineEntry
from core.payments.schedule import Times
from core.payments.table import UNDECIDED, Payment, PaymentState
from core.zone import ZONE

_SAID = frozenset({"lost", "challenged", "refused", "approved", "mismatch"})
# How our own words for an answer begin (core/acquirers), and what the agent reads.
_WHY = (
    ("no answer in time", "silent"),
    ("connection lost", "unreachable"),
    ("HTTP ", "unreachable"),
    ("pending", "pending"),
    ("code ", "code"),
    ("inquiry answered ", "code"),
    ("back from the page", "page"),
    ("stale", "stale"),
)

Words = Callable[..., str]


def answer_until(payment: Payment) -> datetime:
    """The end of the acquirer's window: what it does not know by then never arrived."""
    return (payment.sent_at or payment.created_at) + timedelta(seconds=Times().window_s)


def bank_told(case: Case, t: Words) -> tuple[str, ...]:
    """Lines for the agent; none for a payment whose end is known."""
    payment = case.payment
    if payment.state not in UNDECIDED:
        return ()
    lines = []
    answer = next(
        (entry for entry in reversed(case.story) if entry.source is Source.PAYMENT and entry.what in _SAID), None
    )
    if answer is not None:
        lines.append(t("bank.said", at=_moment(answer.at), what=_answer(answer, t)))
    inquiry = next(
        (entry for entry in reversed(case.story) if entry.source is Source.DESK and entry.what == "inquire"), None
    )
    if inquiry is not None:
        lines.append(t("bank.asked", at=_moment(inquiry.at), who=f"\u2068{inquiry.who}\u2069"))
    if payment.state is PaymentState.CHALLENGE and payment.challenge is not None:
        lines.append(t("bank.until.code", until=_moment(payment.challenge.expires_at)))
        return tuple(lines)
    until = answer_until(payment)
    late = case.at is not None and case.at > until
    lines.append(t("bank.late" if late else "bank.until", until=_moment(until)))
    return tuple(lines)


def _answer(entry: TimelineEntry, t: Words) -> str:
    if entry.what != "lost":
        return t(f"event.{entry.what}")
    detail = entry.detail or ""
    why = next((name for begin, name in _WHY if detail.startswith(begin)), "unclear")
    return t(f"bank.why.{why}", code=f"\u2066{detail.rpartition(' ')[2]}\u2069")


def _moment(at: datetime) -> str:
    return f"\u2066{at.astimezone(ZONE):%d/%m/%Y %H:%M:%S}\u2069"
