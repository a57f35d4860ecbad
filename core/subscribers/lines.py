"""Lines, their references and the people who ask about them. Pure."""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from core.languages import LanguageCode
from core.spreadsheets import spoilt
from core.typed import number_typed

REGION = "MA"
NUMBERS_KEPT_MAX = 8_192
_NO_DIGITS = re.compile(r"[^0-9]+")
_PLAIN = re.compile(r"(?:\+212|0)([1-9][0-9]{8})")  # as gateways and customers nearly always write it
_OWN = re.compile(r"(?:00|\+)?212\(?0?\)?([1-9][0-9]{8})")  # with the national zero, as in +212 (0)6 00 00 00 03
_INTERNET = re.compile(r"\d{5,12}")
_CODE = re.compile(r"\d{4,10}")


class ServiceType(StrEnum):
    """The services that a bill is for."""

    MOBILE = "mobile"
    FIXED = "fixed"
    INTERNET = "internet"


@dataclass(frozen=True, slots=True)
class SubscribedLine:
    """A subscribed line. `reference` is what its bill prints: 0600000001, 0537000103, or a customer number."""

    service: ServiceType
    reference: str
    holder: str
    contact_msisdn: str
    email: str | None
    language: LanguageCode


def digits_of(text: str) -> str:
    """The decimal digits of a text, Arabic-Indic ones folded to ASCII, everything else dropped."""
    if text.isascii():
        return _NO_DIGITS.sub("", text)
    return "".join(str(unicodedata.decimal(c)) for c in text if unicodedata.decimal(c, None) is not None)


@lru_cache(maxsize=NUMBERS_KEPT_MAX)  # a dialog's requests all name the same number
def msisdn(text: str) -> str:
    """An E.164 MSISDN ("+212600000001") of any Moroccan or international spelling. Raises ValueError."""
    if plain := _PLAIN.fullmatch(text):
        return "+212" + plain[1]
    import phonenumbers  # nearly a MiB, for spellings that few processes ever see

    try:
        parsed = phonenumbers.parse(number_typed(text) or text.strip(), REGION)
    except phonenumbers.NumberParseException as error:
        raise ValueError("not a telephone number") from error
    if not phonenumbers.is_possible_number(parsed):
        raise ValueError("not a telephone number")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def reachable(payer: str) -> bool:
    """Returns whether a payer can be texted and rung; one whose number is hidden is known by the call alone."""
    return payer.startswith("+")


def national(e164: str) -> str:
    """ "+212600000001" -> "0600000001", the way Moroccan customers write it; foreign numbers stay as they are."""
    return "0" + e164[4:] if e164.startswith("+212") else e164


def reference_of(service: ServiceType, typed: str) -> str:
    """The line reference a customer typed, normalised. Raises ValueError when it cannot be one."""
    typed_digits = digits_of(typed)
    if service is ServiceType.INTERNET:
        if _INTERNET.fullmatch(typed_digits) is None:
            raise ValueError("a customer number has 5 to 12 digits")
        return typed_digits
    match = _OWN.fullmatch(typed_digits)
    reference = "0" + match[1] if match else national(msisdn(typed_digits))
    prefix = ("06", "07") if service is ServiceType.MOBILE else ("05", "08")
    if len(reference) != 10 or not reference.startswith(prefix):
        raise ValueError("not a number of this service")
    return reference


def payment_code_of(typed: str) -> str:
    """A typed payment code: text, a leading zero counts. Raises ValueError when it cannot be one."""
    code = digits_of(typed)
    if _CODE.fullmatch(code) is None or spoilt(typed.strip()):
        raise ValueError("a payment code has 4 to 10 digits")
    return code


def mask_reference(reference: str) -> str:
    """ "0600000003" -> "06…003", for texts that may be read by others."""
    return f"{reference[:2]}...{reference[-3:]}"


def mask_msisdn(e164: str) -> str:
    """ "+212600000001" -> "+2126*****001", for logs at INFO (docs/protocols/security.md)."""
    return e164[:5] + "*" * (len(e164) - 8) + e164[-3:] if len(e164) > 8 else "*" * len(e164)


def mask_email(address: str) -> str:
    """Masks an address: "salma@example.com" -> "s***@example.com"."""
    name, _, host = address.partition("@")
    # a letter outside ASCII would halve the room of a whole USSD page
    return f"{name[:1] if name.isascii() else ''}***@{host}"
