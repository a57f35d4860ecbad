"""What operations see, worded in one language: numbers beside every picture. Pure.

Nothing here is anybody's data but a payment's id, behind which the help desk logs who looks.
"""

from datetime import datetime, timedelta

from channels.web.operations.links import FINDINGS, OpsLinks
from channels.web.operations.numbers import Funnel, Speed, funnels, speeds
from channels.web.operations.rows import (
    AnswerRow,
    ChannelSales,
    FunnelView,
    HourRow,
    IncidentRow,
    OpsView,
    QueueRow,
    SettlementView,
    SpeedRow,
    StepRow,
)
from channels.web.operations.tiles import KpiTiles, taken, worst
from channels.web.operations.wording import (
    BAD,
    DESK,
    GOOD,
    PLAIN,
    WARN,
    OpsWording,
    clock,
    day_and_clock,
    limit_s,
    slow_tone,
    whole_hour,
)
from core.help_desk.lists import PaymentList
from core.help_desk.operations import HOURS, Activity, BankAnswer, Overview, Sales, SettlementRun, WorkQueue
from core.languages import LanguageCode
from core.messaging.texts import Texts
from core.money import dh, signed_dh
from core.zone import ZONE

CHANNELS = ("ussd", "ivr", "web", "sms")
_TONES = {"approved": GOOD, "refused": WARN, "lost": BAD, "mismatch": BAD, "challenged": PLAIN}


