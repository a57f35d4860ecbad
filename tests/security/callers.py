"""Customers with canary cards, and every way a card's entry can go: paid, declined, unknown, left at each field."""

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from core.cards import luhn
from core.clock import SystemClock
from core.database.pool import open_database
from core.database.subscribers.importing import import_csv
from lab.caller import VoicePhone
from lab.twilio.call import Call
from lab.twilio.dialled import Pace
from tests.support.world import BEGINS, PUBLIC_URL

PACE = Pace(pause_factor=0.02)
TURNS_MAX = 60


def canary(stem: str) -> str:
    """The stem with its Luhn digit."""
    return next(stem + digit for digit in "0123456789" if luhn(stem + digit))


# No two share seven digits in a row, with each other or with anything a server writes by itself.
APPROVED = canary("471639285017406")
DECLINED = canary("537184926350718")
ASKS_PIN = canary("548261937405162")
CHARGES_SILENTLY = canary("462957183046295")
SILENT = canary("439518627490351")
BREAKS_US = canary("526473819506472")
MISTYPED = APPROVED[:-1] + str((int(APPROVED[-1]) + 3) % 10)
CARDS = (APPROVED, DECLINED, ASKS_PIN, CHARGES_SILENTLY, SILENT, BREAKS_US, MISTYPED)
PIN, WRONG_PIN = "86420975", "97531864"
CVV, OTHER_CVV = "739", "648"
EXPIRY = f"12{(SystemClock().now().year + 3) % 100:02d}"


@dataclass(frozen=True, slots=True)
class Way:
    """What is typed at which screen, in turn; the last answer of a screen repeats. "!" hangs up, "" stays silent."""

    name: str
    ends: str
    card: tuple[str, ...] = (f"{APPROVED}#",)
    expiry: tuple[str, ...] = (f"{EXPIRY}#",)
    confirm: tuple[str, ...] = ("1",)
    cvv: tuple[str, ...] = (f"{CVV}#",)
    pin: tuple[str, ...] = (f"{PIN}#",)
    declined: tuple[str, ...] = ("2",)

    def keys(self, screen: str, times: int) -> str:
        told = {
            "CardNumber": self.card,
            "CardExpiry": self.expiry,
            "ConfirmTotal": self.confirm,
            "CardCvv": self.cvv,
            "BankPin": self.pin,
            "Declined": self.declined,
        }.get(screen, ("1",))
        return told[min(times, len(told) - 1)]


WAYS = (
    Way("paid", "Paid"),
    Way(
        "paid after slips",
        "Paid",
        card=("4000*" + APPROVED + "#",),
        expiry=("13#", f"{EXPIRY}#"),
        cvv=("7#", f"{CVV}#"),
    ),
    Way("mistyped", "Paid", card=(f"{MISTYPED}#", f"{APPROVED}#"), expiry=(f"1399{CVV}#", f"{EXPIRY}#")),
    Way("declined", "Goodbye", card=(f"{DECLINED}#",), cvv=(f"{OTHER_CVV}#",)),
    Way("declined, then paid", "Paid", card=(f"{DECLINED}#", f"{APPROVED}#"), declined=("1",)),
    Way("the bank's PIN", "Paid", card=(f"{ASKS_PIN}#",), pin=(f"{WRONG_PIN}#", f"{PIN}#")),
    Way("wrong PINs", "Goodbye", card=(f"{ASKS_PIN}#",), pin=(f"{WRONG_PIN}#",)),
    Way("left at the PIN", "BankPin", card=(f"{ASKS_PIN}#",), pin=("!",)),
    Way("unknown, charged", "Unknown", card=(f"{CHARGES_SILENTLY}#",)),
    Way("unknown, not charged", "Unknown", card=(f"{SILENT}#",)),
    Way("left at the number", "CardNumber", card=("!",)),
    Way("left at the expiry", "CardExpiry", expiry=("!",)),
    Way("left at the total", "ConfirmTotal", confirm=("!",)),
    Way("left at the code", "CardCvv", cvv=("!",)),
    Way("to a person at the code", "Help", cvv=("0#",)),
    Way("too many tries", "Goodbye", cvv=("12#",)),
    Way("the code where the number goes", "Goodbye", card=(f"{CVV}#",)),
    Way("the card where the code goes", "Goodbye", cvv=(f"{APPROVED}#",)),
    Way("the card where the bills are", "CardNumber", card=("!",), confirm=(f"{APPROVED}#",)),
)


async def subscribe(database_url: str, count: int) -> None:
    """A line and a bill for each customer, whose payment code is known."""
    people = "service,reference,holder,contact_msisdn,email,payment_code,language\n"
    bills = "reference,number,period,amount,due_date\n"
    for n in range(count):
        people += f"mobile,{_line(n)},Holder {n},06{n:08d},holder{n}@example.com,482913,fr\n"
        bills += f"{_line(n)},{n:016d},2026-09-01,{100 + n}.50,2026-12-25\n"
    async with open_database(database_url) as database:
        for text in (people, bills):
            await import_csv(database, io.StringIO(text), BEGINS)


def _line(number: int) -> str:
    return f"07{number:08d}"


async def call(url: str, number: int, way: Way, answers: list[str]) -> str:
    """One call from its first word; the screen it ended on. `answers` takes what the caller was sent."""
    async with VoicePhone(url, f"+2126{number:08d}", public_url=PUBLIC_URL, pace=PACE) as phone:
        phone.line.watcher = lambda exchange: answers.append(exchange.body)
        line = await phone.dial()
        screen = await typed(line, way, number)
        assert line.error is None, f"{way.name}: {line.error}"
        line.hang_up()
        await line.finished()
    return screen


@asynccontextmanager
async def at_the_card(url: str, number: int) -> AsyncIterator[Call]:
    """A call that has come to the card's number."""
    async with VoicePhone(url, f"+2126{number:08d}", public_url=PUBLIC_URL, pace=PACE) as phone:
        line = await phone.dial()
        await typed(line, Way("to the card", "CardNumber", card=("!",)), number)
        assert line.screen == "CardNumber"
        yield line


async def typed(line: Call, way: Way, number: int = 0) -> str:
    """What the way says is typed, to its end; the screen it ended on."""
    met: dict[str, int] = {}
    for _ in range(TURNS_MAX):
        await line.settled()
        screen = line.screen or ""
        if line.ended or screen == "Unknown":
            break
        keys = {"Service": "2", "Reference": f"{_line(number)}#", "PaymentCode": "482913#"}.get(screen)
        keys = keys or way.keys(screen, met.get(screen, 0))
        met[screen] = met.get(screen, 0) + 1
        if keys == "!":
            break
        line.press(keys)
    return line.screen or ""
