"""A turn's working copy of a session, and how it moves from screen to screen."""

from dataclasses import dataclass, field

from core.cards import Card
from core.subscribers import Language
from sessions.codec import Record
from sessions.effects import Launch
from sessions.heard import Heard
from sessions.opening import Opening, Resumable, Resume
from sessions.pages import Spot
from sessions.paybill import Screen, Shown
from sessions.perform import Place
from sessions.screen import Say, Visit

TOP = Spot()


@dataclass(slots=True)
class Draft:
    """The turn's working copy. `spot` is the page of the screen that the customer is on."""

    screen: Screen
    language: Language | None
    terms: bool
    spot: Spot = TOP
    notice: Say | None = None
    tries: int = 0
    mistakes: int = 0
    seal: dict[str, bytes] = field(default_factory=dict)
    erase: bool = False
    launch: tuple[Launch, Card | None, Place] | None = None
    visit: Visit | None = None  # as it was with that language and those terms


def move(draft: Draft, screen: Shown, notice: Say | None = None) -> None:
    same = type(screen) is type(draft.screen)
    draft.spot = draft.spot if same and notice is None else TOP
    draft.screen = screen
    draft.notice = notice
    draft.tries = 0


def opening(heard: Heard, previous: Record | None) -> Opening:
    dropped = previous.screen if previous is not None else None
    if isinstance(dropped, Resume):
        dropped = dropped.previous
    return Opening(heard.payment_id, dropped if isinstance(dropped, Resumable) else None)


def known(previous: Record | None) -> tuple[Language | None, bool]:
    return (previous.language, previous.terms) if previous is not None else (None, False)
