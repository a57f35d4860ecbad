"""How <Pay> takes a card from a caller: what is asked in which words, and what is wrong with what was typed.

protocols/ivr.md. The application's prompts are spoken, those of a step's error where it has them; `*` ends the whole
<Pay>. Every step has maxAttempts; what was typed goes to the connector and nowhere else.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Protocol

from core.cards import CVV_MAX, CVV_MIN, Secret, brand_of, expired, expiry_of, pan_plausible
from lab.twilio.twiml import Gather, Pay, Prompt

NUMBER, EXPIRY, CODE = "payment-card-number", "expiration-date", "security-code"
PROCESSING = "payment-processing"
FINISH, STAR = "#", "*"
EXPIRY_DIGITS = 4  # which need no finishing key
ATTEMPTS, ATTEMPTS_MAX, TIMEOUT_S = "1", 3, "5"
BRANDS = "visa mastercard amex"  # where validCardTypes does not tell
FAILED_ATTEMPTS, INTERRUPTED = "too-many-failed-attempts", "caller-interrupted-with-star"

Ask = Callable[[Gather], Awaitable[tuple[str, str]]]  # the digits, and the key that finished them
Say = Callable[[tuple[Prompt, ...]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Typed:
    """What a caller types; `expiry` as month and year, 1228."""

    number: str = field(repr=False)
    expiry: str = field(repr=False)
    code: str = field(default="", repr=False)


class Taker(Protocol):
    """Twilio with a connector (lab.twilio.pay.PayTaker)."""

    async def taken(self, pay: Pay, typed: Typed) -> dict[str, str]:
        """The card goes to the connector; the form that goes to the verb's action."""


async def played(pay: Pay, taker: Taker, ask: Ask, say: Say) -> dict[str, str]:
    """The whole verb; the form that goes to its action."""
    typed = await entered(pay, ask, datetime.now(UTC).date())
    if isinstance(typed, str):
        return {"Result": typed}
    await say(prompts(pay, PROCESSING))
    fields = await taker.taken(pay, typed)
    if "PaymentError" in fields:
        await say(prompts(pay, PROCESSING, "card-declined"))
    return fields


async def entered(pay: Pay, ask: Ask, today: date) -> Typed | str:
    """The card, or the Result that ends the verb without one."""
    typed = []
    for step in (NUMBER, EXPIRY, *((CODE,) if pay.attributes.get("securityCode") != "false" else ())):
        digits = await _step(pay, step, ask, today)
        if digits in {FAILED_ATTEMPTS, INTERRUPTED}:
            return digits
        typed.append(digits)
    return Typed(*typed)


def prompts(pay: Pay, step: str, error: str = "") -> tuple[Prompt, ...]:
    """What is said at a step, in the words of its error where there are any."""
    return pay.spoken.get((step, error)) or pay.spoken.get((step, ""), ())


def fault(pay: Pay, step: str, digits: str, today: date) -> str:
    """The error's type, empty when it may be right."""
    if not digits:
        return "timeout"
    if step == NUMBER:
        if not pan_plausible(Secret(digits)):
            return "invalid-card-number"
        accepted = pay.attributes.get("validCardTypes", BRANDS).split()
        return "" if brand_of(Secret(digits)) in accepted else "invalid-card-type"
    if step == EXPIRY:
        try:
            return "invalid-date" if expired(*expiry_of(digits), today) else ""
        except ValueError:
            return "invalid-date"
    return "" if CVV_MIN <= len(digits) <= CVV_MAX else "invalid-security-code"


async def _step(pay: Pay, step: str, ask: Ask, today: date) -> str:
    """What was typed, or the Result that ends the verb."""
    error, drained = "", False
    attempts = min(int(pay.attributes.get("maxAttempts", ATTEMPTS)), ATTEMPTS_MAX)
    while attempts:
        digits, key = await ask(_field(pay, step, () if drained else prompts(pay, step, error)))
        if key == STAR or STAR in digits:
            return INTERRUPTED
        if not digits and key == FINISH and not drained:
            drained = True  # it finished four digits that needed none
            continue
        error, drained = fault(pay, step, digits, today), False
        if not error:
            return digits
        attempts -= 1
    return FAILED_ATTEMPTS


def _field(pay: Pay, step: str, said: tuple[Prompt, ...]) -> Gather:
    return Gather(
        action="",
        method="POST",
        digits_max=EXPIRY_DIGITS if step == EXPIRY else None,
        finish_on_key=FINISH,
        timeout_s=float(pay.attributes.get("timeout", TIMEOUT_S)),
        action_on_empty=True,
        inputs=("dtmf",),
        prompts=said,
    )
