"""What the operations page prints, worded: one struct a row. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KpiTile:
    """A number to see at once."""

    name: str
    value: str
    note: str
    tone: str
    href: str = ""  # the list that explains it, or the place on the page


@dataclass(frozen=True, slots=True)
class ChannelSales:
    """The day of one channel; `share` of its payments in per cent."""

    channel: str
    name: str
    payments: int
    amount: str
    share: int
    href: str


@dataclass(frozen=True, slots=True)
class HourRow:
    """An hour: by channel how many payments, how many centimes, and their list."""

    at_s: int
    label: str
    sales: tuple[tuple[int, int, str, str], ...]
    payments: int
    amount: str
    href: str


@dataclass(frozen=True, slots=True)
class StepRow:
    """A screen of a funnel. `width` and `stopped_width` are per cent of the bar."""

    name: str
    reached: int
    stopped: int
    resumed: int
    width: float
    stopped_width: float


@dataclass(frozen=True, slots=True)
class FunnelView:
    channel: str
    name: str
    dialogs: int
    failed: int
    steps: tuple[StepRow, ...]


@dataclass(frozen=True, slots=True)
class SpeedRow:
    """Bars are per cent of the gateway's limit; a turn of no time at all still shows."""

    name: str
    wire: str
    turns: int
    p50: str
    p99: str
    limit: str
    p99_width: float
    tone: str


@dataclass(frozen=True, slots=True)
class AnswerRow:
    name: str
    code: str
    count: int
    width: float
    tone: str
    href: str


@dataclass(frozen=True, slots=True)
class QueueRow:
    name: str
    waiting: int
    oldest: str
    failed: int
    tone: str
    state: str
    href: str
    failed_href: str


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """An entry that leads to a payment's story, when it has one."""

    at: str
    iso: str
    what: str
    detail: str
    payment_id: str | None


@dataclass(frozen=True, slots=True)
class SettlementView:
    """The last comparison with the acquirer's file: labelled counts, each with its tone."""

    at: str
    file: str
    counts: tuple[tuple[str, int, str, str], ...]


@dataclass(frozen=True, slots=True)
class OpsView:
    """Everything the page prints."""

    at: str
    tone: str
    verdict: str
    signs: tuple[KpiTile, ...]
    channels: tuple[ChannelSales, ...]
    hours: tuple[HourRow, ...]
    payments: int
    amount: str
    back: str
    back_payments: int
    net: str
    href: str
    back_href: str
    undecided_href: str
    funnels: tuple[FunnelView, ...]
    speeds: tuple[SpeedRow, ...]
    speeds_since: str
    answers: tuple[AnswerRow, ...]
    queues: tuple[QueueRow, ...]
    settlement: SettlementView | None
    undecided: tuple[IncidentRow, ...]
    undecided_more: int
    troubles: tuple[IncidentRow, ...]
