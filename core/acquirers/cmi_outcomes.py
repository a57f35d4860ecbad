"""From the gateway's words to the till's types.

Rule of this file: no outcome is better than the words it stands on; a contradiction is Unknown. Pure.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from core.acquirers.cmi_codes import (
    APPROVED_CODE,
    WRONG_PIN_CODES,
    Verdict,
    clean_code,
    contradicts,
    kind_of,
    verdict_of,
)
from core.acquirers.cmi_xml import Cc5Answer, amount_of, decimal_amount_of, identifier
from core.chargebacks.model import DisputeFacts, facts_of
from core.payments.table import Challenge
from core.ports import (
    Approved,
    AuthorisedOnly,
    ChallengeRequired,
    Decline,
    Inquiry,
    NoSuchOrder,
    Pending,
    Undone,
    UnknownOutcome,
)

CHALLENGE_KIND = "OTP_NUMERIC"
CHALLENGE_DIGITS_MAX = 8
CHALLENGE_ATTEMPTS_MAX = 10
HISTORY_ROWS_MAX = 50
ABSENT_WORDS = "no record found"

CAPTURED_STATES = frozenset({"C", "S"})
UNDONE_STATES = frozenset({"V", "CNCL"})
_BRAND = re.compile(r"[A-Za-z ]{1,20}", re.ASCII)
# the fields of Extra/ORDERSTATUS when they come joined in one text instead of one element each
_JOINED = re.compile(
    r"(ORD_ID|CHARGE_TYPE_CD|ORIG_TRANS_AMT|CAPTURE_AMT|TRANS_STAT|AUTH_DTTM|CAPTURE_DTTM|AUTH_CODE|TRANS_ID):"
)


@dataclass(frozen=True, slots=True)
class InquireFirst:
    """The reply settles nothing; if the order's status says "not charged", this is what it was."""

    otherwise: Decline | UnknownOutcome


@dataclass(frozen=True, slots=True)
class AskHistory:
    """The order's status does not settle it alone; `otherwise` is what its latest row says, not yet believed."""

    otherwise: Inquiry


def refusal_of(answer: Cc5Answer, *, answering_pin: bool = False) -> Decline:
    """A reply as the refusal it is once that is certain."""
    kind = kind_of(answer.code, answer.error_code, answering_pin=answering_pin)
    return Decline(answer.error_code or answer.code, kind, answer.message)


def outcome_of(
    answer: Cc5Answer, *, answering_pin: bool = False
) -> Approved | Decline | ChallengeRequired | Pending | UnknownOutcome | InquireFirst:
    """Returns what a reply to a charge says."""
    challenge = challenge_of(answer)
    if challenge is not None and answer.code != APPROVED_CODE:
        return ChallengeRequired(challenge)
    if answering_pin and answer.code in WRONG_PIN_CODES:
        return refusal_of(answer, answering_pin=True)
    verdict = verdict_of(answer.code, answer.response, answer.error_code)
    match verdict:
        case Verdict.APPROVED:
            return _approved(answer)
        case Verdict.DECLINED:
            return refusal_of(answer)
        case Verdict.PENDING:
            return Pending()
        case Verdict.UNKNOWN:
            return UnknownOutcome(f"code {answer.error_code or answer.code or 'missing'}")
        case _:
            if contradicts(answer.code, answer.response, answer.error_code):
                return InquireFirst(UnknownOutcome(f"{answer.error_code or answer.code}, but the order is not paid"))
            return InquireFirst(refusal_of(answer))


def _approved(answer: Cc5Answer) -> Approved | UnknownOutcome:
    amount = decimal_amount_of(answer.total) if answer.total else None
    if answer.total and amount is None:
        return UnknownOutcome("approved, with an amount that cannot be read")
    return Approved(answer.auth_code, answer.transaction_number, amount, brand_of(answer), facts_told(answer))


def facts_told(answer: Cc5Answer) -> DisputeFacts:
    """Returns what the answer holds for a dispute."""
    return facts_of({"hostrefnum": answer.rrn} | {name.lower(): text for name, text in answer.extra.items()})


