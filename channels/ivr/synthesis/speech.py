"""How long a caller listens: each prompt and two whole calls, by the lengths of the sound files that a switch plays.

Said for the demo's first bill, 769,20 DH. Somebody who knows the way types at once; here everything is heard to its end
and each key takes a second.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from channels.ivr.prompts import Piece, Prompts
from channels.ivr.speaker import IvrSpeaker
from core.billing.invoices import Invoice
from core.languages import LanguageCode
from core.messaging.texts import Texts
from core.subscribers.lines import ServiceType
from sessions.basket import Basket
from sessions.bill_cache import BillCache
from sessions.pages import PagePosition
from sessions.screens.choosing import PickInvoices
from sessions.screens.ending import Paid, Unknown
from sessions.screens.journey import Shown
from sessions.screens.menu import Say, ScreenContext, say
from sessions.screens.opening import Language, PaymentCode, Reference, Service, Terms
from sessions.screens.paying import PAUSE_S, BankPin, CardCvv, CardExpiry, CardNumber, ConfirmCharge, Declined, Paying
from sessions.turn.effects import CardHint, LineRef

KEY_S = 1.0
FIRST_WORD_S = 1.0  # the telephone goes to the ear
CENTIMES = 76_920
MOBILE = LineRef(ServiceType.MOBILE, "0600000001")
BASKET = Basket("sample", "705914", CENTIMES)
CARD = CardHint("visa", "0010")
SHELF = BillCache()
BILLS = SHELF.keep(tuple(Invoice(str(n), date(2026, n, 1), 12_000, date(2026, n + 1, 1)) for n in range(3, 11)))

Length = Callable[[Piece], float]


@dataclass(frozen=True, slots=True)
class SpokenStep:
    """A point of a call: what is said there, and how many keys answer it."""

    name: str
    screen: Shown
    keys: int = 0
    notice: Say | None = None
    begin: int = 0  # the option that its page begins with
    wait_s: float = 0.0


LANGUAGE = SpokenStep("choice of a language", Language(), 1)
OWN = SpokenStep("what to pay, from a line of one's own", Service((MOBILE,)), 1)
CODE = SpokenStep("payment code", PaymentCode(ServiceType.MOBILE, MOBILE.reference), 7)
TERMS = SpokenStep("terms", Terms(MOBILE), 1)
CARD_HERE = SpokenStep("one bill, and the card", CardNumber(BASKET, only_bill=True), 17)
CARD_BACK = SpokenStep("called back, for the card", CardNumber(BASKET), 17, say("call-back"))
EXPIRY = SpokenStep("expiry", CardExpiry(BASKET, CARD), 5)
CONFIRM = SpokenStep("confirmation", ConfirmCharge(BASKET, CARD), 1)
CVV = SpokenStep("security code", CardCvv(BASKET, CARD), 4)
PAYING = SpokenStep("the bank is asked", Paying(BASKET), wait_s=PAUSE_S)
PAID = SpokenStep("paid", Paid(CENTIMES, "705914"))
CALLS: Mapping[str, Sequence[SpokenStep]] = MappingProxyType(
    {
        "Call-back, to the end": (CARD_BACK, EXPIRY, CONFIRM, CVV, PAYING, PAID),
        "First payment wholly by voice": (
            *(LANGUAGE, OWN, CODE, TERMS),
            *(CARD_HERE, EXPIRY, CONFIRM, CVV, PAYING, PAID),
        ),
    },
)
OTHERS = (
    SpokenStep("what to pay, from any telephone", Service()),
    SpokenStep("which line of somebody else's", Service((MOBILE,), others_only=True)),
    SpokenStep("number of another line", Reference(ServiceType.MOBILE)),
    SpokenStep("reference of a basket", Reference(None)),
    SpokenStep("what proves the caller", Reference(None, "705914")),
    SpokenStep("one-time code of the bank", BankPin(BASKET, 3)),
    SpokenStep("card declined", Declined(BASKET, "other_card", may_retry=True)),
    SpokenStep("bank not reached", Declined(BASKET, "bank_down", may_retry=True)),
    SpokenStep("being checked", Unknown(CENTIMES)),
)
LISTS = (
    SpokenStep("eight bills: the total", PickInvoices(MOBILE, BILLS)),
    SpokenStep("eight bills: one of them", PickInvoices(MOBILE, BILLS), begin=1),
)


class SpeechLengths:
    """Prompts by the lengths of their pieces."""

    def __init__(self, texts: Texts, length: Length) -> None:
        self._prompts = Prompts(texts)
        self._speaker = IvrSpeaker(self._prompts.texts)
        self._length = length

    def pieces(self, prompt: SpokenStep, language: LanguageCode) -> tuple[Piece, ...]:
        """The names of the pieces that are played, in their order."""
        here = ScreenContext(
            *("+212600000001", self._speaker.can, language, False, date(2026, 11, 23), "777", "0520001117", "1117"),
            shelf=SHELF,
        )
        words = prompt.screen.ask(here)
        page = self._speaker.page(words, prompt.notice, language, PagePosition(prompt.begin))
        return tuple(piece for phrase in self._prompts.phrases(page.text, language) for piece in phrase.pieces)

    def prompt_s(self, prompt: SpokenStep, language: LanguageCode) -> float:
        return sum(map(self._length, self.pieces(prompt, language)))

    def call_s(self, name: str, language: LanguageCode) -> float:
        """Returns the seconds of a call: all its prompts, its keys and its waits."""
        steps = CALLS[name]
        waits_s = FIRST_WORD_S + sum(step.wait_s for step in steps) + KEY_S * keys_of(name)
        return waits_s + sum(self.prompt_s(step, language) for step in steps)

    def told(self) -> dict[str, dict[str, dict[str, float]]]:
        """The lengths for --json: seconds by language."""
        every = tuple(dict.fromkeys(step for steps in CALLS.values() for step in steps))
        return {
            "prompts": {
                p.name: {each.value: self.prompt_s(p, each) for each in LanguageCode} for p in (*every, *OTHERS)
            },
            "lists": {p.name: {each.value: self.prompt_s(p, each) for each in LanguageCode} for p in LISTS},
            "calls": {name: {each.value: self.call_s(name, each) for each in LanguageCode} for name in CALLS},
        }

    def lines(self) -> list[str]:
        """The Markdown tables of docs/speech.md."""
        told = self.told()
        named = {"prompts": "Prompt", "lists": "Lists of bills", "calls": "Whole call"}
        made: list[str] = []
        for part, title in named.items():
            made += [f"| {title} | {' | '.join(f'{each.value}, s' for each in LanguageCode)} |", "|---|--:|--:|--:|"]
            for name, by in told[part].items():
                keys = f" ({keys_of(name)} keys)" if part == "calls" else ""
                made.append(f"| {name}{keys} | {' | '.join(f'{by[each.value]:.1f}' for each in LanguageCode)} |")
            made.append("")
        return made[:-1]


def keys_of(call: str) -> int:
    """Returns how many keys a caller presses."""
    return sum(step.keys for step in CALLS[call])
