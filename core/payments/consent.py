"""Consent under law 09-08: which text was accepted, when, where. Pure."""

from dataclasses import dataclass
from datetime import datetime

from core.languages import LanguageCode
from core.subscribers.lines import ServiceType

# Raised when the terms in locales/ change their meaning: everyone is asked again.
TERMS_VERSION = "2026-11"


@dataclass(frozen=True, slots=True)
class Consent:
    """A customer's acceptance of the terms, kept for ever as evidence. `service` and `line_reference`: whose bills it
    opened.

    A browser is nobody's number: `msisdn` is a name of that browser at that line then, and each of its payments keeps
    the acceptance once more under its own id.
    """

    msisdn: str
    version: str
    language: LanguageCode
    channel: str
    given_at: datetime
    service: ServiceType | None = None
    line_reference: str | None = None
