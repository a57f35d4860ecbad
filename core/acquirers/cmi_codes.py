"""What each code of the gateway means for a charge, as data literals.

Rule of this file: approved is exactly 00 AND Approved; what no line names is never a failure, it is a question to ask
the gateway first (docs/protocols/cmi.md, Codes). Pure.
"""

import re
from enum import StrEnum

from core.ports import DeclineKind

CODE_MAX_CHARS = 12


class Verdict(StrEnum):
    """Tells what a reply says of its request."""

    APPROVED = "approved"
    DECLINED = "declined"
    PENDING = "pending"  # the order is still being worked on
    INQUIRE = "inquire"  # perhaps nothing happened, perhaps it did: ask for the order's status first
    UNKNOWN = "unknown"  # never to be read as a failure
    TOO_LATE = "too_late"  # to void: credit instead
    NOT_SETTLED = "not_settled"  # to credit: void instead
    NOTHING_LEFT = "nothing_left"  # to credit: the net amount is zero already


APPROVED_CODE = "00"
APPROVED_RESPONSE = "approved"
REMARK_CODE = "99"  # says nothing itself: the error code does
ALREADY_PAID = "CORE-2507"  # one success at most per order

OTHER_CARD_CODES = frozenset({"05", "14", "15", "51", "54", "57", "58", "62", "82", "84", "85", "93"})
LIMIT_CODES = frozenset({"61", "65", "75"})
NEUTRAL_CODES = frozenset({"04", "07", "33", "34", "36", "37", "38", "41", "43", "59", "63"})
OUR_FAULT_CODES = frozenset({"03", "12", "13", "30", "76", "77", "81"})
BUSY_CODES = frozenset({"91", "96", "19", "09"})
UNKNOWN_CODES = frozenset({"92"})
WRONG_PIN_CODES = frozenset({"55", "75"})

KINDS: dict[str, DeclineKind] = {
    **dict.fromkeys(OTHER_CARD_CODES, DeclineKind.OTHER_CARD),
    **dict.fromkeys(LIMIT_CODES, DeclineKind.LIMIT),
    **dict.fromkeys(NEUTRAL_CODES, DeclineKind.NEUTRAL),
    **dict.fromkeys(OUR_FAULT_CODES, DeclineKind.OUR_FAULT),
}

# CORE-nnnn, first match wins: (first, last, verdict). DECLINED here is always a configuration fault.
CORE_RANGES: tuple[tuple[int, int, Verdict], ...] = (
    (1000, 1005, Verdict.UNKNOWN),
    (1006, 1029, Verdict.DECLINED),
    (2001, 2012, Verdict.DECLINED),
    (2016, 2016, Verdict.PENDING),
    (2105, 2106, Verdict.DECLINED),
    (2201, 2202, Verdict.DECLINED),
    (2254, 2254, Verdict.DECLINED),
    (2304, 2304, Verdict.PENDING),
    (2503, 2503, Verdict.DECLINED),  # a credit of more than is left
    (2504, 2504, Verdict.NOTHING_LEFT),
    (2507, 2507, Verdict.INQUIRE),
    (2508, 2508, Verdict.NOT_SETTLED),
    (2511, 2511, Verdict.TOO_LATE),
    (2700, 3000, Verdict.UNKNOWN),
)

_CORE = re.compile(r"CORE-(\d{4})", re.ASCII)
_PADDED = re.compile(r"0(?!00)\d\d", re.ASCII)  # not 000: an approval has one spelling
_BANK_LINE = re.compile(r"BM-91\d\d", re.ASCII)
_NUMERIC = re.compile(r"99(\d{4})", re.ASCII)
_CLEAN = re.compile(rf"[A-Za-z0-9-]{{1,{CODE_MAX_CHARS}}}", re.ASCII)


def clean_code(text: str) -> str:
    """A code fit for a log line: short and plain, else "?"; empty stays empty. Hosts write 51 as 051 as well."""
    if _PADDED.fullmatch(text):
        return text[1:]
    return text if not text or _CLEAN.fullmatch(text) else "?"


def error_code_of(error_code: str, numeric_code: str) -> str:
    """ERRORCODE, or what NUMCODE says of it ("992508" is CORE-2508) when that element is missing; zeros say nothing."""
    if error_code.strip("0"):
        return clean_code(error_code.upper())
    match = _NUMERIC.fullmatch(numeric_code)
    return f"CORE-{match[1]}" if match else ""


def verdict_of_error(error_code: str) -> Verdict | None:
    """Returns what ERRORCODE says; None for a code that no line names."""
    if _BANK_LINE.fullmatch(error_code):
        return Verdict.UNKNOWN
    match = _CORE.fullmatch(error_code)
    number = int(match[1]) if match else -1
    return next((verdict for first, last, verdict in CORE_RANGES if first <= number <= last), None)


def contradicts(code: str, response: str, error_code: str = "") -> bool:
    """Half an approval, or a success that the order had before: only the order's status can tell."""
    approved = response.strip().lower() == APPROVED_RESPONSE
    exact = approved and code == APPROVED_CODE and not error_code
    return error_code == ALREADY_PAID or (not exact and (approved or code == APPROVED_CODE))


def verdict_of(code: str, response: str, error_code: str = "") -> Verdict:
    """Returns what ProcReturnCode, Response and ERRORCODE together say of a request that wanted to move money."""
    if contradicts(code, response, error_code):
        return Verdict.INQUIRE
    if code == APPROVED_CODE:
        return Verdict.APPROVED
    by_error = verdict_of_error(error_code)
    if code in UNKNOWN_CODES or not (code or error_code):
        return Verdict.UNKNOWN
    if by_error is not None:
        return by_error
    return Verdict.DECLINED if code in KINDS else Verdict.INQUIRE


def kind_of(code: str, error_code: str = "", *, answering_pin: bool = False) -> DeclineKind:
    """Returns how a refusal may be told to the customer, once it is certain that it is one."""
    if answering_pin and code in WRONG_PIN_CODES:
        return DeclineKind.PIN
    if code in KINDS:
        return KINDS[code]
    if code in BUSY_CODES:
        return DeclineKind.BANK_BUSY
    return DeclineKind.OUR_FAULT if error_code or code == REMARK_CODE else DeclineKind.OTHER_CARD
