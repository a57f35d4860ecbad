"""How an acquirer misbehaves, on order.

Rule of this file: lies are data, chosen by order, by count or by a seeded chance; the ledger never lies. Pure.
"""

import random
from dataclasses import dataclass, field
from enum import StrEnum

LIES_MAX = 1_000
LATE_DEFAULT_S = 2.0
WRONG_BY_CENTIMES = 100


class Manner(StrEnum):
    """How one request is treated."""

    TRUE = "true"
    SILENT_AFTER_CHARGING = "silent_after_charging"
    SILENT_WITHOUT_CHARGING = "silent_without_charging"
    GARBAGE = "garbage"  # not carried out
    SERVER_ERROR_AFTER_CHARGING = "5xx_after_charging"
    SLOW = "slow"  # works for `seconds`, then carries out and answers; the order is "ongoing" meanwhile
    WRONG_AMOUNT = "wrong_amount"  # charges one dirham too much
    LATE_LANDING = "late_landing"  # no answer; carried out `seconds` later, the order is not known before
    LATE_CALLBACK = "late_callback"  # of the hosted page: its server tells the merchant when `hurry` says so
    DUPLICATE_ANSWER = "duplicate_answer"  # carried out twice, the second answer goes out; a callback comes twice
    BUSY_AFTER_CHARGING = "busy_after_charging"  # carried out, and answered by 96
    BUSY_WITHOUT_CHARGING = "busy_without_charging"  # answered by 96, not carried out
    NO_HISTORY = "no_history"  # of inquiries: the status is told, the history cannot be read
    STATE_ERR = "state_err"  # of inquiries: a state that says nothing, for as long as the lie lasts
    STATE_R = "state_r"
    STATE_PENDING = "state_pending"


STATES = {Manner.STATE_ERR: "ERR", Manner.STATE_R: "R", Manner.STATE_PENDING: "PN"}


class Kind(StrEnum):
    """What a request wants."""

    AUTH = "Auth"
    PRE_AUTH = "PreAuth"
    POST_AUTH = "PostAuth"
    VOID = "Void"
    CREDIT = "Credit"
    PIN = "Pin"
    QUERY = "Query"


@dataclass(slots=True)
class Lie:
    """Applies to requests of the kinds `on`: to one order, or to any; `times` None is for ever."""

    manner: Manner
    on: frozenset[Kind]
    order_id: str | None = None
    times: int | None = 1
    probability: float | None = None
    seed: int = 0
    seconds: float = LATE_DEFAULT_S

    _chance: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    def takes(self, order_id: str, kind: Kind) -> bool:
        if kind not in self.on or self.times == 0 or self.order_id not in {None, order_id}:
            return False
        if self.probability is not None and self._chance.random() >= self.probability:
            return False
        if self.times is not None:
            self.times -= 1
        return True


class LieBook:
    """The lies in force, oldest first."""

    def __init__(self) -> None:
        self.lies: list[Lie] = []

    def add(self, lie: Lie) -> None:
        """Raises ValueError when there are too many."""
        self.lies = [old for old in self.lies if old.times != 0]
        if len(self.lies) >= LIES_MAX:
            raise ValueError(f"at most {LIES_MAX} lies at once")
        self.lies.append(lie)

    def pick(self, order_id: str, kind: Kind) -> Lie | None:
        """The lie that this request meets, counted as told."""
        return next((lie for lie in self.lies if lie.takes(order_id, kind)), None)

    def clear(self) -> None:
        self.lies.clear()
