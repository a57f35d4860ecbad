"""What answers a dispute, from the books: the authorisation, what the bank said, consent, words, deliveries."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from core.chargebacks import Chargeback
from core.disputes import DisputeFacts
from core.payment import Payment
from core.story import Happening
from core.transcripts import Dialog


@dataclass(frozen=True, slots=True)
class Agreed:
    """Terms that the payer accepted."""

    version: str
    channel: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that the sheet prints."""

    payment: Payment
    facts: DisputeFacts
    agreed: Agreed | None
    story: tuple[Happening, ...]
    dialogs: tuple[Dialog, ...]
    chargebacks: tuple[Chargeback, ...]


class EvidenceBooks(Protocol):
    """Raises BooksDown."""

    async def of(self, payment_id: str) -> Evidence | None: ...
