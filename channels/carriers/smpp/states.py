"""What a receipt says became of a message, in every word and number that SMSCs write for it. Pure."""

import re
from collections.abc import Mapping
from enum import StrEnum


class PartState(StrEnum):
    """Tells what became of one part."""

    ON_ITS_WAY = "on_its_way"
    DELIVERED = "delivered"
    FAILED = "failed"


BY_NUMBER: Mapping[int, PartState] = {
    0: PartState.ON_ITS_WAY,  # scheduled
    1: PartState.ON_ITS_WAY,
    2: PartState.DELIVERED,
    3: PartState.FAILED,  # expired
    4: PartState.FAILED,  # deleted
    5: PartState.FAILED,  # undeliverable
    6: PartState.ON_ITS_WAY,  # accepted
    8: PartState.FAILED,  # rejected
    9: PartState.FAILED,  # skipped
}
# How the words begin: the standard's have seven letters, others are written in full, shortened otherwise, misspelt.
# The more telling first: UNDELIVERED is no DELIVERED, and NOT DELIVERED neither.
STEMS: tuple[tuple[str, PartState], ...] = (
    *((stem, PartState.FAILED) for stem in ("UNDEL", "UNDLV", "NOTDEL", "NONDEL", "EXPIR", "DELET", "REJ", "FAIL")),
    *((stem, PartState.FAILED) for stem in ("EXPR", "ABORT", "DISCARD", "DROPP", "TIMEOUT", "TIMEDOUT", "BLACKLIST")),
    *((stem, PartState.FAILED) for stem in ("CANCEL", "ERROR", "SKIPP", "INVALID", "BLOCK", "BARRED", "ABSENT")),
    *((stem, PartState.FAILED) for stem in ("SPAM", "FILTER", "NOROUTE")),
    *(
        (stem, PartState.DELIVERED)
        for stem in ("DELIV", "DELVR", "DELIR", "DLVRD", "READ", "SEEN", "DISPLAY", "SUCCES")
    ),
    *(
        (stem, PartState.ON_ITS_WAY)
        for stem in ("ENROUT", "ENRUT", "ACCEP", "ACCPT", "ACPT", "BUFF", "QUEUE", "SCHED", "PEND")
    ),
    *(
        (stem, PartState.ON_ITS_WAY)
        for stem in ("SUBMIT", "SENT", "MESSAGEWAIT", "TRANSMIT", "INTERMED", "RETRY", "FORWARD", "PROCESS")
    ),
)
# of compounds the second word tells: DELIVERY_FAILED, DELIVERY_PENDING
WITHIN: tuple[tuple[str, PartState], ...] = (
    *((told, PartState.FAILED) for told in ("FAIL", "REJECT", "EXPIR", "UNDEL", "NOTDEL", "ERROR", "CANCEL")),
    *((told, PartState.FAILED) for told in ("IMPOSSIBLE", "ABSENT", "BARRED", "UNREACHABLE")),
    *((told, PartState.ON_ITS_WAY) for told in ("PENDING", "ACCEPT", "QUEUED", "TONETWORK", "TOSMSC", "TOCARRIER")),
)
OPEN = frozenset({"DELIVERYUNCERTAIN", "DELIVERYNOTIFICATIONNOTSUPPORTED"})  # say that nobody knows (3GPP TS 29.199-4)
# without "stat:" before them words must be plain: a receipt's own field names are none
_BARE = re.compile(r"(?<![\w:])((?:not[ _-]|un|non)?[a-z]{4,}(?:[ _-]route)?)(?![\w]*\s*[:=])", re.IGNORECASE)
_FIELDS = frozenset({"SUBMIT", "DONE", "DATE", "TEXT", "STAT", "DLVRD"})
_LETTERS = re.compile("[^A-Z]")


def state_of(word: str) -> PartState | None:
    """The state that stands behind "stat:"; None for an unknown word, which changes nothing."""
    if word.isascii() and word.isdigit():
        return BY_NUMBER.get(int(word[-3:]))
    letters = _LETTERS.sub("", word.upper())
    if letters in OPEN:
        return None
    for told, state in WITHIN:
        if told in letters:
            return state
    return next((state for stem, state in STEMS if letters.startswith(stem)), None)


def state_within(text: str) -> PartState | None:
    """The state named by the one word of a receipt's text that is a state; None where there is none, or several that
    differ.
    """
    words = [match[1] for match in _BARE.finditer(text)]
    states = {state for word in words if word.upper() not in _FIELDS and (state := state_of(word)) is not None}
    return states.pop() if len(states) == 1 else None
