"""Findings and matters as the office's pages print them, worded in one language. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from channels.receipt_view import when
from core.help_desk.access_log import Actor
from core.money import dh
from core.refunds.resolving import SURPLUS, HandRequest, HandState, Matter, Resolution
from core.settlement.findings import SettlementFinding

NONE = "—"
DAY_S = 86_400
Words = Callable[..., str]


@dataclass(frozen=True, slots=True)
class FindingRow:
    """A finding, as the page prints it."""

    id: int
    queue: str
    about: str
    payment_id: str  # empty where it is no payment of ours
    ours: str
    theirs: str
    days: int
    owner: str
    reason: str
    asked_by: str
    may_close: bool
    may_keep: bool


@dataclass(frozen=True, slots=True)
class MatterRow:
    """A matter, and how it may end."""

    payment_id: str
    subject: str
    title: str
    amount: str
    ends: tuple[tuple[str, str], ...]
    charge: bool  # whether an end of it wants the bank's numbers


@dataclass(frozen=True, slots=True)
class RequestRow:
    """A request to end a matter."""

    id: int
    payment_id: str
    subject: str
    end: str
    evidence: str
    numbers: str
    state: str
    by: str
    at: str
    decided_by: str
    waits: bool
    may_approve: bool
    may_reject: bool


def finding_row(
    finding: SettlementFinding, actor: Actor, now: datetime, t: Words, known: Callable[[str], bool]
) -> FindingRow:
    key = f"finding.why.{finding.why.replace(' ', '-')}"
    why = t(key) if known(key) else finding.why
    kind = t(f"finding.kind.{finding.kind}") if finding.kind else ""
    line = t("finding.line", line=str(finding.line)) if finding.line is not None else ""
    about = [part for part in (line, kind, finding.order_id, why) if part]
    age_s = (now - finding.found_at).total_seconds() if finding.found_at else 0
    return FindingRow(
        finding.id,
        t(f"finding.{finding.queue}"),
        " · ".join(about),
        finding.order_id if len(finding.order_id) == 26 and finding.ours_centimes is not None else "",
        NONE if finding.ours_centimes is None else dh(finding.ours_centimes),
        NONE if finding.theirs_centimes is None else dh(finding.theirs_centimes),
        int(age_s // DAY_S),
        finding.owner or NONE,
        finding.closing_reason or "",
        finding.closing_by or "",
        finding.may_close(actor),
        finding.closing_by is not None and (actor.decides or finding.closing_by == actor.name),
    )


def matter_row(matter: Matter, t: Words) -> MatterRow:
    part = matter.subject[:1] == "r"
    kind = "wallet" if matter.state == SURPLUS else "part" if part else "bill" if matter.subject else "payment"
    key = f"hand.{kind}.{matter.state}"
    ends = tuple((end.value, t(f"hand.end.{end}")) for end in matter.ends)
    charge = Resolution.CHARGED in matter.ends
    return MatterRow(matter.payment_id, matter.subject, t(key), dh(matter.amount_centimes), ends, charge)


def request_row(request: HandRequest, actor: Actor, t: Words) -> RequestRow:
    proposed, waits = request.proposed, request.state is HandState.PROPOSED
    amount = "" if proposed.amount_centimes is None else dh(proposed.amount_centimes)
    numbers = [part for part in (proposed.auth_code, proposed.transaction_number, amount) if part]
    return RequestRow(
        request.id,
        proposed.payment_id,
        proposed.subject,
        t(f"hand.end.{proposed.resolution}"),
        proposed.evidence,
        " · ".join(numbers),
        t(f"hand.state.{request.state}"),
        request.proposed_by,
        when(request.proposed_at) or NONE,
        request.decided_by or "",
        waits,
        waits and request.may_approve(actor),
        waits and (actor.decides or actor.name == request.proposed_by),
    )
