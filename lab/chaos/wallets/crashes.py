"""Rounds of killing the server while it asks a wallet, and what the network, the ledgers and the customer say then.

A customer pays by USSD; the telephone rings at its owner's, who types the PIN whether or not our server lives. The
clock is moved on while everybody waits, so that leases, windows and late looks are met in seconds.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from lab.caller import UssdPhone
from lab.chaos.crashes import ROUNDS_A_POINT_MAX, STANDING
from lab.chaos.customer import Customer, customer
from lab.chaos.doors.customers import USSD_TURNS_MAX, ussd_keys
from lab.chaos.judging import ledger_differences
from lab.chaos.nursery import Nursery
from lab.chaos.wallets.faults import AheadClock, WalletPoint
from lab.chaos.wallets.holdings import held_by_wallet
from lab.chaos.world import Installation, give_bills, installation
from lab.twilio.webhooks import WebhookFailed
from lab.wallets.network import DEMO_PIN, WalletNetwork
from lab.wallets.stand import GSMA, WalletStand, wallet_stand

AHEAD = "ahead"  # the clock's file, beside the fuse
LOOK_S = 0.1
STEP_S = 1.2  # of the real time, more than a sweep's pause
STEPS_S = (0, 0, 10, 20, 40, 60, 120, 300, 600, 900, *(3_600,) * 40)  # of the server's
TRIES_MAX = 3
ATTEMPTS = """
SELECT a.reference::text AS reference, a.state, a.by_hand FROM wallet_attempts a JOIN payments p ON p.id = a.payment_id
WHERE p.line_reference = %(reference)s ORDER BY a.sent_at
"""
OPEN = frozenset({"waiting", "asking", "asked", "unknown", "surplus"})


@dataclass(frozen=True, slots=True)
class WalletRound:
    """What became of one customer. `ahead_s` until nothing waited; `faults` in words, none is how it should be."""

    point: WalletPoint
    ahead_s: float
    states: tuple[str, ...]
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WalletLane:
    """One server's rounds: some of a point's, on a database and in a folder of its own."""

    point: WalletPoint
    numbers: range

    @property
    def database(self) -> str:
        return f"{self.point}_{self.numbers.start}"


def wallet_lanes(rounds: int, lanes: int) -> list[WalletLane]:
    """Every point's rounds, on so many servers a point."""
    share = -(-rounds // lanes)
    return [
        WalletLane(point, range(first, min(first + share, rounds)))
        for point in WalletPoint
        for first in range(0, rounds, share)
    ]


async def wallet_crash_rounds(
    database_url: str,
    redis_url: str,
    folder: Path,
    lane: WalletLane,
    servers: Nursery | None = None,
    tell: Callable[[WalletRound], None] | None = None,
) -> list[WalletRound]:
    """A customer each, whose server dies at the point. The database is migrated already."""
    found, clock = [], AheadClock(folder / AHEAD)
    first = ROUNDS_A_POINT_MAX * (20 + list(WalletPoint).index(lane.point))
    async with wallet_stand(now=clock.now) as stand:
        options = {f"WALLETS__{GSMA.upper()}__{name.upper()}": value for name, value in stand.options(GSMA).items()}
        async with installation(database_url, redis_url, folder, servers, options) as house:
            people = [customer(first + number) for number in lane.numbers]
            await give_bills(house.database, people)
            await house.start()
            for number, who in zip(lane.numbers, people, strict=True):
                stand.network.give(GSMA, who.msisdn, 10 * who.amount_centimes).limit_centimes = who.amount_centimes
                found.append(await _Round(house, stand, clock, lane.point, number, who).run())
                if tell is not None:
                    tell(found[-1])
    return found


class _Round:
    """One customer, one death."""

    def __init__(
        self,
        house: Installation,
        stand: WalletStand,
        clock: AheadClock,
        point: WalletPoint,
        number: int,
        who: Customer,
    ) -> None:
        self._house, self._stand, self._clock = house, stand, clock
        self._point, self._number, self._who = point, number, who
        self._ahead_s = 0.0

    async def run(self) -> WalletRound:
        # every second owner types the PIN only when the server is back
        awake = asyncio.Event()
        if self._number % 2 or self._point is WalletPoint.AFTER_LANDING:
            awake.set()
        async with _owner(self._stand.network, self._who, awake):
            screen = await self._killed()
            awake.set()
            await self._house.start()
            if screen is not None:
                return WalletRound(self._point, 0.0, (), (f"not reached; the dialog ended {screen}",))
            await self._at_rest()
            for _ in range(TRIES_MAX):
                rows = await self._standing()
                if rows and rows[-1]["state"] == "captured":
                    break
                await pay_by_wallet(self._house.url, self._who)
                await self._at_rest()
        attempts = await self._attempts()
        return WalletRound(
            self._point, self._ahead_s, tuple(row["state"] for row in attempts), tuple(await self._faults(attempts))
        )

    async def _killed(self) -> str | None:
        """Dead at the point; otherwise what the dialog showed last."""
        if self._point is WalletPoint.AFTER_SEND:
            self._stand.network.in_dialog = self._kills
        else:
            self._house.fuse.arm(self._point)
        screen = await pay_by_wallet(self._house.url, self._who)
        try:
            await self._house.died()
        except TimeoutError:
            self._house.fuse.disarm()
            await self._house.kill()
            return screen or "nowhere"
        finally:
            self._stand.network.in_dialog = lambda msisdn: False
        return None

    def _kills(self, msisdn: str) -> bool:
        """The network has the request and asks whether the telephone is free: nobody hears its answer."""
        if self._house.process is not None:
            self._house.process.kill()
        return False

    async def _standing(self) -> list[dict[str, Any]]:
        return await self._house.database.all(STANDING, reference=self._who.reference)

    async def _attempts(self) -> list[dict[str, Any]]:
        return await self._house.database.all(ATTEMPTS, reference=self._who.reference)

    async def _at_rest(self) -> None:
        """Nothing of this customer's waits any more, or the last step is over."""
        for seconds in STEPS_S:
            await asyncio.sleep(STEP_S)
            payments, attempts = await self._standing(), await self._attempts()
            waits = any(row["state"] in OPEN and row["by_hand"] is None for row in attempts)
            if payments and not waits and all(map(_rests, payments)):
                return
            self._clock.forward(seconds)
            self._ahead_s += seconds

    async def _faults(self, attempts: list[dict[str, Any]]) -> list[str]:
        """Everything that must never be."""
        who, network, rows = self._who, self._stand.network, await self._standing()
        ours = [each for each in network.requests.values() if each.payer == who.msisdn]
        kept = [each.centimes - each.returned_centimes for each in ours if each.number]
        faults = [f"{row['reference']} is left {row['state']}" for row in attempts if row["state"] in OPEN]
        if [each for each in kept if each] != [who.amount_centimes]:
            faults.append(f"of {who.amount_centimes} kept {kept}: {rows} {attempts}")
        if len({each.key for each in ours}) != len(ours):
            faults.append("a reference was taken twice")
        if (receipts := self._house.receipts_of(who)) != 1:
            faults.append(f"{receipts} receipts")
        held = await held_by_wallet(self._house.database, network)
        return faults + await ledger_differences(self._house.database, self._house.cmi.ledger, wallets=held)


def _rests(row: dict[str, Any]) -> bool:
    if row["state"] == "captured":
        return bool(row["posted"] == 1 and row["receipt"] in {"sent", "delivered"})
    return row["state"] in {"expired", "declined", "voided"}


async def pay_by_wallet(base_url: str, who: Customer) -> str | None:
    """One dialog; the screen it ended on, None when the server died in it."""
    try:
        async with UssdPhone(base_url, who.msisdn) as phone:
            shown = await phone.dial()
            for _ in range(USSD_TURNS_MAX):
                if shown.ended or shown.screen in {"WalletOpen", "NothingToPay"}:
                    break
                shown = await phone.send(ussd_keys(shown.screen, shown.text, who))
            return str(shown.screen)
    except (WebhookFailed, aiohttp.ClientError, TimeoutError):
        return None


@asynccontextmanager
async def _owner(network: WalletNetwork, who: Customer, awake: asyncio.Event) -> AsyncIterator[None]:
    """Whoever has the telephone types the PIN at every prompt, once awake."""

    async def types() -> None:
        await awake.wait()
        while True:
            for request in network.prompts_of(who.msisdn):
                with suppress(KeyError):
                    network.answer(request.id, DEMO_PIN)
            await asyncio.sleep(LOOK_S)

    typing = asyncio.create_task(types())
    try:
        yield
    finally:
        typing.cancel()
        await asyncio.gather(typing, return_exceptions=True)
