"""Conversations driven turn by turn: every step reads its session again from a real Valkey."""

import itertools
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from redis.asyncio import Redis

from channels.ussd.speaker import PageLimits, UssdSpeaker
from core.languages import LanguageCode
from core.messaging.texts import Texts
from lab.clocks import StillClock
from sessions.pages import Keys, Layout, Page, PagePosition, PageRow, find, page_at
from sessions.screens.menu import Capabilities, Say, Shows, Words
from sessions.store.redis import RedisStore
from sessions.turn.dispatch import LAUNCHES_MAX
from sessions.turn.perform import EffectPerformer
from sessions.turn.turns import DialledNumbers, Inbound, Speaker, TurnAnswer, Turns
from sessions.vault import Seals
from tests.support.till import NOW, FakeTill

CASABLANCA = ZoneInfo("Africa/Casablanca")
NUMBERS = DialledNumbers(help="777", voice="0522000000", short_code="1117", service_code="*1117#")
MASTER_KEYS = {"k1": bytes(range(32))}
CALLER = "+212600000001"
_dialogs = itertools.count(1)


class PlainSpeaker:
    """Speaks text keys, not words: enough to drive a journey on a channel that takes cards."""

    def __init__(self, *, takes_card: bool = True, caller_proven: bool = False, challenges: bool = True) -> None:
        self.can = Capabilities(
            channel="ivr",
            takes_card=takes_card,
            types_text=False,
            caller_proven=caller_proven,
            challenges=frozenset({Shows.OTP_NUMERIC}) if challenges else frozenset(),
        )

    def page(self, words: Words, notice: Say | None, language: LanguageCode, spot: PagePosition) -> Page:
        text = words.text.key if notice is None else f"{notice.key}\n{words.text.key}"
        keys = Keys(next="8", back="9", help="0", restart="*", by_tone=True)
        layout = Layout(_lines, _always, 2_000, 0, keys, 7, PageRow(keys.next, "next"), PageRow(keys.back, "back"))

        def at(begin: int) -> Page:
            page = page_at(words, text, lambda option: option.id, layout, begin)
            assert page is not None
            return page

        return find(spot, at)


def _lines(text: str, rows: Sequence[PageRow]) -> str:
    return "\n".join((text, *(f"{row.key}. {row.label}" for row in rows)))


def _always(_: str) -> bool:
    return True


@dataclass(slots=True)
class Converse:
    """One customer on one channel. `dial` begins a dialog, `key` answers, `again` sends the last request once more."""

    turns: Turns
    speaker: Speaker
    msisdn: str = CALLER
    dialog: str = field(default_factory=lambda: f"d{next(_dialogs)}")
    order: int = 0
    payment_id: str | None = None
    heard: Inbound | None = None
    answer: TurnAnswer | None = None

    async def dial(self, *, payment_id: str | None = None) -> TurnAnswer:
        self.dialog = f"d{next(_dialogs)}"
        self.order = 0
        self.payment_id = payment_id
        return await self._take(Inbound(self.dialog, self.msisdn, 0, None, begins=True, payment_id=payment_id))

    async def key(self, *typed: str) -> TurnAnswer:
        """One answer after the other; what follows the last."""
        for one in typed:
            answer = await self.say(one)
        return answer

    async def say(self, typed: str | None) -> TurnAnswer:
        """None: nothing was said."""
        self.order += 1
        return await self._take(self._heard(typed))

    async def choose(self, option: str) -> TurnAnswer:
        """Press the key of an option, turning pages until it is shown."""
        for _ in range(100):
            page = self.page
            found = next((k for k, event in page.meaning.items() if getattr(event, "id", None) == option), None)
            if found is not None:
                return await self.key(found)
            assert page.keys.next in page.meaning, f"{option} is not offered: {page.text}"
            await self.key(page.keys.next)
        raise AssertionError(f"{option} is not offered")

    async def again(self) -> TurnAnswer:
        assert self.heard is not None
        return await self.turns.take(self.heard, self.speaker)

    async def late(self) -> TurnAnswer:
        """A copy of an earlier request."""
        return await self.turns.take(self._heard("1", order=self.order - 1), self.speaker)

    @property
    def page(self) -> Page:
        assert self.answer is not None
        return self.answer.page

    @property
    def screen(self) -> str:
        assert self.answer is not None
        return self.answer.screen

    def next_heard(self, typed: str) -> Inbound:
        """The next request, not sent: for copies."""
        self.order += 1
        self.heard = self._heard(typed)
        return self.heard

    def _heard(self, typed: str | None, *, order: int | None = None) -> Inbound:
        at = self.order if order is None else order
        return Inbound(self.dialog, self.msisdn, at, typed, begins=at <= 1, payment_id=self.payment_id)

    async def _take(self, heard: Inbound) -> TurnAnswer:
        self.heard = heard
        self.answer = await self.turns.take(heard, self.speaker)
        return self.answer


@dataclass(slots=True)
class Stage:
    """A till, a store and the turns over both."""

    redis: Redis
    texts: Texts
    clock: StillClock
    till: FakeTill
    turns: Turns

    def ussd(self, msisdn: str = CALLER, limits: PageLimits | None = None) -> Converse:
        return Converse(self.turns, UssdSpeaker(self.texts, limits or PageLimits()), msisdn)

    def call(self, msisdn: str = CALLER, *, challenges: bool = True) -> Converse:
        return Converse(self.turns, PlainSpeaker(challenges=challenges), msisdn)

    async def keys(self) -> dict[str, int]:
        """Every key with its time to live in seconds."""
        return {key.decode(): await self.redis.ttl(key) async for key in self.redis.scan_iter()}

    async def values(self) -> bytes:
        """Everything that rests in the store."""
        values = [await self.redis.get(key) async for key in self.redis.scan_iter()]
        return b"\n".join(value for value in values if isinstance(value, bytes))

    async def vault(self) -> set[str]:
        """The vault's keys."""
        return {key.rpartition(":")[2] for key in await self.keys() if key.endswith((":number", ":expiry"))}


def stage(redis: Redis, texts: Texts, launches_max: int = LAUNCHES_MAX) -> Stage:
    clock = StillClock(NOW)
    till = FakeTill(clock)
    performer = EffectPerformer(till, Seals(MASTER_KEYS))
    turns = Turns(RedisStore(redis), performer, clock, NUMBERS, zone=CASABLANCA, launches_max=launches_max)
    return Stage(redis, texts, clock, till, turns)


def chunks(data: str, size: int) -> Iterator[str]:
    """Every run of `size` characters."""
    return (data[i : i + size] for i in range(len(data) - size + 1))


async def walk(phone: Converse, *options: str) -> AsyncIterator[TurnAnswer]:
    """A dial, then one option after the other."""
    yield await phone.dial()
    for option in options:
        yield await phone.choose(option)


async def to_confirm(on: Stage, msisdn: str = CALLER) -> Converse:
    """A first dial up to the total: language, own line, terms, bills."""
    phone = on.ussd(msisdn)
    await phone.dial()
    await phone.choose("fr")
    await phone.choose("own:0")
    await phone.choose("accept")
    await phone.choose("pay")
    assert phone.screen == "ConfirmTotal"
    return phone
