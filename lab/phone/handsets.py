"""USSD handsets behind a gateway: one dialog a customer's number, kept for as long as the demo runs."""

from collections import OrderedDict
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Protocol, Self

from channels.ussd.wires import WIRES
from core.gsm7 import Coding, coding_of, size
from lab.caller import Shown, UssdPhone
from lab.ussd_wires import DIALECTS
from lab.webhooks import Line, Watcher

HANDSETS_MAX = 64


class Driver(Protocol):
    """A gateway's dialect, spoken from the handset's side. Each act raises WebhookFailed or ValueError."""

    @property
    def line(self) -> Line: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    async def dial(self, code: str = "") -> Shown: ...
    async def send(self, keys: str) -> Shown: ...
    async def repeat(self) -> Shown: ...
    async def drop(self) -> None: ...


MakeDriver = Callable[[str, str, str], Driver]  # base URL, MSISDN, service code
DRIVERS: dict[str, MakeDriver] = {wire: partial(UssdPhone, wire=wire) for wire in DIALECTS}


@dataclass(frozen=True, slots=True)
class Room:
    """What a page uses of what its wire carries. `unit` is the alphabet's name: gsm7 (septets) or ucs2 (units)."""

    used: int
    most: int
    unit: str


def room(text: str, wire: str) -> Room:
    """By the wire's own limits, as the speaker counts them."""
    limits, coding = WIRES[wire].limits, coding_of(text)
    return Room(size(text, coding), limits.septets if coding is Coding.GSM7 else limits.units, coding.value)


class NoDialog(Exception):
    """The page's fault: keys, a repeat or an end without a dialog."""


class Handsets:
    """Use within `async with`."""

    def __init__(self, base_url: str, service_code: str, watcher: Watcher) -> None:
        self._base_url, self._service_code, self._watcher = base_url, service_code, watcher
        self._drivers: OrderedDict[tuple[str, str], Driver] = OrderedDict()
        self._open: dict[str, Driver] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def dial(self, number: str, wire: str, code: str) -> Shown:
        """A new dialog. Raises NoDialog for an unknown wire, WebhookFailed."""
        if wire not in DRIVERS:
            raise NoDialog(f"{wire} is no wire that the phone speaks")
        driver = await self._driver(number, wire)
        return self._kept(number, driver, await driver.dial(code))

    async def send(self, number: str, keys: str) -> Shown:
        """An answer to the page shown."""
        driver = self._found(number)
        return self._kept(number, driver, await driver.send(keys))

    async def repeat(self, number: str) -> Shown:
        """The gateway asks again for what it has been answered; also after the dialog's end."""
        for (owner, _), driver in reversed(self._drivers.items()):
            if owner == number:
                return await driver.repeat()
        raise NoDialog("nothing was dialled yet")

    async def drop(self, number: str) -> None:
        """The network loses the dialog, or the customer ends it."""
        driver = self._open.pop(number, None)
        if driver is not None:
            await driver.drop()

    def _found(self, number: str) -> Driver:
        driver = self._open.get(number)
        if driver is None:
            raise NoDialog("the dialog is over")
        return driver

    def _kept(self, number: str, driver: Driver, shown: Shown) -> Shown:
        if shown.ended:
            self._open.pop(number, None)
        else:
            self._open[number] = driver
        return shown

    async def _driver(self, number: str, wire: str) -> Driver:
        driver = self._drivers.get((number, wire))
        if driver is None:
            if len(self._drivers) >= HANDSETS_MAX:
                raise NoDialog(f"at most {HANDSETS_MAX} handsets")
            driver = await self._stack.enter_async_context(DRIVERS[wire](self._base_url, number, self._service_code))
            driver.line.watcher = self._watcher
            self._drivers[number, wire] = driver
        self._drivers.move_to_end((number, wire))
        return driver