class OpsWords:
    """The page in one language at one moment. Raises MissingText for what locales/ must have."""

    def __init__(self, texts: Texts, language: LanguageCode, now: datetime) -> None:
        self._words = OpsWording(texts, language, now)
        self._links = OpsLinks(whole_hour(now) - timedelta(hours=HOURS - 1))
        self._signs = KpiTiles(self._words, self._links)
        self.t = self._words.t

    def page(self, overview: Overview, activity: Activity) -> OpsView:
        fast = speeds(activity.slowness)
        queues = tuple(self._queue(queue) for queue in overview.queues)
        signs = self._signs.all(overview, fast)
        return OpsView(
            at=f"{self._words.now.astimezone(ZONE):%d/%m/%Y %H:%M:%S}",
            tone=worst(signs),
            verdict=self._signs.verdict(signs),
            signs=signs,
            channels=self._channels(overview.sales),
            hours=self._hours(overview.sales),
            payments=sum(sale.payments for sale in overview.sales),
            amount=dh(taken(overview)),
            back=dh(overview.back.centimes),
            back_payments=overview.back.payments,
            net=signed_dh(taken(overview) - overview.back.centimes),
            href=self._links.paid(),
            back_href=self._links.back(),
            undecided_href=self._links.of(PaymentList.UNKNOWN),
            funnels=tuple(self._funnel(funnel) for funnel in funnels(activity.moves)),
            speeds=tuple(self._speed(speed) for speed in fast),
            speeds_since="" if activity.recent_since is None else clock(activity.recent_since),
            answers=self._answers(overview.answers),
            queues=queues,
            settlement=None if overview.settlement is None else self._settlement(overview.settlement),
            undecided=tuple(
                IncidentRow(
                    day_and_clock(each.since),
                    each.since.isoformat(),
                    dh(each.centimes),
                    self._words.age(each.since),
                    each.id,
                )
                for each in overview.undecided.first
            ),
            undecided_more=overview.undecided.count - len(overview.undecided.first),
            troubles=tuple(
                IncidentRow(
                    day_and_clock(each.at),
                    each.at.isoformat(),
                    self._words.known(f"{'message' if each.message else 'event'}.{each.event}", each.event, DESK),
                    "" if each.event == "lost" else each.detail,  # its name says it
                    each.payment_id,
                )
                for each in overview.troubles
            ),
        )

    def _channels(self, sales: tuple[Sales, ...]) -> tuple[ChannelSales, ...]:
        everything = sum(sale.payments for sale in sales)
        rows = []
        for channel in _channels_of(sales):
            own = [sale for sale in sales if sale.channel == channel]
            payments = sum(sale.payments for sale in own)
            share = round(100 * payments / everything) if everything else 0
            amount, link = dh(sum(sale.centimes for sale in own)), self._links.paid(channel)
            rows.append(ChannelSales(channel, self._words.channel(channel), payments, amount, share, link))
        return tuple(rows)

    def _hours(self, sales: tuple[Sales, ...]) -> tuple[HourRow, ...]:
        by_hour = {(sale.hour, sale.channel): sale for sale in sales}
        rows = []
        for back in reversed(range(HOURS)):
            hour = whole_hour(self._words.now) - timedelta(hours=back)
            cells = [by_hour.get((hour, channel)) for channel in _channels_of(sales)]
            shown = tuple((0, 0, dh(0), "") if cell is None else self._cell(cell) for cell in cells)
            payments, total = sum(n for n, *_ in shown), dh(sum(centimes for _, centimes, *_ in shown))
            link = self._links.hour(hour) if payments else ""
            rows.append(HourRow(int(hour.timestamp()), clock(hour), shown, payments, total, link))
        return tuple(rows)

    def _cell(self, sale: Sales) -> tuple[int, int, str, str]:
        return sale.payments, sale.centimes, dh(sale.centimes), self._links.hour(sale.hour, sale.channel)

    def _funnel(self, funnel: Funnel) -> FunnelView:
        most = max((step.reached for step in funnel.steps), default=0) or 1
        steps = tuple(
            StepRow(
                self._words.known(f"screen.{step.screen}", step.screen),
                step.reached,
                step.stopped,
                step.resumed,
                round(100 * step.reached / most, 1),
                round(100 * min(step.stopped, step.reached) / most, 1),
            )
            for step in funnel.steps
        )
        return FunnelView(funnel.channel, self._words.channel(funnel.channel), funnel.dialogs, funnel.failed, steps)

    def _speed(self, speed: Speed) -> SpeedRow:
        limit = limit_s(speed.wire)
        return SpeedRow(
            self._words.channel(speed.channel),
            speed.wire,
            speed.turns,
            self._words.longest(speed.p50_s),
            self._words.longest(speed.p99_s, over=speed.over),
            self._words.duration(limit),
            _share(speed.p99_s, limit),
            slow_tone(speed.wire, speed.p99_s, over=speed.over),
        )

    def _answers(self, answers: tuple[BankAnswer, ...]) -> tuple[AnswerRow, ...]:
        most = max((answer.count for answer in answers), default=1)
        return tuple(
            AnswerRow(
                *self._answer(answer),
                answer.count,
                100 * answer.count / most,
                _TONES.get(answer.event, PLAIN),
                self._links.answered(answer.event, answer.detail),
            )
            for answer in answers
        )

    def _answer(self, answer: BankAnswer) -> tuple[str, str]:
        """Its words and its code."""
        if answer.event == "approved":
            return self._words.t("answer.approved"), "00"
        kind, _, code = answer.detail.partition(" ")
        return self._words.known(f"answer.{kind or answer.event}", kind), code or "—"

    def _queue(self, queue: WorkQueue) -> QueueRow:
        tone = BAD if queue.name == "posting" and queue.failed else self._words.queue_tone(queue.oldest)
        age = "—" if queue.oldest is None else self._words.age(queue.oldest)
        return QueueRow(
            self._words.t(f"queue.{queue.name}"),
            queue.waiting,
            age,
            queue.failed,
            tone,
            self._words.t(f"queue.state.{tone}"),
            self._links.queued(queue.name) if queue.waiting else "",
            self._links.failed(queue.name) if queue.failed else "",
        )

    def _settlement(self, run: SettlementRun) -> SettlementView:
        counts = (
            ("rows", run.rows, PLAIN),
            ("matched", run.matched, PLAIN),
            *(
                (name, count, BAD if count else PLAIN)
                for name, count in (
                    ("missing-here", run.missing_here),
                    ("missing-there", run.missing_there),
                    ("different", run.different),
                    ("unreadable", run.unreadable),
                )
            ),
        )
        rows = tuple(
            (self._words.t(f"settlement.{name}"), count, tone, FINDINGS if tone == BAD else "")
            for name, count, tone in counts
        )
        return SettlementView(f"{run.at.astimezone(ZONE):%d/%m/%Y %H:%M}", run.file_name, rows)


def _channels_of(sales: tuple[Sales, ...]) -> tuple[str, ...]:
    """Those we know, and whatever else was paid by."""
    return (*CHANNELS, *sorted({sale.channel for sale in sales} - set(CHANNELS)))


def _share(seconds: float, limit: float) -> float:
    return round(min(100.0, max(0.5, 100 * seconds / limit)), 1)
