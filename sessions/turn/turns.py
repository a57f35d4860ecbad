"""One turn of a conversation: load, read, advance, perform effects, save (compare and set), answer.

Two round trips to the store, no lock. A request that was answered before is answered again from the saved screen and
does nothing; of copies that arrive at once one saves, the others answer what it saved. Whatever is sent to the bank
is launched after the save, so that one copy alone can send.

One round trip where the next request in order meets the record that this process saved last, and nothing but the screen
moves: the save then finds that very record, or nothing was written and the turn is done again over what is there. An
effect on such a record is never begun: the record is loaded first.
"""

import asyncio
import logging
from functools import partial
from typing import Protocol
from zoneinfo import ZoneInfo

import msgspec

from core.languages import LanguageCode
from core.ports import Clock
from core.wallets.port import WalletTerms
from sessions.page_cache import PageCache
from sessions.pages import Page, PagePosition, Turned
from sessions.screens.choosing import HandOver, pick_of
from sessions.screens.ending import Goodbye, Help, Paid, Unknown
from sessions.screens.journey import HEARD_TWICE, Runaway, name_of
from sessions.screens.menu import Capabilities, Done, Event, HeardTwice, Say, Silence, Tell, Words
from sessions.screens.opening import Opening
from sessions.screens.paying import holds_card
from sessions.screens.wallet import WalletAsked
from sessions.store.codec import Record, notice_of, say_of
from sessions.store.protocol import Guessed, Key, Loaded, Store, StoreDown
from sessions.turn.context import DialledNumbers, LanguagesSpoken, ScreenContexts, ServiceContext
from sessions.turn.dispatch import LAUNCHES_MAX, Dispatcher
from sessions.turn.inbound import Inbound, dials_again, is_dialled, latest, place, stamp
from sessions.turn.inbound import before as heard_before
from sessions.turn.perform import DialogKey, EffectPerformer, RecordUncertain
from sessions.turn.state import TurnState, known, opening
from sessions.turn.steps import Steps

log = logging.getLogger(__name__)

__all__ = ["DialledNumbers", "Inbound", "Speaker", "TurnAnswer", "Turns"]

RACES_MAX = 4
SO_FAR = "so far\0"  # before what was typed in a whole dialog, so that its mark is no single answer's
FINAL = frozenset({HandOver, WalletAsked, Paid, Help, Goodbye})


def is_final(screen: object, can: Capabilities) -> bool:
    """Returns whether a conversation is over with that screen; an uncertain charge ends a call, and no other dialog."""
    return type(screen) in FINAL or (can.takes_card and isinstance(screen, Unknown))


class Speaker(Protocol):
    """A channel's mouth: words to pages in the customer's language."""

    @property
    def can(self) -> Capabilities: ...

    def page(self, words: Words, notice: Say | None, language: LanguageCode, spot: PagePosition) -> Page: ...


class TurnAnswer(msgspec.Struct, frozen=True):
    """The answer that goes back: a page and what a wire must know to send it."""

    page: Page
    screen: str
    language: LanguageCode
    version: int
    ends: bool
    replayed: bool = False
    came_from: str = ""  # the screen that was answered; none where a dialog begins

    @property
    def words(self) -> Words:
        return self.page.words

    @property
    def outcome(self) -> str:
        """Returns what became of the request, as metrics and transcripts count it."""
        return "replayed" if self.replayed else "ended" if self.ends else "answered"


