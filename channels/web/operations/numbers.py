"""Counts of turns read as operations ask: how far customers come, where they stop, how long answers take. Pure.

A dialog that stops is never told to us by every gateway: of a screen that was shown and not answered, the customer had
no time, no wish or no line. Dialogs that are open just now count among them until their next key.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from core.help_desk.operations import Move, Slow

REPLAYED, FAILED, ENDED = "replayed", "failed", "ended"
RESUME = "Resume"
STARTS_OVER = frozenset({"Service", "Language"})  # where Resume leads whoever does not go on
JOURNEY = (
    *("Language", RESUME, "Service", "Reference", "PaymentCode", "Terms", "PickInvoices", "Email", "ConfirmTotal"),
    *(
        "HandOver",
        "CardNumber",
        "CardExpiry",
        "CardCvv",
        "PayByConnector",
        "BankPin",
        "Paying",
        "Paid",
        "Declined",
        "Unknown",
    ),
    *("NothingToPay", "Help", "Goodbye"),
)


@dataclass(frozen=True, slots=True)
class Step:
    """A screen on one channel: how often customers came to it, stopped at it, and came back to it by Resume."""

    screen: str
    reached: int
    stopped: int
    resumed: int


@dataclass(frozen=True, slots=True)
class Funnel:
    """The screens of one channel in the order of the journey."""

    channel: str
    dialogs: int
    failed: int
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Speed:
    """Tells how long the turns of one wire took. A time beyond the last bound is told as that bound, `over`."""

    channel: str
    wire: str
    turns: int
    p50_s: float
    p99_s: float
    over: bool


def funnels(moves: Mapping[Move, int]) -> tuple[Funnel, ...]:
    """Returns the funnel of every channel that had a turn."""
    channels: defaultdict[str, Counter[Move]] = defaultdict(Counter)
    for move, count in moves.items():
        channels[move[0]][move] += count
    return tuple(_funnel(channel, channels[channel]) for channel in sorted(channels, reverse=True))


def _funnel(channel: str, moves: Mapping[Move, int]) -> Funnel:
    reached: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    answered: Counter[str] = Counter()
    resumed: Counter[str] = Counter()
    dialogs = failed = 0
    for (_, _, before, screen, outcome), count in moves.items():
        if outcome == REPLAYED:
            continue
        if outcome == FAILED:
            failed += count
            continue
        dialogs += count if not before else 0
        answered[before] += count
        asked[screen] += count if outcome != ENDED else 0
        reached[screen] += count if screen != before else 0
        resumed[screen] += count if before == RESUME and screen not in {RESUME, *STARTS_OVER} else 0
    screens = [name for name in JOURNEY if reached[name]] + sorted(name for name in reached if name not in JOURNEY)
    steps = (Step(name, reached[name], max(0, asked[name] - answered[name]), resumed[name]) for name in screens)
    return Funnel(channel, dialogs, failed, tuple(step for step in steps if step.reached))


def speeds(slowness: Mapping[Slow, int]) -> tuple[Speed, ...]:
    """Returns the speed of every wire that had a turn."""
    wires: defaultdict[tuple[str, str], Counter[float]] = defaultdict(Counter)
    for (channel, wire, bound), count in slowness.items():
        wires[channel, wire][float(bound)] += count
    found = []
    for (channel, wire), counts in sorted(wires.items(), reverse=True):
        turns = counts.total()
        if turns:
            p50_s, _ = quantile(counts, 0.5)
            p99_s, over = quantile(counts, 0.99)
            found.append(Speed(channel, wire, turns, p50_s, p99_s, over))
    return tuple(found)


def quantile(counts: Mapping[float, int], share: float) -> tuple[float, bool]:
    """The time that so many turns did not exceed, straight between two bounds; whether it lies beyond the last one."""
    wanted, below, lower = sum(counts.values()) * share, 0, 0.0
    for bound in sorted(counts):
        count = counts[bound]
        if count and below + count >= wanted:
            if bound == float("inf"):
                return lower, True
            return lower + (bound - lower) * (wanted - below) / count, False
        below, lower = below + count, bound if bound != float("inf") else lower
    return lower, False
