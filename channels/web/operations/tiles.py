"""The numbers that are read from across a room, each with what is normal and what is not. Pure.

A colour never stands alone: the verdict names what it is about.
"""

from datetime import timedelta

from channels.web.operations.links import ANSWERS, FINDINGS, QUEUES, SPEEDS, OpsLinks
from channels.web.operations.numbers import Speed
from channels.web.operations.rows import KpiTile
from channels.web.operations.wording import BAD, GOOD, PLAIN, WARN, OpsWording, limit_s, slow_tone
from core.help_desk.lists import PaymentList
from core.help_desk.operations import Overview, SettlementRun, WorkQueue
from core.money import dh, signed_dh

OLD_UNDECIDED_S = 900  # the acquirer's window: what it does not know by then never arrived
ANSWERS_MIN = 20  # fewer say nothing about the bank
ACCEPTED_LOW, LOST_HIGH = 0.5, 0.1
_WORSE = (PLAIN, GOOD, WARN, BAD)


class KpiTiles:
    """Words the tiles and the verdict above them."""

    def __init__(self, words: OpsWording, links: OpsLinks) -> None:
        self._words = words
        self._links = links

    def all(self, overview: Overview, fast: tuple[Speed, ...]) -> tuple[KpiTile, ...]:
        payments = sum(sale.payments for sale in overview.sales)
        this_hour = sum(sale.payments for sale in overview.sales if self._words.now - sale.hour < timedelta(hours=1))
        gross, back = taken(overview), overview.back.centimes
        paid, returned = self._links.paid(), self._links.back()
        times = str(overview.back.payments)
        return (
            self._sign(
                "payments", str(payments), PLAIN, self._words.t("sign.payments.note", count=str(this_hour)), paid
            ),
            self._sign("amount", dh(gross), PLAIN, href=paid),
            self._sign("back", dh(back), PLAIN, self._words.t("sign.back.note", count=times), returned),
            self._sign("net", signed_dh(gross - back), PLAIN),
            self._accepted(overview),
            self._slowest(fast),
            self._undecided(overview),
            self._waiting(overview.queues),
            self._settlement(overview.settlement),
            self._sign(
                "by-hand",
                str(overview.by_hand),
                BAD if overview.by_hand else GOOD,
                self._words.t("sign.by-hand.note", count=str(overview.giving_back)),
                self._links.of(PaymentList.STUCK),
            ),
        )

    def _sign(self, key: str, value: str, tone: str, note: str | None = None, href: str = "") -> KpiTile:
        told = self._words.t(f"sign.{key}.note") if note is None else note
        return KpiTile(self._words.t(f"sign.{key}"), value, told, tone, href)

    def _accepted(self, overview: Overview) -> KpiTile:
        accepted, refused, lost = (overview.events.get(event, 0) for event in ("approved", "refused", "lost"))
        answers = accepted + refused + lost
        note = self._words.t("sign.accepted.note", refused=str(refused), lost=str(lost))
        if not answers:
            return self._sign("accepted", "—", PLAIN, note, ANSWERS)
        poor = accepted / answers < ACCEPTED_LOW
        tone = GOOD if answers < ANSWERS_MIN else BAD if lost / answers > LOST_HIGH else WARN if poor else GOOD
        return self._sign("accepted", f"{round(100 * accepted / answers)} %", tone, note, ANSWERS)

    def _slowest(self, fast: tuple[Speed, ...]) -> KpiTile:
        if not fast:
            return self._sign("slowest", "—", PLAIN, "")
        worst = max(fast, key=lambda speed: speed.p99_s / limit_s(speed.wire))
        note = self._words.t(
            "sign.slowest.note", limit=self._words.duration(limit_s(worst.wire)).replace(" ", "\u00a0"), wire=worst.wire
        )
        return self._sign(
            "slowest",
            self._words.longest(worst.p99_s, over=worst.over),
            slow_tone(worst.wire, worst.p99_s, over=worst.over),
            note,
            SPEEDS,
        )

    def _undecided(self, overview: Overview) -> KpiTile:
        undecided, href = overview.undecided, self._links.of(PaymentList.UNKNOWN)
        if undecided.oldest is None:
            return self._sign("undecided", "0", GOOD, self._words.t("none"), href)
        old = (self._words.now - undecided.oldest).total_seconds() > OLD_UNDECIDED_S
        note = self._words.t(
            "sign.undecided.note", age=self._words.age(undecided.oldest), amount=dh(undecided.centimes)
        )
        return self._sign("undecided", str(undecided.count), BAD if old else WARN, note, href)

    def _waiting(self, queues: tuple[WorkQueue, ...]) -> KpiTile:
        waiting = sum(queue.waiting for queue in queues)
        oldest = min((queue.oldest for queue in queues if queue.oldest is not None), default=None)
        note = self._words.t("none") if oldest is None else self._words.t("oldest", age=self._words.age(oldest))
        return self._sign("waiting", str(waiting), self._words.queue_tone(oldest), note, QUEUES)

    def _settlement(self, run: SettlementRun | None) -> KpiTile:
        if run is None:
            return self._sign("settlement", "—", PLAIN, self._words.t("settlement.none"), FINDINGS)
        note = self._words.t("sign.settlement.note", age=self._words.age(run.at))
        return self._sign("settlement", str(run.open), BAD if run.open else GOOD, note, FINDINGS)

    def verdict(self, signs: tuple[KpiTile, ...]) -> str:
        for tone in (BAD, WARN):
            names = [sign.name for sign in signs if sign.tone == tone]
            if names:
                return f"{self._words.t(f'verdict.{tone}')} {self._words.t('and').join(names)}"
        return self._words.t("verdict.good")


def taken(overview: Overview) -> int:
    """Centimes that were captured in the period, whatever went back since."""
    return sum(sale.centimes for sale in overview.sales)


def worst(signs: tuple[KpiTile, ...]) -> str:
    """The tone of the whole page."""
    return max((GOOD, *(sign.tone for sign in signs)), key=_WORSE.index)
