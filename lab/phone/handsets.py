"""USSD handsets behind gateways: one a customer's number and wire, kept for as long as the demo runs."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from channels.ussd.wires import WIRES
from core.messaging.gsm7 import Coding, coding_of, size
from lab.caller import Shown, UssdPhone
from lab.twilio.webhooks import Watcher, WebhookFailed
from lab.ussd_wires import DIALECTS

HANDSETS_MAX = 200


@dataclass(frozen=True, slots=True)
class Room:
    """What a page uses of what its wire carries. `unit` is the alphabet's name: gsm7 (septets) or ucs2 (units)."""

    used: int
    most: int
    unit: str


@dataclass(frozen=True, slots=True)
class Page:
    """What a handset shows, and the room it takes on its wire."""

    shown: Shown
    room: Room


class NoDialog(Exception):
    """The page's fault: keys or a repeat without a dialog, a wire nobody speaks."""


class Handsets:
    """Use within `async with`. Every act raises NoDialog, WebhookFailed, or ValueError for an answer of no dialect."""

    def __init__(self, base_url: str, service_code: str, watch: Callable[[str], Watcher]) -> None:
        """`watch` gives the watcher of a number's wires."""
        self._base_url, self._service_code, self._watch = base_url, service_code, watch
        self._phones: dict[tuple[str, str], UssdPhone] = {}
        self._wires: dict[str, str] = {}  # the wire that a number dialled on last
        self._open: dict[str, Page] = {}  # what a number that is in a dialog was shown last
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def dial(self, number: str, wire: str, code: str) -> Page:
        """A new dialog."""
        phone = await self._phone(number, wire)
        self._wires[number] = wire
        return self._page(number, await phone.dial(code))

    async def send(self, number: str, keys: str) -> Page:
        """An answer to the page shown."""
        if number not in self._open:
            raise NoDialog("the dialog is over")
        try:
            return self._page(number, await self._last(number).send(keys))
        except (WebhookFailed, ValueError):
            self._open.pop(number, None)  # a gateway ends a dialog that gets no answer
            raise

    def open_page(self, number: str) -> Page | None:
        """What a dialog that goes on has shown last."""
        return self._open.get(number)

    async def repeat(self, number: str) -> Page:
        """The gateway asks again for what it has been answered; also after the dialog's end."""
        return self._page(number, await self._last(number).repeat())

    async def drop(self, number: str) -> None:
        """The network loses the dialog, or the customer ends it."""
        if number in self._open:
            del self._open[number]
            await self._last(number).drop()

    def _last(self, number: str) -> UssdPhone:
        wire = self._wires.get(number)
        if wire is None:
            raise NoDialog("nothing was dialled yet")
        return self._phones[number, wire]

    def _page(self, number: str, shown: Shown) -> Page:
        limits, coding = WIRES[self._wires[number]].limits, coding_of(shown.text)
        most = limits.septets if coding is Coding.GSM7 else limits.units
        page = Page(shown, Room(size(shown.text, coding), most, coding.value))
        if shown.ended:
            self._open.pop(number, None)
        else:
            self._open[number] = page
        return page

    async def _phone(self, number: str, wire: str) -> UssdPhone:
        if wire not in DIALECTS:
            raise NoDialog(f"{wire} is no wire that the phone speaks")
        phone = self._phones.get((number, wire))
        if phone is None:
            if len(self._phones) >= HANDSETS_MAX:
                raise NoDialog(f"at most {HANDSETS_MAX} handsets")
            phone = UssdPhone(self._base_url, number, self._service_code, wire=wire)
            await self._stack.enter_async_context(phone)
            phone.line.watcher = self._watch(number)
            self._phones[number, wire] = phone
        return phone