class Turns:
    """Conversations of all channels. Raises StoreDown and what the till raises; an exception erases the held card."""

    def __init__(
        self,
        store: Store,
        performer: EffectPerformer,
        clock: Clock,
        numbers: DialledNumbers,
        *,
        zone: ZoneInfo,
        check_luhn: bool = True,
        default_language: LanguageCode = LanguageCode.FR,
        mail_utf8: bool = False,
        wallets: tuple[tuple[str, WalletTerms], ...] = (),
        launches_max: int = LAUNCHES_MAX,
    ) -> None:
        self._store = store
        self._performer = performer
        self._seals = performer.seals
        self._bills = performer.shelf
        self._clock = clock
        self._default = default_language
        self._code = numbers.service_code
        house = ServiceContext(zone, check_luhn, default_language, mail_utf8, wallets)
        self._visits = ScreenContexts(clock, numbers, house, performer.shelf)
        self._steps = Steps(self._visits, performer)
        self._launches = Dispatcher(performer, launches_max)
        self._drawn = PageCache()
        self._spoken = LanguagesSpoken()

    async def take(self, inbound: Inbound, speaker: Speaker) -> TurnAnswer:
        """Takes one request in and gives one answer out."""
        key = Key(inbound.msisdn, speaker.can.channel, inbound.dialog)
        counted = inbound.order is None  # by us, for its gateway does not
        arrived_ms = stamp(self._clock.now()) if counted else 0  # once, however often it is overtaken
        try:
            guessed = self._guess(key, inbound, speaker.can)
            answer = None if guessed is None else await self._take(key, inbound, speaker, arrived_ms, guessed)
            for _ in range(RACES_MAX):
                if answer is not None:
                    return answer
                answer = await self._take(key, inbound, speaker, arrived_ms)
        except BaseException:
            await self._erase_quietly(key)
            raise
        await self._erase_quietly(key)
        raise StoreDown("copies of one request kept overtaking each other")

    async def hang_up(self, dialog: str, msisdn: str, channel: str) -> None:
        """The line is dead: the card leaves the vault; the basket and the dropped dialog stay to be resumed. A wallet
        that waited for it asks its payer."""
        record = await self._store.hang_up(Key(msisdn, channel, dialog))
        if record is not None and isinstance(record.screen, WalletAsked):
            await self._performer.dialog_over(record.screen.basket.payment_id)

    async def language_of(self, inbound: Inbound, channel: str) -> LanguageCode:
        """The language for an apology: what the customer was last spoken to in, as far as that can be told now."""
        known = self._spoken.find(inbound.msisdn)
        if known is not None:
            return known
        try:
            loaded = await self._store.load(Key(inbound.msisdn, channel, inbound.dialog), begins=True, with_card=False)
        except StoreDown:
            return self._default
        languages = [record.language for record in (loaded.record, loaded.previous) if record is not None]
        return next((language for language in languages if language is not None), self._default)

    async def close(self) -> None:
        """Wait for what was launched to reach the till, which finishes it by itself."""
        await self._launches.close()

    def _guess(self, key: Key, inbound: Inbound, can: Capabilities) -> Guessed | None:
        """The record that the next request in order goes on from; anything else is for what is stored to say."""
        guessed = self._store.guess(key)
        if guessed is None or inbound.order != guessed.record.order + 1 or is_final(guessed.record.screen, can):
            return None
        return guessed

    async def _take(
        self, key: Key, inbound: Inbound, speaker: Speaker, arrived_ms: int, guessed: Guessed | None = None
    ) -> TurnAnswer | None:
        """None: another copy was faster, or the guess will not do: what is stored is to be read."""
        mark = self._seals.mark(key.record, inbound.typed) if inbound.order is None else 0
        if guessed is not None:
            loaded = Loaded(guessed.record, guessed.record.version)
        else:
            loaded = await self._store.load(key, begins=inbound.begins, with_card=speaker.can.takes_card)
        before = loaded.record
        inbound = latest(inbound, before, partial(self._said, key))
        ended = guessed is None and before is not None and is_final(before.screen, speaker.can)
        if before and ended and dials_again(inbound, before):
            loaded, before = msgspec.structs.replace(loaded, record=None), None
        elif before and is_dialled(inbound.typed, self._code) and not heard_before(inbound, before, mark, arrived_ms):
            loaded, before = msgspec.structs.replace(loaded, record=None, previous=before), None
        if before and (ended or heard_before(inbound, before, mark, arrived_ms)):
            return await self._again_answered(key, before, inbound, speaker)
        try:
            draft = await self._run(key, inbound, speaker, loaded, guessed=guessed is not None)
        except RecordUncertain:
            return None
        # drawn before it is saved: what cannot be shown changes nothing
        page = self._draw(draft, inbound, speaker)
        order = place(inbound, before)
        record = Record(
            # a session lost in mid-dialog goes on from the request's order: what follows must count as newer
            version=max(loaded.version, order) + 1,
            order=order,
            screen=draft.screen,
            language=draft.language,
            terms=draft.terms,
            begin=page.begin,
            notice=notice_of(draft.notice),
            tries=draft.tries,
            mistakes=draft.mistakes,
            mark=mark,
            answered_ms=stamp(self._clock.now()) if mark else 0,
            said_chars=len(inbound.so_far or ""),
            said_mark=0 if inbound.so_far is None else self._said(key, inbound.so_far),
        )
        if guessed is not None:
            saved = await self._store.save_over(key, guessed, record)
        else:
            saved = await self._store.save(key, record, expected=loaded.version, seal=draft.seal, erase=draft.erase)
        if not saved:
            return None
        if draft.launch is not None:
            self._launches.begin(*draft.launch)
        self._drawn.keep(key, record, page)
        self._spoken.keep(key.msisdn, record.language)
        return self._answer(record, page, came_from="" if before is None else name_of(before.screen))

    async def _run(self, key: Key, inbound: Inbound, speaker: Speaker, loaded: Loaded, *, guessed: bool) -> TurnState:
        """Raises RecordUncertain where something would be done, what the till raises, and Runaway."""
        before = loaded.record
        place = DialogKey(key, loaded.version, loaded.sealed, guessed)
        question: Words | None = None
        if before is None:
            draft = TurnState(opening(inbound, loaded.previous), *known(loaded.previous))
            event: Event = Silence()
        else:
            draft = _of(before)
            gone = await self._fetched(draft, place, inbound, speaker) if self._lacks(draft) else None
            if gone is None:
                page = self._page(key, before, inbound, speaker)
                read = page.read(inbound.typed)
                if isinstance(read, HeardTwice) and before.notice is not None and before.notice[0] == HEARD_TWICE:
                    read = read.typed  # asked again and typed so again: it is meant
                if isinstance(read, Turned):
                    draft.spot = PagePosition(read.option, before=read.before)
                    return draft
                # after a tick the page with that tick is shown, wherever the menu is cut now
                draft.spot = PagePosition(page.begin, page.place_of(read))
                event, question = read, page.words
            else:
                event = gone
        await self._steps.run(draft, event, place, inbound, speaker.can, question)
        if self._lacks(draft) and (gone := await self._fetched(draft, place, inbound, speaker)) is not None:
            await self._steps.run(draft, gone, place, inbound, speaker.can)
        if before is not None and holds_card(before.screen) and not holds_card(draft.screen):
            draft.erase = True
        return draft

    def _lacks(self, draft: TurnState) -> bool:
        """Whether a list of bills must be asked for again before the screen can be shown."""
        pick = pick_of(draft.screen)
        return pick is not None and not self._bills.has(pick.unpaid)

    async def _fetched(self, draft: TurnState, place: DialogKey, inbound: Inbound, speaker: Speaker) -> Done | None:
        """None: now it is at hand. Else what the list came to, for the screen that shows it."""
        pick = pick_of(draft.screen)
        if pick is None:
            return None
        return await self._performer.fetch(pick, self._visits.of(draft, inbound, speaker.can), place)

    def _page(self, key: Key, record: Record, inbound: Inbound, speaker: Speaker) -> Page:
        """The page that a record was saved with."""
        page = self._drawn.find(key, record)
        if page is None:
            page = self._draw(_of(record, say_of(record.notice)), inbound, speaker)
            self._drawn.keep(key, record, page)
        return page

    def _draw(self, draft: TurnState, inbound: Inbound, speaker: Speaker) -> Page:
        if isinstance(draft.screen, Opening):
            raise Runaway("a session rests on no screen")
        visit = self._visits.of(draft, inbound, speaker.can)
        return speaker.page(draft.screen.ask(visit), draft.notice, visit.language, draft.spot)

    async def _again_answered(self, key: Key, record: Record, inbound: Inbound, speaker: Speaker) -> TurnAnswer:
        """What was answered before, and nothing is done. Of a list that is another by now the new one is shown."""
        draft = _of(record, say_of(record.notice))
        place = DialogKey(key, record.version, {})
        gone = await self._fetched(draft, place, inbound, speaker) if self._lacks(draft) else None
        if gone is None:
            return self._answer(record, self._page(key, record, inbound, speaker), replayed=True)
        await self._steps.run(draft, gone, place, inbound, speaker.can)
        shown = msgspec.structs.replace(record, screen=draft.screen)
        return self._answer(shown, self._draw(draft, inbound, speaker), replayed=True)

    def _answer(self, record: Record, page: Page, *, replayed: bool = False, came_from: str = "") -> TurnAnswer:
        ends = isinstance(page.words, Tell) and page.words.ends
        language = record.language or self._default
        return TurnAnswer(page, name_of(record.screen), language, record.version, ends, replayed, came_from)

    def _said(self, key: Key, text: str) -> int:
        return self._seals.mark(key.record, SO_FAR + text)

    async def _erase_quietly(self, key: Key) -> None:
        try:
            await asyncio.shield(self._store.erase(key))
        except StoreDown:
            log.warning("the vault could not be erased now; its entries expire by themselves")


def _of(record: Record, notice: Say | None = None) -> TurnState:
    """A record taken up again."""
    spot = PagePosition(record.begin)
    return TurnState(record.screen, record.language, record.terms, spot, notice, record.tries, record.mistakes)
