"""How the stand-in misbehaves, on order. Its books never lie. Pure."""

from dataclasses import dataclass
from enum import StrEnum

LIES_MAX = 1_000


class Way(StrEnum):
    """How one request is treated."""

    SILENT_AFTER = "silent_after"  # carried out; no answer
    SILENT_BEFORE = "silent_before"  # not carried out; no answer
    LATE = "late"  # no answer; carried out when `hurry` says so
    ERROR_AFTER = "error_after"  # carried out; a 500 is answered, and kept for the key
    ERROR_BEFORE = "error_before"  # not carried out; a 500 is answered, and kept for the key
    GARBAGE = "garbage"  # carried out; the answer is a proxy's page
    TORN = "torn"  # carried out; half of the answer
    RATE_LIMIT = "rate_limit"  # 429: not carried out
    LOCK_TIMEOUT = "lock_timeout"  # 429: another request has the object; carried out by that one
    CONFLICT = "conflict"  # 409: the key is in use
    TWICE = "twice"  # carried out twice under one key
    STRANGE_STATUS = "strange_status"  # carried out; a word that nobody documented
    WRONG_AMOUNT = "wrong_amount"  # takes one dirham too much
    OTHER_CURRENCY = "other_currency"  # takes the number in another currency
    OTHER_ORDER = "other_order"  # answers with another order's object
    OTHER_PAGE = "other_page"  # opened; the page's address is another's
    REDIRECT = "redirect"  # a way that nobody configured


class Asked(StrEnum):
    """What a request wants."""

    CREATE = "create"
    METHOD = "method"
    CONFIRM = "confirm"
    CAPTURE = "capture"
    CANCEL = "cancel"
    REFUND = "refund"
    RETRIEVE = "retrieve"
    SEARCH = "search"
    LIST = "list"
    SESSION = "session"
    EXPIRE = "expire"


@dataclass(slots=True)
class GatewayLie:
    """Applies to the next `times` requests of these kinds."""

    way: Way
    on: frozenset[Asked]
    times: int = 1


class GatewayLies:
    """The lies in force, oldest first."""

    def __init__(self) -> None:
        self._lies: list[GatewayLie] = []

    def add(self, way: Way, *on: Asked, times: int = 1) -> None:
        """Raises ValueError when there are too many."""
        if len(self._lies) >= LIES_MAX:
            raise ValueError(f"at most {LIES_MAX} lies at once")
        self._lies.append(GatewayLie(way, frozenset(on), times))

    def pick(self, asked: Asked) -> Way | None:
        """The lie that this request meets, counted as told."""
        for lie in self._lies:
            if lie.times > 0 and asked in lie.on:
                lie.times -= 1
                return lie.way
        return None

    def clear(self) -> None:
        self._lies.clear()
