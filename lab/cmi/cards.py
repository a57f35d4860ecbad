"""What each test card of the emulator does.

Rule of this file: the card alone decides; any future expiry and any three-digit security code will do. Pure.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from core.cards import Secret, expired, luhn
from lab.cmi.lies import Manner

APPROVED_CARDS = frozenset({"4000000000000010", "5453010000066100"})
PIN_CARD = "5191630100004896"
PIN = "123"
PIN_TRIES = 3

SILENT_CARDS = {
    "4000009900009203": Manner.SILENT_AFTER_CHARGING,
    "4000009900009609": Manner.SILENT_WITHOUT_CHARGING,
    "4000009900009906": Manner.GARBAGE,
}

# 400000990001 + the lie's number + 0 + Luhn digit: every lie by card number
LIES_BY_NUMBER = {
    "01": Manner.SILENT_AFTER_CHARGING,
    "02": Manner.SILENT_WITHOUT_CHARGING,
    "03": Manner.GARBAGE,
    "04": Manner.SERVER_ERROR_AFTER_CHARGING,
    "05": Manner.SLOW,
    "06": Manner.WRONG_AMOUNT,
    "07": Manner.LATE_LANDING,
    "08": Manner.DUPLICATE_ANSWER,
    "09": Manner.BUSY_AFTER_CHARGING,
    "10": Manner.BUSY_WITHOUT_CHARGING,
}

# 400001 + nine digits + Luhn digit: approved; a card each for as many customers as a load needs
_ONE_OF_MANY = re.compile(r"400001\d{10}", re.ASCII)
_LIE_CARD = re.compile(r"400000990001(\d\d)0\d", re.ASCII)
_CODE_CARD = re.compile(r"400000990000(\d\d)0\d", re.ASCII)
_EXPIRY = re.compile(r"(0[1-9]|1[0-2])/(?:20)?(\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class CardTable:
    """The cards that are known one by one, and the PIN that the bank sent to whoever has the card that asks it."""

    approved: frozenset[str] = APPROVED_CARDS
    asks_pin: str = PIN_CARD
    pin: str = PIN
    silent: Mapping[str, Manner] = field(default_factory=lambda: SILENT_CARDS)


CARDS = CardTable()


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of a charge: its ProcReturnCode, whether the PIN is asked first, and how it is answered."""

    code: str
    asks_pin: bool = False
    manner: Manner = Manner.TRUE


def lying_card(manner: Manner) -> str:
    """The card number that makes the acquirer lie so."""
    number = next(number for number, each in LIES_BY_NUMBER.items() if each is manner)
    stem = f"400000990001{number}0"
    return next(stem + digit for digit in "0123456789" if luhn(stem + digit))


def approved_card(customer: int) -> str:
    """A card of this customer's own, below 10**9, that is approved."""
    stem = f"400001{customer:09d}"
    return next(stem + digit for digit in "0123456789" if luhn(stem + digit))


def plan_of(pan: Secret, expires: str, cvv: Secret, today: date, cards: CardTable = CARDS) -> Plan:
    """The plan for a card as a request gives it; `expires` is MM/YY or MM/YYYY."""
    number = pan.reveal()
    expiry = _EXPIRY.fullmatch(expires)
    if not luhn(number):
        return Plan("14")
    if expiry is None or expired(int(expiry[1]), 2000 + int(expiry[2]), today):
        return Plan("54")
    if re.fullmatch(r"\d{3}", cvv.reveal(), re.ASCII) is None:
        return Plan("82")
    if number in cards.silent:
        return Plan("00", manner=cards.silent[number])
    if number in cards.approved or _ONE_OF_MANY.fullmatch(number):
        return Plan("00")
    if number == cards.asks_pin:
        return Plan("00", asks_pin=True)
    lie = _LIE_CARD.fullmatch(number)
    if lie and lie[1] in LIES_BY_NUMBER:
        return Plan("00", manner=LIES_BY_NUMBER[lie[1]])
    code = _CODE_CARD.fullmatch(number)
    return Plan(code[1]) if code else Plan("14")
