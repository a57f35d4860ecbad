"""What each test card of the stand-in does, by the numbers that the gateway documents for its test mode. Pure."""

from dataclasses import dataclass

from core.cards import luhn

APPROVED, GENERIC, NO_MONEY = "4242424242424242", "4000000000000002", "4000000000009995"
LOST, BUSY, ASKS_3DS = "4000000000009987", "4000000000000119", "4000000000003220"
# number: (error code, decline code)
REFUSALS = {
    GENERIC: ("card_declined", "generic_decline"),
    NO_MONEY: ("card_declined", "insufficient_funds"),
    LOST: ("card_declined", "lost_card"),
    "4000000000009979": ("card_declined", "stolen_card"),
    "4000000000006975": ("card_declined", "card_velocity_exceeded"),
    "4000000000000069": ("expired_card", "expired_card"),
    "4000000000000127": ("incorrect_cvc", "incorrect_cvc"),
    BUSY: ("processing_error", "processing_error"),
}


@dataclass(frozen=True, slots=True)
class Card:
    """What is kept of a card: never its number."""

    brand: str
    last4: str
    refusal: tuple[str, str] | None = None
    asks_3ds: bool = False


def card_of(number: str) -> Card | None:
    """The card of a number; None where it is no card's number."""
    if not 13 <= len(number) <= 19 or not luhn(number):
        return None
    brand = "visa" if number.startswith("4") else "mastercard" if number[0] in "25" else "unknown"
    return Card(brand, number[-4:], REFUSALS.get(number), number == ASKS_3DS)
