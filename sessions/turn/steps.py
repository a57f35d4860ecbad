"""The steps of one turn: an event advances the screen, effects are performed, until a screen rests."""

from sessions.screens.ending import Goodbye
from sessions.screens.journey import FIELD_TRIES_MAX, SESSION_TRIES_MAX, STEPS_MAX, Runaway, Shown, advance, name_of
from sessions.screens.menu import Again, Capabilities, Done, Event, Launched, Noted, Say, Silence, Words
from sessions.screens.opening import Opening
from sessions.turn.context import ScreenContexts
from sessions.turn.effects import CardGone, Effect, Remember
from sessions.turn.inbound import Inbound
from sessions.turn.perform import DialogKey, EffectPerformer
from sessions.turn.state import TOP, TurnState


class Steps:
    """Moves a turn's working copy; nothing is saved here."""

    def __init__(self, visits: ScreenContexts, performer: EffectPerformer) -> None:
        self._visits = visits
        self._performer = performer

    async def run(
        self,
        draft: TurnState,
        event: Event,
        place: DialogKey,
        inbound: Inbound,
        can: Capabilities,
        question: Words | None = None,
    ) -> None:
        """Advances until a screen is shown. Raises Runaway for a turn that would not end, and what the payment service
        raises.
        """
        for _ in range(STEPS_MAX):
            visit = self._visits.of(draft, inbound, can)
            following = advance(draft.screen, event, visit, question)
            question = None
            match following:
                case Again(notice, counts):
                    return _again(draft, notice, counts=counts)
                case Noted(screen, notice):
                    return move(draft, screen, notice)
                case Launched(effect, screen):
                    card = self._performer.card_for(effect, place)
                    if not isinstance(card, CardGone):
                        draft.launch = (effect, card, place)
                        return move(draft, screen)
                    event = Done(card)
                case Opening():
                    draft.screen = following
                    event = Silence()
                case _ if isinstance(following, Effect):
                    performed = await self._performer.perform(following, visit, place)
                    # what is on file fills a gap; a language chosen in this dialog stays until another is chosen
                    if performed.language is not None and (draft.language is None or isinstance(following, Remember)):
                        draft.language = performed.language
                    draft.terms = draft.terms if performed.terms is None else performed.terms
                    draft.seal.update(performed.seal)
                    event = Done(performed.result)
                case screen:
                    return move(draft, screen)
        raise Runaway(name_of(draft.screen))


def _again(draft: TurnState, notice: Say, *, counts: bool) -> None:
    draft.notice = notice
    if not counts:
        return
    draft.tries += 1
    draft.mistakes += 1
    if draft.tries >= FIELD_TRIES_MAX or draft.mistakes >= SESSION_TRIES_MAX:
        move(draft, Goodbye("too-many-tries"), None)


def move(draft: TurnState, screen: Shown, notice: Say | None = None) -> None:
    same = type(screen) is type(draft.screen)
    draft.spot = draft.spot if same and notice is None else TOP
    draft.screen = screen
    draft.notice = notice
    draft.tries = 0
