"""What passed over the wires, newest kept, secrets masked before they are kept. Pure.

Rule: keys pressed on a screen that asks for a card's secret are never kept, nor are keys whose screen is not known;
anything as long as a card's number keeps its last four digits only.
"""

import re
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl, urlsplit

from lab.twilio.webhooks import Exchange, Watcher

SECRET_SCREENS = frozenset({"CardNumber", "CardExpiry", "CardCvv", "BankPin"})
ENTRIES_MAX = 500
CALLS_MAX = 500
BODY_MAX_CHARACTERS = 8_000
MASK = "•"
TYPED = frozenset({"Digits", "text", "Body", "body", "input"})  # what customers type, by wire
_LONG = re.compile(r"(?<!\d)(?:\d[ -]?){9,}((?:\d[ -]?){3}\d)(?!\d)")


@dataclass(frozen=True, slots=True)
class Entry:
    """One exchange as it may be shown. `number` grows; `owner` is the handset's MSISDN where the watcher knew it."""

    number: int
    owner: str
    at: datetime
    outgoing: bool
    method: str
    path: str
    fields: Mapping[str, str]
    status: int
    body: str
    screen: str | None
    elapsed_ms: float


def masked(text: str) -> str:
    """Runs of 13 digits and more, however they are set apart, keep their last four."""
    return _LONG.sub(lambda found: MASK * 4 + found[1], text)


class Trace:
    """Watches lines: give them `observe`, or an `observer` of one handset."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._entries: deque[Entry] = deque(maxlen=ENTRIES_MAX)
        self._screens: OrderedDict[str, str | None] = OrderedDict()
        self._last = 0

    @property
    def last(self) -> int:
        """The newest entry's number, 0 before the first."""
        return self._last

    def observer(self, msisdn: str) -> Watcher:
        """For a wire that writes its customers' numbers in its own way."""

        def observe(exchange: Exchange) -> None:
            self.observe(exchange, msisdn)

        return observe

    def observe(self, exchange: Exchange, owner: str = "") -> None:
        """Keep it, masked."""
        self._last += 1
        parts = urlsplit(exchange.url)
        fields = dict(exchange.fields) | (dict(parse_qsl(parts.query)) if exchange.method == "GET" else {})
        self._entries.append(
            Entry(
                self._last,
                owner,
                self._now(),
                exchange.outgoing,
                exchange.method,
                parts.path + (f"?{parts.query}" if parts.query and exchange.method == "POST" else ""),
                self._shown(fields),
                exchange.status,
                masked(exchange.body[:BODY_MAX_CHARACTERS]),
                exchange.screen,
                round(exchange.elapsed_ms, 1),
            )
        )
        call = exchange.fields.get("CallSid", "")
        if call and not exchange.outgoing and "/status" not in parts.path:
            self._screens[call] = exchange.screen
            self._screens.move_to_end(call)
            while len(self._screens) > CALLS_MAX:
                self._screens.popitem(last=False)

    def of(self, msisdn: str, after: int = 0) -> tuple[Entry, ...]:
        """A customer's entries past a number, oldest first."""
        return tuple(e for e in self._entries if e.number > after and msisdn in {e.owner, *e.fields.values()})

    def _shown(self, typed: Mapping[str, str]) -> dict[str, str]:
        fields = {name: masked(value) if name in TYPED else value for name, value in typed.items()}
        digits = typed.get("Digits", "")
        if digits and self._secret(typed.get("CallSid", ""), digits):
            fields["Digits"] = MASK * len(digits)
        return fields

    def _secret(self, call: str, digits: str) -> bool:
        """Were these keys an answer to a secret question? One key of an unknown screen is a menu's."""
        screen = self._screens.get(call)
        return len(digits) > 1 if screen is None else screen in SECRET_SCREENS
