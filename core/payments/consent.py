"""Consent under law 09-08: which text was accepted, when, where. Pure."""

from dataclasses import dataclass
from datetime import datetime

from core.subscribers.lines import LanguageCode

# Raised when the terms in locales/ change their meaning: everyone is asked again.
TERMS_VERSION = "2026-11"


@dataclass(frozen=True, slots=True)
class Consent:
    """One acceptance, kept for ever as evidence."""

    msisdn: str
    version: str
    language: LanguageCode
    channel: str
    given_at: datetime
