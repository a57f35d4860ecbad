"""How long things may take, and when a payment is looked at again. Pure.

Inquiries follow protocols/failure-points.md 6; the acquirer's window is how long an order it does not know may still
land.
"""

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

INQUIRY_OFFSETS_S = (5, 15, 60, 300, 3_600, 86_400)
DAILY_S = 86_400
RECORD_PAUSES_S = (0.2, 1.0, 3.0)  # an answer the database would not take at once (docs/protocols/failure-points.md 8)


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds, all of them settings. `stale_sending_s` and `lease_s` are longer than the acquirer's own time-outs."""

    basket_ttl_s: int = 900
    basket_extensions_max: int = 10  # each as long again from then: WCAG 2.2.1 asks for ten
    window_s: int = 900
    send_within_s: int = 30  # of the commit; with the acquirer's time-out below the window
    stale_sending_s: int = 90
    lease_s: int = 240
    confirm_after_s: int = 30  # an approval is looked at once more then: it does not state what was taken
    undecided_sms_after_s: int = 60
    undo_pause_s: int = 60
    undo_refused_pause_s: int = 3_600
    sweep_every_s: int = 5  # below 60
    inquiry_offsets_s: tuple[int, ...] = INQUIRY_OFFSETS_S  # after sending; daily from then on
    record_pauses_s: tuple[float, ...] = RECORD_PAUSES_S


ANSWERED_MARGIN_S = 20  # after the acquirer's time-out: the inquiry that may follow, and writing the answer down


def waiting_for(times: Times, timeout_s: float) -> Times:
    """Times of an acquirer that is waited for so long: what hangs is looked at when nobody can be waiting any more."""
    return replace(
        times,
        stale_sending_s=math.ceil(timeout_s) + ANSWERED_MARGIN_S,
        lease_s=max(times.lease_s, math.ceil(timeout_s) * 4),
    )


def later(now: datetime, pause_s: float) -> datetime:
    """`now` and so many seconds."""
    return now + timedelta(seconds=pause_s)


def longest_wait(times: Times, created_at: datetime) -> datetime:
    """The moment at which a basket ends however often its payer asks for more time."""
    return later(created_at, times.basket_ttl_s * (1 + times.basket_extensions_max))


def window_open(times: Times, sent_at: datetime, now: datetime) -> bool:
    """Returns whether an order that the acquirer does not know may still arrive there."""
    return now <= later(sent_at, times.window_s)


def next_look(times: Times, sent_at: datetime, now: datetime, *, settled: bool) -> datetime | None:
    """The moment at which the acquirer is asked again. Undecided orders are asked about daily for ever, settled ones
    not after a day.
    """
    offsets = sorted({*times.inquiry_offsets_s, times.window_s + 1})
    for offset_s in offsets:
        if later(sent_at, offset_s) > now:
            return later(sent_at, offset_s)
    return None if settled else later(now, DAILY_S)
