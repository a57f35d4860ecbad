"""One step of the journey: advance(screen, event) -> what comes next. Pure.

Answers that mean the same on every screen (a person please, nothing heard, unclear) are handled here, so that screens
hold only what is their own.
"""

from sessions.screens.ending import Help
from sessions.screens.journey import Screen, Shown
from sessions.screens.menu import (
    Again,
    Chose,
    Digits,
    Done,
    Event,
    HeardTwice,
    HelpMe,
    Home,
    Launched,
    Menu,
    Noted,
    Restart,
    ScreenContext,
    Silence,
    Tell,
    Text,
    Unclear,
    Words,
    say,
)
from sessions.screens.opening import Opening
from sessions.turn.effects import Effect, Launch

STEPS_MAX = 8  # screens and effects within one turn; the longest way today takes 4
FIELD_TRIES_MAX = 3
SESSION_TRIES_MAX = 10

HEARD_TWICE = "heard-twice"

Next = Screen | Effect | Again | Noted[Shown] | Launched[Launch, Shown]


class Runaway(Exception):
    """Our fault: a turn that would not end."""


def advance(screen: Screen, event: Event, visit: ScreenContext, asked: Words | None = None) -> Next:
    """What follows when `event` reaches `screen`. `asked`: what the screen asks, where the event was read on that."""
    if isinstance(screen, Opening):
        return screen.on(event, visit)
    if isinstance(event, Done):  # an effect's result, no answer to what the screen asks
        return _following(screen.on(event, visit))
    words = asked or screen.ask(visit)
    match event:
        case HelpMe():
            return Help()
        case Restart():
            return Again(say("restarted"), counts=False)
        case HeardTwice():  # typed so once more, it is meant (sessions/turn/turns.py)
            return Again(say(HEARD_TWICE), counts=False)
        case Unclear():
            return Again(words.wrong if isinstance(words, Digits | Text) else say("wrong-choice"))
        case Silence() if not isinstance(words, Tell):
            return Again(say("not-heard"))
        case Chose(choice) if asked is None and not (isinstance(words, Menu) and words.offers(choice)):
            return Again(say("wrong-choice"))
    return _following(screen.on(event, visit))


def _following(following: Next | Home) -> Next:
    return Opening(fresh=False) if isinstance(following, Home) else following
