"""Several answers at once, as a form of a page brings them: the same screens and effects as a telephone's turn.

A form bears the version of the session that it was drawn of. It fills in a session of that version once; sent again
it changes nothing, and of copies that arrive at once one saves. The basket's idempotency key is session and version.
"""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import msgspec

from core.languages import LanguageCode
from core.ports import Clock
from sessions.screens.choosing import pick_of
from sessions.screens.journey import Runaway, Shown
from sessions.screens.menu import Capabilities, Event, Say, ScreenContext
from sessions.screens.opening import Opening
from sessions.store.codec import Record, notice_of, say_of
from sessions.store.protocol import Key, Loaded
from sessions.store.redis import RedisStore
from sessions.turn.context import DialledNumbers, ScreenContexts, ServiceContext
from sessions.turn.inbound import Inbound
from sessions.turn.perform import DialogKey, EffectPerformer
from sessions.turn.state import TurnState
from sessions.turn.steps import Steps


class FormField(msgspec.Struct, frozen=True):
    """An answer, and the screen that it answers: where another one stands, the form ends."""

    screen: type[Shown]
    event: Event


class Overtaken(Exception):
    """Another copy of the form, or another window, was faster: what it saved is to be read."""


class FormState(msgspec.Struct, frozen=True):
    """A session as a page shows it."""

    screen: Shown
    version: int
    notice: Say | None
    language: LanguageCode
    visit: ScreenContext


class FormTurns:
    """Conversations of one channel that speaks in forms. Raises StoreDown and what the till raises."""

    def __init__(
        self,
        store: RedisStore,
        performer: EffectPerformer,
        clock: Clock,
        numbers: DialledNumbers,
        zone: ZoneInfo,
        can: Capabilities,
        *,
        mail_utf8: bool = False,
    ) -> None:
        house = ServiceContext(zone, check_luhn=True, default_language=LanguageCode.FR, mail_utf8=mail_utf8)
        self.mail_utf8 = mail_utf8
        self._store = store
        self._clock = clock
        self._performer = performer
        self._visits = ScreenContexts(clock, numbers, house, performer.shelf)
        self._steps = Steps(self._visits, performer)
        self.can = can

    async def load(self, key: Key) -> Loaded:
        """The session as it rests; its time begins anew."""
        loaded = await self._store.load(key, begins=False, with_card=False)
        if loaded.record is not None:
            await self._store.stay(key)
        return loaded

    async def show(self, key: Key, loaded: Loaded, inbound: Inbound) -> FormState | None:
        """The state that a page shows; a list of bills that changed meanwhile is saved and shown anew. None where there
        is no session.
        """
        if loaded.record is None:
            return None
        draft = _taken_up(loaded.record)
        if await self._at_hand(draft, DialogKey(key, loaded.version, {}), inbound):
            return self._state(draft, loaded.version, inbound)
        return await self._save(key, loaded, draft, inbound)

    async def fill(
        self,
        key: Key,
        loaded: Loaded,
        inbound: Inbound,
        answers: Sequence[FormField],
        *,
        begin: Shown | None = None,
        language: LanguageCode | None = None,
    ) -> FormState:
        """The answers in their order, up to the first that is refused. `begin`: the screen that they begin at.

        Raises Overtaken when this form is not of the session's version any more, ValueError without a session.
        """
        draft = TurnState(begin, language, terms=False) if begin is not None else _of(loaded.record)
        if language is not None:
            draft.language = language
        place = DialogKey(key, loaded.version, {})
        draft.notice = None
        if await self._at_hand(draft, place, inbound):
            await self._answer(draft, answers, place, inbound)
        return await self._save(key, loaded, draft, inbound)

    async def _answer(self, draft: TurnState, answers: Sequence[FormField], place: DialogKey, inbound: Inbound) -> None:
        for answer in answers:
            if not isinstance(draft.screen, answer.screen):
                return
            await self._steps.run(draft, answer.event, place, inbound, self.can)
            if draft.notice is not None:
                return

    async def _at_hand(self, draft: TurnState, place: DialogKey, inbound: Inbound) -> bool:
        """False: billing has another list by now, and the screen shows that."""
        pick = pick_of(draft.screen)
        if pick is None or self._performer.shelf.has(pick.unpaid):
            return True
        changed = await self._performer.fetch(pick, self._visits.of(draft, inbound, self.can), place)
        if changed is None:
            return True
        await self._steps.run(draft, changed, place, inbound, self.can)
        return False

    async def _save(self, key: Key, loaded: Loaded, draft: TurnState, inbound: Inbound) -> FormState:
        # a session that was lost does not count from 0 again: its baskets' keys would come a second time
        version = loaded.version + 1 if loaded.record is not None else int(self._clock.now().timestamp())
        record = Record(
            version=version,
            order=version,
            screen=draft.screen,
            language=draft.language,
            terms=draft.terms,
            notice=notice_of(draft.notice),
        )
        if not await self._store.save(key, record, expected=loaded.version, seal={}, erase=False):
            raise Overtaken
        return self._state(draft, version, inbound)

    def _state(self, draft: TurnState, version: int, inbound: Inbound) -> FormState:
        if isinstance(draft.screen, Opening):
            raise Runaway("a session rests on no screen")
        visit = self._visits.of(draft, inbound, self.can)
        return FormState(draft.screen, version, draft.notice, visit.language, visit)


def _of(record: Record | None) -> TurnState:
    if record is None:
        raise ValueError("there is no such session")
    return _taken_up(record)


def _taken_up(record: Record) -> TurnState:
    return TurnState(record.screen, record.language, record.terms, notice=say_of(record.notice))
