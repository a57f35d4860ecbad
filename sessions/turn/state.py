"""A turn's working copy of a session, and how it moves from screen to screen."""

from dataclasses import dataclass, field

from core.cards import Card
from core.languages import LanguageCode
from sessions.pages import PagePosition
from sessions.screens.journey import Screen
from sessions.screens.menu import Say, ScreenContext
from sessions.screens.opening import Opening, Resumable, Resume
from sessions.store.codec import Record
from sessions.turn.effects import Launch
from sessions.turn.inbound import Inbound
from sessions.turn.perform import DialogKey

TOP = PagePosition()


@dataclass(slots=True)
class TurnState:
    """The turn's working copy. `spot` is the page of the screen that the customer is on."""

    screen: Screen
    language: LanguageCode | None
    terms: bool
    spot: PagePosition = TOP
    notice: Say | None = None
    tries: int = 0
    mistakes: int = 0
    seal: dict[str, bytes] = field(default_factory=dict)
    erase: bool = False
    launch: tuple[Launch, Card | None, DialogKey] | None = None
    visit: ScreenContext | None = None  # as it was with that language and those terms


def opening(inbound: Inbound, previous: Record | None) -> Opening:
    dropped = previous.screen if previous is not None else None
    if isinstance(dropped, Resume):
        dropped = dropped.previous
    return Opening(inbound.payment_id, dropped if isinstance(dropped, Resumable) else None)


def known(previous: Record | None) -> tuple[LanguageCode | None, bool]:
    return (previous.language, previous.terms) if previous is not None else (None, False)
