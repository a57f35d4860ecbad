"""What answers a dispute, from the books: the authorisation, what the bank said, consent, words, deliveries."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from core.chargebacks.model import DisputeFacts
from core.chargebacks.service import Chargeback
from core.help_desk.timeline import TimelineEntry
from core.help_desk.transcripts import DialogTranscript
from core.payments.table import Payment


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
    story: tuple[TimelineEntry, ...]
    dialogs: tuple[DialogTranscript, ...]
    chargebacks: tuple[Chargeback, ...]


class EvidenceBooks(Protocol):
    """Reads the evidence of a payment. Raises DatabaseUnavailable."""

    async def of(self, payment_id: str) -> Evidence | None: ...