def brand_of(answer: Cc5Answer) -> str | None:
    """ "VISA" -> "visa"; None when the gateway does not say."""
    brand = answer.extra.get("CARDBRAND", "")
    return brand.strip().lower() if _BRAND.fullmatch(brand) else None


def challenge_of(answer: Cc5Answer) -> Challenge | None:
    """The one-time PIN the bank asks for, in our dialect; None when it asks none or nonsense."""
    extra = answer.extra
    challenge_id = identifier(extra.get("CHALLENGEID", ""))
    if extra.get("CHALLENGE") != CHALLENGE_KIND or not challenge_id:
        return None
    try:
        length, attempts = int(extra.get("CHALLENGELENGTH", "")), int(extra.get("CHALLENGEATTEMPTS", ""))
        expires_at = datetime.fromisoformat(extra.get("CHALLENGEEXPIRES", ""))
    except ValueError:
        return None
    if not 1 <= length <= CHALLENGE_DIGITS_MAX or not 1 <= attempts <= CHALLENGE_ATTEMPTS_MAX:
        return None
    return Challenge(
        challenge_id, length, attempts, expires_at if expires_at.tzinfo else expires_at.replace(tzinfo=UTC)
    )


def standing_of(answer: Cc5Answer, order_id: str) -> Inquiry | AskHistory:
    """Returns what an order's status says of its payment: Extra's own code and state, never the query's."""
    fields = _status_fields(answer)
    if answer.code != APPROVED_CODE and not fields.get("ORD_ID") and ABSENT_WORDS in answer.message.lower():
        return NoSuchOrder()
    if answer.code != APPROVED_CODE:
        return UnknownOutcome(f"inquiry answered {answer.error_code or answer.code or 'without a code'}")
    if fields.get("ORD_ID") != order_id:
        return UnknownOutcome("inquiry answered for another order")
    state, code = fields.get("TRANS_STAT", "").upper(), clean_code(fields.get("PROC_RET_CD", ""))
    challenge = challenge_of(answer)
    if state == "PN":
        return ChallengeRequired(challenge) if challenge else Pending()
    if state in UNDONE_STATES:
        return Undone()
    if state == "D":
        # an earlier attempt of the same order may have succeeded: success wins (docs/protocols/failure-points.md 12)
        return AskHistory(
            Decline(code, kind_of(code)) if code != APPROVED_CODE else UnknownOutcome("declined with code 00")
        )
    if code == APPROVED_CODE and fields.get("CHARGE_TYPE_CD", "S") == "S":
        if state in CAPTURED_STATES:
            return _captured(fields, answer)
        if state == "A":
            # a hosted page's order that nobody captured yet
            if not fields.get("CAPTURE_AMT", "").strip("0.,"):
                fields = {**fields, "CAPTURE_AMT": ""}  # nothing was captured yet: some hosts write that as 0
            captured = _captured(fields, answer)
            if fields["CAPTURE_AMT"] or isinstance(captured, UnknownOutcome):
                return captured
            return AuthorisedOnly(captured.auth_code, captured.transaction_number, captured.amount_centimes)
    return AskHistory(UnknownOutcome("order's status is not conclusive"))


def _status_fields(answer: Cc5Answer) -> dict[str, str]:
    parts = _JOINED.split(answer.extra.get("ORDERSTATUS", ""))
    joined = {name: text.strip() for name, text in zip(parts[1::2], parts[2::2], strict=False)}
    return {**joined, **{name: text for name, text in answer.extra.items() if text}}


def _captured(fields: dict[str, str], answer: Cc5Answer) -> Approved | UnknownOutcome:
    text = fields.get("CAPTURE_AMT") or fields.get("ORIG_TRANS_AMT", "")
    amount = amount_of(text)
    if text and not amount:
        return UnknownOutcome("captured, with an amount that cannot be read")
    auth_code, number = identifier(fields.get("AUTH_CODE", "")), identifier(fields.get("TRANS_ID", ""))
    return Approved(auth_code, number, amount, brand_of(answer), facts_told(answer))
