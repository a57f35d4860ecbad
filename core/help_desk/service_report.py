"""A month of service: how often each door answered and how fast, the bank and the wallets apart, and what came late.

Counted are requests that reached a process of ours: what a dead machine or the network before it turned away is in
nobody's count, and the balancer's log has it. Pure.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

FAILED = "failed"  # the outcome of a request that was answered by an apology, or by nothing
RECEIPT_MAX_S = 60
UNKNOWN_MAX_S = 3_600
QUANTILES = (0.5, 0.95, 0.99)
OPEN_END = "+Inf"

Door = tuple[str, str]  # channel, wire


@dataclass(frozen=True, slots=True)
class DoorCount:
    """So many requests of one hour at one door: of one outcome, or (`bound`) of one span of times up to so many
    seconds, as Prometheus writes it.
    """

    channel: str
    wire: str
    outcome: str
    bound: str
    count: int


@dataclass(frozen=True, slots=True)
class DoorMonth:
    """A door's month. Times are None where the door's are not taken, infinite where they are beyond what is told
    apart.
    """

    channel: str
    wire: str
    asked: int
    answered: int
    times_s: tuple[float | None, ...]

    @property
    def availability(self) -> float | None:
        return share(self.answered, self.asked)


@dataclass(frozen=True, slots=True)
class PeerMonth:
    """An acquirer's or a wallet's month: how often it was asked for money, and how often it told what came of it."""

    name: str
    wallet: bool
    asked: int
    answered: int

    @property
    def availability(self) -> float | None:
        return share(self.answered, self.asked)


@dataclass(frozen=True, slots=True)
class ServiceCounts:
    """A day's part of what the books tell. `untimed`: receipts sent before their time was written down."""

    paid: int = 0
    unknown_long: int = 0
    receipts: int = 0
    receipts_late: int = 0
    receipts_untimed: int = 0

    def __add__(self, other: "ServiceCounts") -> "ServiceCounts":
        return ServiceCounts(
            self.paid + other.paid,
            self.unknown_long + other.unknown_long,
            self.receipts + other.receipts,
            self.receipts_late + other.receipts_late,
            self.receipts_untimed + other.receipts_untimed,
        )


@dataclass(frozen=True, slots=True)
class ServiceReport:
    """A month, as far as it has come. `hours_counted`: of `hours` that were, those in which any door was asked."""

    month: date
    over: bool
    hours: int
    hours_counted: int
    doors: tuple[DoorMonth, ...]
    peers: tuple[PeerMonth, ...]
    counts: ServiceCounts


def share(answered: int, asked: int) -> float | None:
    """The part that was answered; None where nothing was asked."""
    return answered / asked if asked else None


def days_of(month: date) -> Iterator[date]:
    """Every day of a month."""
    day = month.replace(day=1)
    while day.month == month.month:
        yield day
        day += timedelta(days=1)


def doors_of(counts: Iterator[DoorCount]) -> tuple[DoorMonth, ...]:
    """Each door's month, of the hours' counts."""
    outcomes: dict[Door, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    times: dict[Door, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for each in counts:
        where = times if each.bound else outcomes
        where[each.channel, each.wire][each.bound or each.outcome] += each.count
    found = []
    for door in sorted({*outcomes, *times}):
        asked = sum(outcomes[door].values())
        spans = {float(bound): count for bound, count in times[door].items()}
        quantiles = tuple(quantile(spans, each) for each in QUANTILES)
        found.append(DoorMonth(*door, asked, asked - outcomes[door].get(FAILED, 0), quantiles))
    return tuple(found)


def peers_of(rows: Iterator[PeerMonth]) -> tuple[PeerMonth, ...]:
    """Each peer's month, of its days; the bank's first."""
    sums: dict[tuple[bool, str], list[int]] = defaultdict(lambda: [0, 0])
    for each in rows:
        both = sums[each.wallet, each.name]
        both[0] += each.asked
        both[1] += each.answered
    return tuple(PeerMonth(name, wallet, *sums[wallet, name]) for wallet, name in sorted(sums))


def quantile(spans: Mapping[float, int], part: float) -> float | None:
    """The time that so much of all keeps within, of counts by span: evenly spread within one, as Prometheus reckons.
    None of nothing; infinite where it lies beyond the last bound.
    """
    rank, below, begin = part * sum(spans.values()), 0, 0.0
    for bound in sorted(spans):
        count = spans[bound]
        if count and below + count >= rank:
            return bound if bound == float("inf") else begin + (bound - begin) * (rank - below) / count
        below, begin = below + count, bound
    return None
