"""What a dispute needs to be answered, taken down when a payment is made: months later nobody can ask for it. Pure.

None of it lets anybody pay: a card shows six digits and four at most, and of a code only what the bank said of it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields

from core.card_numbers import holds

TEXT_MAX_CHARS = 80
_CODE = re.compile(r"[A-Za-z0-9 ._:/+=-]{1,80}", re.ASCII)
_MASKED = re.compile(r"([0-9]{4,6})[0-9]{0,2}[*xX.]{4,12}([0-9]{4})", re.ASCII)
_LONG = re.compile(r"[0-9]{13,19}")


@dataclass(frozen=True, slots=True)
class DisputeFacts:
    """Empty where the acquirer told nothing. `rrn`: the retrieval reference number (HostRefNum)."""

    rrn: str = ""
    masked_card: str = ""
    md_status: str = ""
    eci: str = ""
    cavv: str = ""
    xid: str = ""
    cvv_result: str = ""
    terminal: str = ""
    batch: str = ""
    taken_at: str = ""
    cardholder_present: str = ""

    @property
    def last4(self) -> str | None:
        """The last digits of the card that paid, as the acquirer says."""
        return self.masked_card[-4:] or None

    def told(self) -> dict[str, str]:
        """Returns the facts that are known, by name; empty for none."""
        return {each.name: text for each in fields(self) if (text := getattr(self, each.name))}


NO_FACTS = DisputeFacts()

# Names that CC5 answers and pages use, by ours; the first that holds something counts.
_NAMES = {
    "rrn": ("hostrefnum",),
    "md_status": ("mdstatus",),
    "eci": ("eci", "payersecuritylevel"),
    "cavv": ("cavv", "payerauthenticationcode"),
    "xid": ("xid", "payertxnid"),
    "cvv_result": ("cvv2result", "cvvresult", "extra.cvv2result"),
    "terminal": ("terminalid", "terminal", "acqterminal"),
    "batch": ("settleid", "extra.settleid"),
    "taken_at": ("trxdate", "extra.trxdate"),
}
_CARDS = ("maskedcreditcard", "maskedpan")


def facts_of(answer: Mapping[str, str]) -> DisputeFacts:
    """The facts in what an acquirer says, by lower-case names; what could be a whole card's number is left out."""
    facts = {ours: text for ours, names in _NAMES.items() if (text := _first(answer, names))}
    masked = next(
        (match for name in _CARDS if (match := _MASKED.fullmatch(answer.get(name, "").replace(" ", "")))), None
    )
    if masked:
        facts["masked_card"] = f"{masked[1]}{'*' * (12 - len(masked[1]))}{masked[2]}"
    return DisputeFacts(**facts)


def facts_kept(row: Mapping[str, object] | None) -> DisputeFacts:
    """The facts that the database keeps."""
    names = {each.name for each in fields(DisputeFacts)}
    return DisputeFacts(**{name: str(text) for name, text in (row or {}).items() if name in names})


def _first(answer: Mapping[str, str], names: tuple[str, ...]) -> str:
    for name in names:
        text = answer.get(name, "").strip()[:TEXT_MAX_CHARS]
        if _CODE.fullmatch(text) and not _could_be_a_card(text):
            return text
    return ""


def _could_be_a_card(text: str) -> bool:
    """Digits enough, or a card's number with other signs between them: a moment has as many digits, and is none."""
    return _LONG.search(text.replace(" ", "").replace("-", "")) is not None or holds(text)
