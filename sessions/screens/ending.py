"""Screens a conversation comes to its end on, whatever the channel."""

from __future__ import annotations

import msgspec

from core.subscribers.lines import reachable
from sessions.screens.menu import Again, Amount, Chose, Event, Home, Menu, Option, ScreenContext, Spelled, Tell, say

TOO_MANY_TRIES = "too-many-tries"


class Goodbye(msgspec.Struct, frozen=True, tag=True):
    """The end, with its reason as a text key."""

    reason: str = "goodbye"

    def ask(self, visit: ScreenContext) -> Tell:
        aloud = not visit.can.types_text
        every = self.reason == TOO_MANY_TRIES and aloud and not visit.language_known  # none was chosen, nor can be read
        return Tell(say(f"{self.reason}.every" if every else self.reason, help=Spelled(visit.help_number)))

    def on(self, event: Event, visit: ScreenContext) -> Goodbye:
        return self


class Help(msgspec.Struct, frozen=True, tag=True):
    """A person helps: the number of customer service."""

    def ask(self, visit: ScreenContext) -> Tell:
        return Tell(say("help", help=Spelled(visit.help_number), code_number=Spelled(visit.short_code)), transfer=True)

    def on(self, event: Event, visit: ScreenContext) -> Help:
        return self


class Paid(msgspec.Struct, frozen=True, tag=True):
    """The bank said yes. The authorisation number is said twice; the SMS repeats it where one can be sent."""

    amount_centimes: int
    auth_code: str

    def ask(self, visit: ScreenContext) -> Tell:
        return Tell(
            say(
                "paid" if reachable(visit.msisdn) else "paid.no-sms",
                total=Amount(self.amount_centimes),
                auth=Spelled(self.auth_code),
                help=Spelled(visit.help_number),
            )
        )

    def on(self, event: Event, visit: ScreenContext) -> Paid:
        return self


class Unknown(msgspec.Struct, frozen=True, tag=True):
    """Nobody knows yet whether the bank charged: the customer must not pay again."""

    amount_centimes: int

    def ask(self, visit: ScreenContext) -> Menu | Tell:
        words = say("unknown", total=Amount(self.amount_centimes), help=Spelled(visit.help_number))
        # a call says it once and ends: a question after it, unanswered, would sound as if nothing had been paid
        return Tell(words) if visit.can.takes_card else Menu(words, (Option("other", say("other-bill")),))

    def on(self, event: Event, visit: ScreenContext) -> Home | Again:
        match event:
            case Chose("other"):
                return Home()
            case _:
                return Again(say("wrong-choice"))
